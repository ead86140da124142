import type { Clock } from "../base/clock.js";
import {
  BODIES_BYTES_MAX,
  HEADER_BYTES_MAX,
  PASSWORD_CHECKS_MAX,
  SLOT_WAIT_BYTES_MAX,
  SLOT_WAIT_MS_MAX,
} from "../base/limits.js";
import type { Logger } from "../base/log.js";
import { labelText, MetricRegistry } from "../base/self-metrics.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import { Access, type Refusal } from "./access.js";
import { adminCardinalityRoutes } from "./admin-cardinality-routes.js";
import { adminRoutes } from "./admin-routes.js";
import { adminWriteRoutes } from "./admin-write-routes.js";
import { apiRoutes } from "./api-routes.js";
import { Call } from "./call.js";
import { Capture } from "./capture.js";
import { type CorsPolicy, openCorsPolicy } from "./cors.js";
import type { EngineGate } from "./engine-gate.js";
import { federateRoute } from "./federate-route.js";
import { BodyBudget, type BodyRefusal, collectBody, decodePercentOrNull, readForm, urlForm } from "./form.js";
import { discardBody, GatedExchange } from "./gated-exchange.js";
import { RouteMetrics } from "./http-metrics.js";
import { importExportRoutes } from "./import-export-routes.js";
import { type Lifecycle, lifecycleRoutes } from "./lifecycle-routes.js";
import { listen, reloadListener, type TransportChoice } from "./listen.js";
import { isLoopbackHost } from "./loopback.js";
import { openApiRoutes } from "./openapi.js";
import { operationsRoutes } from "./operations-routes.js";
import { otlpRoute } from "./otlp-route.js";
import { registerProcessMetrics } from "./process-metrics.js";
import { RejectionLedger } from "./rejection-ledger.js";
import { remoteReadRoute } from "./remote-read-route.js";
import { type AnyRoute, type Found, type Method, type RawRoute, type Route, Router } from "./router.js";
import { searchRoutes } from "./search-routes.js";
import { Senders } from "./senders.js";
import { statusRoutes } from "./status-routes.js";
import type { Exchange, Listener } from "./transport.js";
import { tsdbStatusRoutes } from "./tsdb-status-routes.js";
import type { WebSettings } from "./web-settings.js";
import { DRY_RUN_PARAM, WRITE_PATHS, WriteRoute } from "./write-route.js";

export interface FrontEndOptions {
  readonly host: string;
  readonly port: number;
  readonly transport: TransportChoice;
  readonly readTimeoutMs: number;
  readonly connectionsMax: number;
  readonly corsOrigin: string;
  readonly web: WebSettings;
  /** `--web.enable-admin-api` */
  readonly adminApi: boolean;
  readonly lifecycle: Lifecycle;
  /** Folder of the database: captures lie in it. */
  readonly dataPath: string;
  readonly requestBytesMax: number;
  /** Remote reads answered at one time; 0: no limit. */
  readonly readConcurrencyMax: number;
  readonly durability: string;
  readonly version: string;
  readonly flags: Readonly<Record<string, string>>;
}

export interface FrontEnd {
  readonly listener: Listener;
  /** The table that serves. */
  readonly routes: readonly AnyRoute[];
  /** Takes other settings at once. Throws ListenError, and nothing has changed, where that needs another start. */
  reload(web: WebSettings): void;
  /** Stops accepting, waits for answers under way, closes. */
  close(graceMs: number): Promise<void>;
}

