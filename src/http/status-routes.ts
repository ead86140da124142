import { hostname } from "node:os";
import { ask, askStrictly } from "./api-routes.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { featuresOf } from "./features.js";
import type { Reloads } from "./reloads.js";
import { MATCHES } from "./route-params.js";
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

const param = (name: string, description: string): RouteParam => ({ name, description });
const RULES_PARAMS: readonly RouteParam[] = [
  param("type", "`alert` or `record`; absent: both"),
  param("exclude_alerts", "`true`: without the alerts of each rule"),
  param("group_limit", "Most groups in the answer"),
  param("group_next_token", "Where the last answer ended"),
  ...["rule_name[]", "rule_group[]", "file[]"].map((name) => ({
    ...param(name, "The ones asked for"),
    repeated: true,
  })),
  MATCHES,
];
const TARGETS_PARAMS: readonly RouteParam[] = [
  param("state", "`active`, `dropped` or `any`"),
  param("scrapePool", "The one scrape pool that is asked for"),
];
const TARGETS_METADATA_PARAMS: readonly RouteParam[] = [
  param("match_target", "Series selector of the targets"),
  param("metric", "The one metric that is asked for"),
  param("limit", "Most entries in the answer"),
];

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
    get(
      "/rules",
      "Recording and alerting rules: none",
      (call) => askStrictly(gate, call, "rules"),
      RULES_PARAMS,
    ),
    constant("/alerts", "Alerts: none", { alerts: [] }),
    constant("/alertmanagers", "Alertmanagers: none", { activeAlertmanagers: [], droppedAlertmanagers: [] }),
    get("/targets", "Scrape targets: none", (call) => call.data(targets(call)), TARGETS_PARAMS),
    get(
      "/targets/metadata",
      "Metadata by scrape target: none",
      (call) => ask(gate, call, "targets_metadata"),
      TARGETS_METADATA_PARAMS,
    ),
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
    storageRetention: retention(options.flags),
    ...gate.any()?.runtimeInfo(),
  };
}

/** As Prometheus prints it: by time, by size, or both. */
function retention(flags: Readonly<Record<string, string>>): string {
  const [time = "", size = ""] = ["storage.tsdb.retention.time", "storage.tsdb.retention.size"].map(
    (name) => flags[name] ?? "",
  );
  return [time, size].filter((text) => !/^0*[A-Za-z]*$/.test(text)).join(" or ");
}

function targets(call: Call): Record<string, unknown> {
  const state = call.param("state").toLowerCase();
  const withDropped = state === "" || state === "any" || state === "dropped";
  return { activeTargets: [], droppedTargets: [], droppedTargetCounts: withDropped ? {} : null };
}
