import type { Clock } from "../base/clock.js";
import { BODIES_BYTES_MAX } from "../base/limits.js";
import type { Logger } from "../base/log.js";
import type { MetricRegistry } from "../base/self-metrics.js";
import type { Access, Refusal } from "./access.js";
import { Call } from "./call.js";
import type { CorsPolicy } from "./cors.js";
import { BodyBudget, type BodyRefusal, collectBody, decodePercentOrNull, readForm, urlForm } from "./form.js";
import { discardBody, GatedExchange } from "./gated-exchange.js";
import { RouteMetrics } from "./http-metrics.js";
import type { AnyRoute, Found, Method, RawRoute, Route, Router } from "./router.js";
import type { Exchange } from "./transport.js";

/** From an exchange to its route, with the answers for what has none. */
export class Dispatcher {
  private readonly router: Router<AnyRoute>;
  private readonly cors: CorsPolicy;
  private readonly access: Access;
  private readonly log: Logger;
  private readonly clock: Clock;
  private readonly metrics = new Map<AnyRoute, RouteMetrics>();
  private readonly registry: MetricRegistry;
  private readonly noRoute: RouteMetrics;
  private readonly bodies = new BodyBudget(BODIES_BYTES_MAX);

  constructor(
    router: Router<AnyRoute>,
    cors: CorsPolicy,
    access: Access,
    registry: MetricRegistry,
    clock: Clock,
    log: Logger,
  ) {
    this.router = router;
    this.cors = cors;
    this.access = access;
    this.log = log;
    this.clock = clock;
    this.registry = registry;
    this.noRoute = new RouteMetrics(registry, "none");
  }

  dispatch(exchange: Exchange): void {
    const path = decodePercentOrNull(exchange.path);
    if (path === null) {
      this.refuseSpelling(exchange);
      return;
    }
    const found = this.router.find(path);
    if (found?.route.methods.includes(exchange.method as Method)) {
      if ("handleRaw" in found.route) this.handleRaw(exchange, found.route);
      else this.handle(exchange, found.route, found.variable);
    } else this.refuse(exchange, found);
  }

  private handleRaw(exchange: Exchange, route: RawRoute): void {
    const admission = this.access.admit(exchange, route);
    if (admission === null) {
      route.handleRaw(exchange);
      return;
    }
    const refused = new Call(exchange, "", NO_HEADERS, this.metricsOf(route), this.clock);
    const answer = (refusal: Refusal, close: boolean): void => {
      refused.closes = close;
      this.deny(refused, refusal);
    };
    if (admission instanceof Promise) route.handleRaw(new GatedExchange(exchange, admission, answer));
    else discardBody(exchange, (close) => answer(admission, close));
  }

  /** As Go's server does: no route sees a path with a broken escape. */
  private refuseSpelling(exchange: Exchange): void {
    const call = new Call(exchange, "", NO_HEADERS, this.noRoute, this.clock);
    discardBody(exchange, (close) => {
      call.closes = close;
      call.text(400, "400 Bad Request");
    });
  }

  private handle(exchange: Exchange, route: Route, variable: string): void {
    const headers = route.cors ? this.cors(exchange.header("origin")) : NO_HEADERS;
    const call = new Call(exchange, variable, headers, this.metricsOf(route), this.clock);
    const admission = this.access.admit(exchange, route);
    if (admission !== null && !(admission instanceof Promise)) {
      discardBody(exchange, (close) => {
        call.closes = close;
        this.deny(call, admission);
      });
      return;
    }
    const done = (refusal: BodyRefusal | null): void => {
      if (admission === null) this.run(call, route, refusal);
      else {
        void admission.then((denied) => {
          if (denied === null) this.run(call, route, refusal);
          else this.deny(call, denied);
        });
      }
    };
    if (route.bodyBytesMax === undefined) this.readParams(call, done);
    else this.readBody(call, route.bodyBytesMax, done);
  }

  private readParams(call: Call, done: (refusal: BodyRefusal | null) => void): void {
    readForm(call.exchange, this.bodies, (form) => {
      if (typeof form === "string") return done(form);
      call.params = form.params;
      call.formError = form.error;
      done(null);
    });
  }

  private readBody(call: Call, bytesMax: number, done: (refusal: BodyRefusal | null) => void): void {
    call.params = urlForm(call.exchange).params;
    collectBody(call.exchange, bytesMax, this.bodies, (body) => {
      if (typeof body !== "string") {
        call.body = body;
        call.onAnswer = () => this.bodies.give(body.length);
      }
      done(typeof body === "string" ? body : null);
    });
  }

  private run(call: Call, route: Route, refusal: BodyRefusal | null): void {
    if (refusal === "too-large") {
      if (route.bodyBytesMax === undefined) call.error("bad_data", "request body too large");
      else call.text(413, "request body too large\n");
      return;
    }
    if (refusal === "busy") {
      call.text(503, "too many request bodies at one time\n", ["Retry-After", "1"]);
      return;
    }
    try {
      route.handle(call);
    } catch (error) {
      const { requestId } = call;
      this.log.error("a request handler failed", { path: route.path, requestId, err: describe(error) });
      call.error("internal", "internal error");
    }
  }

  private refuse(exchange: Exchange, found: Found<AnyRoute> | null): void {
    // A browser asks this without credentials before it sends a request with them.
    if (exchange.path.startsWith("/api/v1/") && exchange.method === "OPTIONS") {
      const headers = this.cors(exchange.header("origin"));
      new Call(exchange, "", headers, this.noRoute, this.clock).empty(204);
      return;
    }
    const call = new Call(exchange, "", NO_HEADERS, this.noRoute, this.clock);
    const admission = this.access.admit(exchange, found?.route ?? null);
    const judge = (refusal: Refusal | null): void => {
      if (refusal !== null) this.deny(call, refusal);
      else if (found === null) call.text(404, "404 page not found\n");
      else if (exchange.method === "OPTIONS") call.empty(200, ["Allow", allowedMethods(found.route)]);
      else call.text(405, "Method Not Allowed\n", ["Allow", allowedMethods(found.route)]);
    };
    if (admission instanceof Promise) void admission.then(judge);
    else judge(admission);
  }

  private deny(call: Call, refusal: Refusal): void {
    const { status, message, headers, envelope } = refusal;
    const { path, caller, remoteAddress, requestId } = call.exchange;
    this.log.debug("request not let through", {
      path,
      status,
      reason: message,
      caller,
      remoteAddress,
      requestId,
    });
    if (envelope === true) call.error("unavailable", message);
    else call.text(status, `${message}\n`, headers);
  }

  private metricsOf(route: AnyRoute): RouteMetrics {
    let metrics = this.metrics.get(route);
    if (metrics === undefined) {
      metrics = new RouteMetrics(this.registry, route.path);
      this.metrics.set(route, metrics);
    }
    return metrics;
  }
}

const NO_HEADERS: readonly string[] = [];

function allowedMethods({ methods }: AnyRoute): string {
  return [...methods, "OPTIONS"].sort().join(", ");
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