/** Serves `gate`'s engine over HTTP. Throws ListenError where the address cannot be had. */
export async function openFrontEnd(
  gate: EngineGate,
  options: FrontEndOptions,
  log: Logger,
  clock: Clock,
): Promise<FrontEnd> {
  const registry = new MetricRegistry();
  registerProcessMetrics(registry, clock, options.version);
  const { web, adminApi, lifecycle } = options;
  lifecycle.reloads.register(registry);
  const rules = { loopback: isLoopbackHost(options.host), adminApi };
  const access = new Access(web, rules, clock, registry);
  const capture = new Capture(nodeFileSystem, options.dataPath, clock, log);
  const router = new Router(routeTable(gate, options, registry, clock, capture));
  const cors = openCorsPolicy(options.corsOrigin);
  const dispatcher = new Dispatcher(router, cors, access, registry, clock, log);
  const listener = await listen(
    options.transport,
    { ...options, ...web, headerBytesMax: HEADER_BYTES_MAX },
    (exchange) => dispatcher.dispatch(exchange),
    log,
  );
  registerBounds(registry, options);
  registry.gauge("varve_http_connections", "Open HTTP connections.", () => listener.connectionCount());
  registry.gauge("varve_ready", "1 while the database is open and the disk takes writes.", () =>
    gate.ready().state === "ready" ? 1 : 0,
  );
  return {
    listener,
    routes: router.routes,
    reload(settings) {
      reloadListener(listener, settings.tls, settings.answerHeaders);
      access.replace(settings);
    },
    async close(graceMs) {
      capture.stop("the server stops");
      await listener.close(graceMs);
      await access.close();
    },
  };
}

/** The bounds that meet a flood, beside the metrics of what they bound. */
function registerBounds(registry: MetricRegistry, options: FrontEndOptions): void {
  const bounds: Readonly<Record<string, number>> = {
    connections: options.connectionsMax,
    request_bytes: options.requestBytesMax,
    request_milliseconds: options.readTimeoutMs,
    slot_wait_milliseconds: SLOT_WAIT_MS_MAX,
    slot_wait_bytes: SLOT_WAIT_BYTES_MAX,
    body_bytes: BODIES_BYTES_MAX,
    password_checks: PASSWORD_CHECKS_MAX,
  };
  for (const [bound, value] of Object.entries(bounds)) {
    const help = "Bounds of the front end (docs/LIMITS.md).";
    registry.gauge("varve_http_bound", help, () => value, labelText({ bound }));
  }
}

function routeTable(
  gate: EngineGate,
  options: FrontEndOptions,
  registry: MetricRegistry,
  clock: Clock,
  capture: Capture,
): AnyRoute[] {
  const { requestBytesMax, durability, version, flags } = options;
  const senders = new Senders();
  const ledger = new RejectionLedger();
  const write = new WriteRoute(
    gate,
    { requestBytesMax, durability, clock, senders, ledger, capture },
    new RouteMetrics(registry, "/api/v1/write"),
    registry,
  );
  const writes = WRITE_PATHS.map(
    (path): RawRoute => ({
      path,
      methods: ["POST"],
      summary: "Remote Write 1.0 and 2.0",
      params: [DRY_RUN_PARAM],
      takes: ["application/x-protobuf"],
      gives: ["", "application/json"],
      scope: "write",
      handleRaw: (exchange) => write.handle(exchange),
    }),
  );
  const table: AnyRoute[] = [
    ...writes,
    ...apiRoutes(gate),
    ...searchRoutes(gate),
    federateRoute(gate),
    remoteReadRoute(gate, options.readConcurrencyMax),
    otlpRoute(gate, options.requestBytesMax, options.durability),
    ...statusRoutes(gate, {
      version,
      flags,
      reloads: options.lifecycle.reloads,
      startTimeMs: clock.nowMs(),
      nowMs: () => clock.nowMs(),
    }),
    ...tsdbStatusRoutes(gate),
    ...adminRoutes(gate),
    ...importExportRoutes(gate, () => clock.nowMs()),
    ...adminCardinalityRoutes(gate, senders, () => clock.nowMs()),
    ...adminWriteRoutes(ledger, capture),
    ...operationsRoutes(gate, version, () => registry.text()),
    ...lifecycleRoutes(options.lifecycle),
    ...openApiRoutes(() => table, version),
  ];
  return table;
}

/** From an exchange to its route, with the answers for what has none. */
class Dispatcher {
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
