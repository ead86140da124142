/**
 * What Grafana's Prometheus data source, Perses, promtool, prometheus-query and Prometheus' own page send, with
 * their parameters, methods and headers, about the data of this test.
 */
import type { Dice } from "../differential/dice.js";
import { BEGIN_MS } from "../differential/span.js";
import type { ApiRequest } from "./request.js";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const START = String(BEGIN_MS / 1000);
const END = String(BEGIN_MS / 1000 + 3600);
const START_ISO = new Date(BEGIN_MS).toISOString();
const END_ISO = new Date(BEGIN_MS + 3_600_000).toISOString();

type Pairs = readonly (readonly [string, string])[];

function pairs(all: Pairs): string[] {
  return all.map(([name, value]) => new URLSearchParams({ [name]: value }).toString());
}

function get(path: string, params: Pairs = [], headers: Record<string, string> = {}): ApiRequest {
  return {
    method: "GET",
    path: `/api/v1${path}`,
    query: pairs(params),
    form: null,
    body: new Uint8Array(),
    headers,
  };
}

function post(path: string, params: Pairs, headers: Record<string, string> = {}): ApiRequest {
  return { ...get(path, [], { ...FORM, ...headers }), method: "POST", form: pairs(params) };
}

const GRAFANA = { Accept: "application/json, text/plain, */*", "Accept-Encoding": "gzip" };
/** `pkg/promlib` and the data source's resource calls. */
const grafana: readonly ApiRequest[] = [
  // "Save & test", then what it decides by.
  post(
    "/query",
    [
      ["query", "1+1"],
      ["time", "4.000"],
    ],
    GRAFANA,
  ),
  get("/status/buildinfo", [], GRAFANA),
  get("/metadata", [["limit", "1000"]], GRAFANA),
  post(
    "/labels",
    [
      ["start", START],
      ["end", END],
    ],
    GRAFANA,
  ),
  post(
    "/labels",
    [
      ["match[]", "edge_special"],
      ["start", START],
      ["end", END],
      ["limit", "40000"],
    ],
    GRAFANA,
  ),
  get(
    "/label/__name__/values",
    [
      ["start", START],
      ["end", END],
      ["limit", "40000"],
    ],
    GRAFANA,
  ),
  get(
    "/label/job/values",
    [
      ["match[]", "edge_special"],
      ["start", START],
      ["end", END],
    ],
    GRAFANA,
  ),
  get(
    "/label/U__http_2e_method/values",
    [
      ["match[]", '{"edge.http.requests"}'],
      ["start", START],
      ["end", END],
    ],
    GRAFANA,
  ),
  post(
    "/series",
    [
      ["match[]", "edge_presence"],
      ["start", START],
      ["end", END],
      ["limit", "40000"],
    ],
    GRAFANA,
  ),
  post(
    "/query_range",
    [
      ["query", "rate(edge_resets_total[1m0s])"],
      ["start", `${START}.000`],
      ["end", `${END}.000`],
      ["step", "15"],
    ],
    GRAFANA,
  ),
  post(
    "/query",
    [
      ["query", "topk(3, edge_special)"],
      ["time", `${END}.000`],
    ],
    GRAFANA,
  ),
  post(
    "/query_exemplars",
    [
      ["query", "exemplar_requests_total"],
      ["start", START],
      ["end", END],
    ],
    GRAFANA,
  ),
  get(
    "/rules",
    [
      ["exclude_alerts", "true"],
      ["group_limit", "100"],
    ],
    GRAFANA,
  ),
  get("/rules", [["type", "alert"]], GRAFANA),
  get("/alerts", [], GRAFANA),
  get("/alertmanagers", [], GRAFANA),
  get("/parse_query", [["query", "sum(edge_special)"]], GRAFANA),
  get(
    "/query",
    [
      ["query", "count(recent_up)"],
      ["stats", "true"],
    ],
    GRAFANA,
  ),
];

