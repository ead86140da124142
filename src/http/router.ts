import type { Call } from "./call.js";
import type { Exchange } from "./transport.js";

/**
 * What a caller must be allowed to do. "open": whoever may do anything at all; where no credentials are configured,
 * everybody. "write": store samples; "read": ask for what is stored and how the server does; "admin": change or
 * remove what is stored, change settings, stop the server, see what senders sent.
 */
export type Scope = "open" | "read" | "write" | "admin";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

/** A parameter of a query string, or of a form where the method has a body. */
export interface RouteParam {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  /** It may be given any number of times. */
  readonly repeated?: boolean;
  /** Those of the route's methods that take it; absent: all. */
  readonly methods?: readonly Method[];
}

/** What a row says for the description of the API (openapi.ts) only. */
interface Described {
  readonly params?: readonly RouteParam[];
  /** Media types of a body that is no form. */
  readonly takes?: readonly string[];
  /** Media types of a success; "" stands for 204 without a body. Absent: Prometheus' envelope. */
  readonly gives?: readonly string[];
}

/** One row of the table that serves, and from which 404, 405 and the API's description are made. */
export interface Route extends Described {
  readonly path: string;
  readonly methods: readonly Method[];
  /** One line for people. */
  readonly summary: string;
  readonly scope: Scope;
  /** `--web.enable-lifecycle` decides about callers without credentials; the handler says so. */
  readonly lifecycle?: boolean;
  /** Cross-origin scripts may read the answer (everything under /api/v1). */
  readonly cors: boolean;
  /** The request's body is collected whole up to this size and given to `handle`; absent: only forms are read. */
  readonly bodyBytesMax?: number;
  readonly handle: (call: Call) => void;
}

/** A route that reads the exchange itself: the write paths. */
export interface RawRoute extends Described {
  readonly path: string;
  readonly methods: readonly Method[];
  readonly summary: string;
  readonly scope: Scope;
  readonly lifecycle?: boolean;
  readonly handleRaw: (exchange: Exchange) => void;
}

export type AnyRoute = Route | RawRoute;

export interface Found<R extends AnyRoute> {
  readonly route: R;
  /** What stands for `{…}` in the path; "" where the path has none. */
  readonly variable: string;
}

interface OpenPath<R> {
  readonly prefix: string;
  readonly suffix: string;
  /** `{name*}`: slashes may be in it. */
  readonly deep: boolean;
  readonly route: R;
}

/** Finds the route of a path: a hash lookup, and a scan of the few paths with a `{variable}` in them. */
export class Router<R extends AnyRoute> {
  readonly routes: readonly R[];
  private readonly exact = new Map<string, Found<R>>();
  private readonly open: OpenPath<R>[] = [];

  constructor(routes: readonly R[]) {
    this.routes = routes;
    for (const route of routes) {
      const mark = route.path.indexOf("{");
      if (mark < 0) this.exact.set(route.path, { route, variable: "" });
      else {
        const end = route.path.indexOf("}");
        const suffix = route.path.slice(end + 1);
        const deep = route.path[end - 1] === "*";
        this.open.push({ prefix: route.path.slice(0, mark), suffix, deep, route });
      }
    }
  }

  /** `path`: its percent escapes undone. */
  find(path: string): Found<R> | null {
    const found = this.exact.get(path);
    if (found !== undefined) return found;
    for (const { prefix, suffix, deep, route } of this.open) {
      if (path.length <= prefix.length + suffix.length) continue;
      if (!path.startsWith(prefix) || !path.endsWith(suffix)) continue;
      const variable = path.slice(prefix.length, path.length - suffix.length);
      if (deep) return { route, variable };
      // Clients take these out of a path.
      if (!variable.includes("/") && variable !== "." && variable !== "..") return { route, variable };
    }
    return null;
  }
}
