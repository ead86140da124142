import { hostname } from "node:os";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { featuresOf } from "./features.js";
import type { Reloads } from "./reloads.js";
import type { Route, RouteParam } from "./router.js";

export interface StatusOptions {
  /** Varve's own version. */
  readonly version: string;
  readonly startTimeMs: number;
  readonly reloads: Reloads;
  readonly nowMs: () => number;
  /** Every flag with its value as text. */
  readonly flags: Readonly<Record<string, string>>;
}

/**
 * The version that `/status/buildinfo` gives: Grafana decides by it which parameters it may send, so it is that
 * of the Prometheus whose API is served. Varve's own version is beside it.
 */
const API_VERSION = "3.5.0";

const RULE_TYPE: RouteParam = { name: "type", description: "`alert` or `record`; absent: both" };

/** `/api/v1/status/*` and the endpoints that are empty in a store that neither scrapes nor evaluates rules. */
export function statusRoutes(gate: EngineGate, options: StatusOptions): Route[] {
  const get = (
    path: string,
    summary: string,
    handle: (call: Call) => void,
    params: readonly RouteParam[] = [],
  ): Route => ({
    path: `/api/v1${path}`,
    methods: ["GET"],
    summary,
    params,
    scope: "read",
    cors: true,
    handle,
  });
  const constant = (path: string, summary: string, data: unknown): Route =>
    get(path, summary, (call) => call.data(data));
  return [
    constant("/status/buildinfo", "Versions", buildInfo(options.version)),
    constant("/status/flags", "Flags and their values", options.flags),
    constant("/status/config", "The configuration file (Varve is configured by flags)", { yaml: "" }),
    get("/status/runtimeinfo", "State of the process", (call) => call.data(runtimeInfo(gate, options))),
    get("/rules", "Recording and alerting rules: none", rules, [RULE_TYPE]),
    constant("/alerts", "Alerts: none", { alerts: [] }),
    constant("/alertmanagers", "Alertmanagers: none", { activeAlertmanagers: [], droppedAlertmanagers: [] }),
    constant("/targets", "Scrape targets: none", {
      activeTargets: [],
      droppedTargets: [],
      droppedTargetCounts: {},
    }),
    constant("/targets/metadata", "Metadata by scrape target: none", []),
    constant("/scrape_pools", "Scrape pools: none", { scrapePools: [] }),
    constant("/notifications", "Notifications: none", []),
    constant("/features", "Features that are switched on", featuresOf(options.flags)),
  ];
}

function buildInfo(version: string): Record<string, string> {
  return {
    version: API_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
    application: "varve",
    varveVersion: version,
    nodeVersion: process.version,
  };
}

function runtimeInfo(gate: EngineGate, options: StatusOptions): Record<string, unknown> {
  const started = new Date(options.startTimeMs).toISOString();
  return {
    startTime: started,
    CWD: process.cwd(),
    hostname: hostname(),
    serverTime: new Date(options.nowMs()).toISOString(),
    reloadConfigSuccess: options.reloads.successful,
    lastConfigTime: new Date(options.reloads.lastSuccessSeconds * 1000).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 0,
    GOMEMLIMIT: 0,
    GOGC: "",
    GODEBUG: "",
    storageRetention: "",
    ...gate.any()?.runtimeInfo(),
  };
}

function rules(call: Call): void {
  const type = call.param("type").toLowerCase();
  if (type === "" || type === "alert" || type === "record") call.data({ groups: [] });
  else call.error("bad_data", `invalid parameter "type": not supported value ${JSON.stringify(type)}`);
}
