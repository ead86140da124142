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
import { Access } from "./access.js";
import { adminCardinalityRoutes } from "./admin-cardinality-routes.js";
import { adminRoutes } from "./admin-routes.js";
import { adminWriteRoutes } from "./admin-write-routes.js";
import { apiRoutes } from "./api-routes.js";
import { Capture } from "./capture.js";
import { openCorsPolicy } from "./cors.js";
import { Dispatcher } from "./dispatcher.js";
import type { EngineGate } from "./engine-gate.js";
import { federateRoute } from "./federate-route.js";
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
import { type AnyRoute, type RawRoute, Router } from "./router.js";
import { searchRoutes } from "./search-routes.js";
import { Senders } from "./senders.js";
import { statusRoutes } from "./status-routes.js";
import type { Listener } from "./transport.js";
import { tsdbStatusRoutes } from "./tsdb-status-routes.js";
import { WarmUp } from "./warm-up.js";
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
  const warmUp = new WarmUp(gate, options, cors, clock, log);
  warmUp.start();
  return {
    listener,
    routes: router.routes,
    reload(settings) {
      reloadListener(listener, settings.tls, settings.answerHeaders);
      access.replace(settings);
    },
    async close(graceMs) {
      capture.stop("the server stops");
      const stopped = warmUp.stop();
      await listener.close(graceMs);
      await stopped;
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
