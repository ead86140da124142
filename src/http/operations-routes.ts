import { RefusalError } from "../base/errors.js";
import { compileRegexp } from "../model/regexp.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { LANDING_PAGE } from "./landing-page.js";
import type { Method, Route, Scope } from "./router.js";
import { selfMetricsJson } from "./self-metrics-json.js";

const GET_HEAD: readonly Method[] = ["GET", "HEAD"];
/** No name here needs escaping. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/** What operators and load balancers ask: health, readiness, own metrics; and the page at `/`. */
export function operationsRoutes(gate: EngineGate, version: string, ownMetrics: () => string): Route[] {
  const route = (
    path: string,
    scope: Scope,
    summary: string,
    handle: (call: Call) => void,
    type = "text/plain",
  ): Route => ({
    path,
    methods: GET_HEAD,
    summary,
    gives: [type],
    scope,
    cors: false,
    handle,
  });
  const allMetrics = (): string => ownMetrics() + (gate.any()?.metricsText() ?? "");
  const page = LANDING_PAGE.replaceAll("{{version}}", version);
  return [
    route(
      "/",
      "open",
      "A page for people",
      (call) => call.reply(200, "text/html; charset=utf-8", page, ["Content-Security-Policy", PAGE_POLICY]),
      "text/html",
    ),
    route("/-/healthy", "open", "200 while the process serves", (call) =>
      call.text(200, "Varve is Healthy.\n"),
    ),
    route("/-/ready", "open", "200 when the database is open, else 503 and why", (call) => ready(gate, call)),
    route("/metrics", "read", "Own metrics in the Prometheus text format", (call) =>
      call.reply(200, METRICS_TYPE, allMetrics()),
    ),
    {
      path: "/api/v1/status/self_metrics",
      methods: ["GET"],
      summary: "Own metrics as JSON",
      params: [{ name: "metric_name_pattern", description: "RE2 that the whole name matches" }],
      scope: "read",
      cors: true,
      handle: (call) => selfMetrics(call, allMetrics()),
    },
  ];
}

/** The page loads nothing from elsewhere. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

function selfMetrics(call: Call, text: string): void {
  const pattern = call.param("metric_name_pattern");
  try {
    const names = compileRegexp(pattern === "" ? ".*" : pattern);
    call.data(selfMetricsJson(text, (name) => names.test(name)));
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    call.error("bad_data", `invalid metric_name_pattern: ${error.message}`);
  }
}

function ready(gate: EngineGate, call: Call): void {
  const state = gate.ready();
  if (state.state === "ready") call.text(200, "Varve is Ready.\n");
  // Reads go on while the disk refuses writes: taking the server out of a load balancer would end them too.
  else if (state.state === "degraded") call.text(200, `Varve is degraded: ${state.message}\n`);
  else call.unavailable(state, gate.reason());
}