const PERSES = {
  Accept: "*/*",
  "Accept-Encoding": "gzip, deflate, br, zstd",
  Origin: "http://localhost:8080",
};
/** `prometheus-plugin/src/model/prometheus-client.ts`. */
const perses: readonly ApiRequest[] = [
  post(
    "/query",
    [
      ["query", "edge_special"],
      ["time", START],
    ],
    PERSES,
  ),
  post(
    "/query_range",
    [
      ["query", "edge_special"],
      ["start", START],
      ["end", END],
      ["step", "30"],
    ],
    PERSES,
  ),
  post(
    "/labels",
    [
      ["match[]", "edge_special"],
      ["start", START],
      ["end", END],
    ],
    PERSES,
  ),
  get(
    "/label/kind/values",
    [
      ["match[]", "edge_special"],
      ["start", START],
      ["end", END],
    ],
    PERSES,
  ),
  get("/metadata", [["metric", "recent_up"]], PERSES),
  post(
    "/series",
    [
      ["match[]", "edge_special"],
      ["start", START],
      ["end", END],
    ],
    PERSES,
  ),
  post("/parse_query", [["query", 'sum by (kind) (rate(edge_resets_total{kind="steady"}[5m]))']], PERSES),
  get("/status/buildinfo", [], PERSES),
  get(
    "/query",
    [
      ["query", "vector(1)"],
      ["time", START],
    ],
    PERSES,
  ),
];

const GO_CLIENT = { "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip" };
/** promtool, by client_golang's `api/prometheus/v1`. */
const promtool: readonly ApiRequest[] = [
  post("/query", [["query", "recent_up"]], GO_CLIENT),
  post(
    "/query",
    [
      ["query", "edge_special"],
      ["time", START],
      ["timeout", "2m0s"],
    ],
    GO_CLIENT,
  ),
  post(
    "/query_range",
    [
      ["end", END],
      ["query", "edge_special"],
      ["start", START],
      ["step", "14"],
    ],
    GO_CLIENT,
  ),
  post(
    "/series",
    [
      ["end", END],
      ["match[]", "edge_special"],
      ["match[]", "edge_scale"],
      ["start", START],
    ],
    GO_CLIENT,
  ),
  post(
    "/labels",
    [
      ["end", END],
      ["start", START],
    ],
    GO_CLIENT,
  ),
  get(
    "/label/job/values",
    [
      ["end", END],
      ["start", START],
    ],
    GO_CLIENT,
  ),
  { ...get("", [], GO_CLIENT), path: "/-/healthy" },
  { ...get("", [], GO_CLIENT), path: "/-/ready" },
  get(
    "/targets/metadata",
    [
      ["limit", ""],
      ["match_target", ""],
      ["metric", ""],
    ],
    GO_CLIENT,
  ),
  get(
    "/metadata",
    [
      ["limit", ""],
      ["metric", ""],
    ],
    GO_CLIENT,
  ),
  get("/status/tsdb", [["limit", "1"]], GO_CLIENT),
  get("/status/walreplay", [], GO_CLIENT),
  get("/targets", [], GO_CLIENT),
];

const AXIOS = {
  Accept: "application/json, text/plain, */*",
  "Accept-Encoding": "gzip, compress, deflate, br",
};
/** The npm package prometheus-query, and Prometheus' page. */
const browsers: readonly ApiRequest[] = [
  get(
    "/query",
    [
      ["query", "edge_special"],
      ["time", START_ISO],
      ["timeout", "0"],
    ],
    AXIOS,
  ),
  get(
    "/query",
    [
      ["query", "edge_special"],
      ["time", START],
    ],
    AXIOS,
  ),
  get(
    "/query_range",
    [
      ["query", "edge_special"],
      ["start", START],
      ["end", END],
      ["step", "60"],
    ],
    AXIOS,
  ),
  get(
    "/query_range",
    [
      ["query", "edge_special"],
      ["start", START_ISO],
      ["end", END_ISO],
      ["step", "60"],
    ],
    AXIOS,
  ),
  get(
    "/series",
    [
      ["match[]", "edge_special"],
      ["match[]", "edge_scale"],
      ["start", START],
      ["end", END],
    ],
    AXIOS,
  ),
  get("/labels", [], AXIOS),
  get("/label/job/values", [], AXIOS),
  get("/targets", [["state", "any"]], AXIOS),
  get(
    "/targets/metadata",
    [
      ["match_target", ""],
      ["metric", ""],
      ["limit", "1"],
    ],
    AXIOS,
  ),
  get("/rules", [], AXIOS),
  get("/status/config", [], AXIOS),
  get("/status/flags", [], AXIOS),
  get("/status/runtimeinfo", [], AXIOS),
  get("/status/tsdb", [], AXIOS),
  get("/scrape_pools", [], AXIOS),
  get("/notifications", [], AXIOS),
  get("/format_query", [["query", "sum(edge_special)by(kind)"]], AXIOS),
  {
    ...get("/query", [], { Origin: "http://localhost:3000", "Access-Control-Request-Method": "POST" }),
    method: "OPTIONS",
  },
];

const ALL: readonly ApiRequest[] = [...grafana, ...perses, ...promtool, ...browsers];

export function clientRequest(dice: Dice): ApiRequest {
  return dice.pick(ALL);
}
