/** The endpoints that both servers have, with what each takes: the grammar of the generated requests. */
import type { Dice } from "../differential/dice.js";
import type { Vocabulary } from "../differential/vocabulary.js";
import {
  corpusTimeMs,
  duration,
  labelPathSegment,
  limit,
  query,
  queryOfNow,
  selector,
  spelledTime,
  time,
  type Value,
} from "./values.js";

type Make = (dice: Dice, vocabulary: Vocabulary) => Value;

export interface Param {
  readonly name: string;
  /** How often it is there. */
  readonly chance: number;
  readonly value: Make;
  /** How often at most; 1 where it is absent. */
  readonly countMax?: number;
}

export interface Endpoint {
  readonly weight: number;
  readonly path: (dice: Dice) => string;
  /** The methods that it serves. */
  readonly methods: readonly string[];
  readonly params: readonly Param[];
  /** Values of Accept that mean something to it. */
  readonly accepts?: readonly string[];
}

const GET: readonly string[] = ["GET"];
const GET_POST: readonly string[] = ["GET", "POST"];
const POST_PUT: readonly string[] = ["POST", "PUT"];

function param(name: string, chance: number, value: Make, countMax = 1): Param {
  return { name, chance, value, countMax };
}

const oneOf =
  (...values: readonly Value[]): Make =>
  (dice) =>
    dice.pick(values);

const RANGE: readonly Param[] = [param("start", 0.5, time), param("end", 0.5, time)];
const LIMIT = param("limit", 0.35, limit);
const STATS = param("stats", 0.1, oneOf("", "true", "1", "x"));
const EVALUATION: readonly Param[] = [
  param("timeout", 0.15, (dice) =>
    dice.chance(0.6) ? dice.pick(["30s", "10", "1m", "100"]) : duration(dice),
  ),
  LIMIT,
  param("lookback_delta", 0.15, duration),
  STATS,
];
const MATCHES = (chance: number): Param => param("match[]", chance, selector, 3);
const FEDERATE_ACCEPTS: readonly string[] = [
  "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
  "text/plain;version=0.0.4;escaping=allow-utf-8",
  "text/plain;version=1.0.0;escaping=values",
  "text/plain;escaping=dots",
];
const RULES: readonly Param[] = [
  param("type", 0.4, oneOf("alert", "record", "ALERT", "x", "", "alerts", "é")),
  param("exclude_alerts", 0.3, oneOf("true", "false", "1", "T", "x", "TRUE", "yes", "")),
  param("group_limit", 0.4, oneOf("1", "0", "-1", "x", "10", "99999999999", "", "1.5")),
  param("group_next_token", 0.3, oneOf("abc", "", "x y", "é")),
  param("rule_name[]", 0.2, oneOf("a", ""), 2),
  param("rule_group[]", 0.2, oneOf("a", ""), 2),
  param("file[]", 0.2, oneOf("a", ""), 2),
  MATCHES(0.4),
];

function at(weight: number, path: string, methods: readonly string[], ...params: readonly Param[]): Endpoint {
  return { weight, path: () => `/api/v1${path}`, methods, params };
}

function atRoot(
  weight: number,
  path: string,
  methods: readonly string[],
  ...params: readonly Param[]
): Endpoint {
  return { weight, path: () => path, methods, params };
}

/** Larger ones make Prometheus allocate what they say, until it dies of it. */
const statusLimit: Make = oneOf(
  "1",
  "3",
  "10",
  "100",
  "10000",
  "10001",
  "50000",
  "0",
  "-1",
  "x",
  "",
  "1.5",
  "+3",
  " 5",
);

const ofCorpus: Make = (dice) => spelledTime(dice, corpusTimeMs(dice));

/** What the list of differences is about, often enough that each is met in two thousand requests. */
const DIFFERENT: readonly Endpoint[] = [
  at(
    2,
    "/query",
    GET,
    param("query", 1, oneOf("edge_special", "limitk(3, edge_special)", "count by (kind) (edge_presence)")),
    ...[param("time", 1, () => "1709251200"), param("limit", 1, oneOf("1", "2", "5"))],
  ),
  at(
    1.5,
    "/query",
    GET,
    param("query", 1, oneOf("1", "edge_special")),
    param("timeout", 1, oneOf("0", "-1", "0s")),
  ),
  at(
    1.5,
    "/query",
    GET,
    param("query", 1, oneOf("vector(1)", "2")),
    param(
      "time",
      1,
      oneOf("-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54Z", "0001-01-01T00:00:00Z"),
    ),
  ),
  at(
    1.5,
    "/query_range",
    GET,
    ...[
      param("query", 1, () => "1"),
      param("start", 1, () => "1709247600"),
      param("end", 1, () => "1709247601"),
    ],
    param("step", 1, oneOf("0.0005", "0.0009", "0.0001", "0.001", "0.0015", "1e-3")),
  ),
  at(2, "/label/__name__/values", GET, param("limit", 1, oneOf("5", "30", "100"))),
  at(
    2,
    "/series",
    GET,
    param("match[]", 1, oneOf('{job="edge"}', "{job!=''}")),
    param("limit", 1, oneOf("20", "100", "200")),
  ),
  at(1, "/series", ["DELETE", "PUT"]),
  atRoot(0.5, "/metrics", ["HEAD", "PUT"]),
  atRoot(0.5, "/", ["HEAD"]),
  atRoot(0.5, "/-/healthy", ["HEAD"]),
  atRoot(0.5, "/-/quit", GET),
  atRoot(0.5, "/-/reload", GET),
];

export const ENDPOINTS: readonly Endpoint[] = [
  ...DIFFERENT,
  at(8, "/query", GET_POST, param("query", 0.95, query), param("time", 0.97, time), ...EVALUATION),
  at(5, "/query", GET_POST, param("query", 1, query), param("time", 1, ofCorpus), LIMIT),
  at(3, "/query", GET_POST, param("query", 1, queryOfNow), LIMIT, STATS),
  at(
    7,
    "/query_range",
    GET_POST,
    ...[param("query", 0.95, query), param("start", 0.95, time), param("end", 0.95, time)],
    ...[param("step", 0.95, duration), ...EVALUATION],
  ),
  at(
    6,
    "/query_range",
    GET_POST,
    ...[param("query", 1, query), param("start", 1, () => "1709247600"), param("end", 1, () => "1709251200")],
    ...[param("step", 1, oneOf("60", "5m", "300", "15s", "0.5", "1h")), LIMIT],
  ),
  at(5, "/query_exemplars", GET_POST, param("query", 0.95, query), ...RANGE),
  at(
    3,
    "/query_exemplars",
    GET_POST,
    param(
      "query",
      1,
      oneOf("exemplar_requests_total", '{code=~"2.*|5.*"}', "rate(exemplar_requests_total[5m])"),
    ),
    ...RANGE,
  ),
  at(4, "/format_query", GET_POST, param("query", 0.95, query)),
  at(4, "/parse_query", GET_POST, param("query", 0.95, query)),
  at(7, "/labels", GET_POST, MATCHES(0.6), ...RANGE, LIMIT),
  at(8, "/series", GET_POST, MATCHES(0.95), ...RANGE, LIMIT),
  {
    weight: 9,
    path: (dice) => `/api/v1/label/${labelPathSegment(dice)}/values`,
    methods: GET,
    params: [MATCHES(0.5), ...RANGE, LIMIT],
  },
  at(
    5,
    "/metadata",
    GET,
    param("metric", 0.4, oneOf("recent_up", "edge_latency_seconds", "nowhere", "", "é")),
    param("limit", 0.4, limit),
    param("limit_per_metric", 0.4, limit),
  ),
  at(
    2,
    "/targets",
    GET,
    param("state", 0.6, oneOf("active", "dropped", "any", "ANY", "x", "")),
    param("scrapePool", 0.3, oneOf("a", "")),
  ),
  at(
    3,
    "/targets/metadata",
    GET,
    ...[
      param("match_target", 0.6, selector),
      param("metric", 0.3, oneOf("up", "")),
      param("limit", 0.5, limit),
    ],
  ),
  at(5, "/rules", GET, ...RULES),
  at(1, "/alerts", GET),
  at(1, "/alertmanagers", GET),
  at(1, "/scrape_pools", GET),
  at(1, "/notifications", GET),
  at(1, "/status/config", GET),
  at(1, "/status/flags", GET),
  at(1, "/status/runtimeinfo", GET),
  at(1, "/status/buildinfo", GET),
  at(3, "/status/tsdb", GET, param("limit", 0.7, statusLimit)),
  at(1, "/status/walreplay", GET),
  at(
    3,
    "/admin/tsdb/delete_series",
    POST_PUT,
    param("match[]", 0.8, selectorOfNothing, 2),
    param("start", 0.5, time),
    param("end", 0.5, time),
  ),
  at(
    1.5,
    "/admin/tsdb/snapshot",
    POST_PUT,
    param("skip_head", 1, oneOf("x", "true", "1", "yes", "T", "tRUE", "é", "2")),
  ),
  at(0.3, "/admin/tsdb/clean_tombstones", POST_PUT),
  { ...atRoot(4, "/federate", GET, MATCHES(0.9)), accepts: FEDERATE_ACCEPTS },
  atRoot(1, "/-/healthy", GET),
  atRoot(1, "/-/ready", GET),
  atRoot(0.5, "/-/reload", POST_PUT),
  atRoot(0.5, "/-/quit", POST_PUT),
  atRoot(0.5, "/metrics", GET),
  atRoot(0.7, "/", GET),
  {
    weight: 3,
    path: (dice) =>
      dice.pick([
        ...[
          "/api/v1/",
          "/api/v1",
          "/api/v1/nothing",
          "/api/v1/query/",
          "/api/v1/Query",
          "/api/v1/label//values",
        ],
        ...[
          "/api/v1/label/job",
          "/api/v1/label/a/b/values",
          "/api/v1//query",
          "/api/v1/../v1/query",
          "/api",
          "/api/v2/query",
        ],
        ...[
          "/api/v1/status",
          "/api/v1/status/nothing",
          "/api/v1/admin",
          "/api/v1/series/",
          "/nothing",
          "/-/nothing",
          "/-/",
        ],
        ...[
          "/api/v1/query%20",
          "/api/v1/%71uery",
          "/api/v1/labels%2f",
          "/federate/",
          "/metrics/",
          "/api/v1/LABELS",
        ],
        ...["/graph", "/version", "/api/v1/label/job/values/", "/api/v1/query;x", "/api/v1/status/TSDB"],
      ]),
    methods: ["GET", "POST"],
    params: [param("query", 0.5, oneOf("1", "up"))],
  },
];

/** What may be deleted without a trace: series that do not exist, and what is no selector. */
function selectorOfNothing(dice: Dice): Value {
  return dice.pick<Value>([
    ...[
      "nowhere",
      '{job="nowhere"}',
      "",
      "nowhere{",
      "nowhere[5m]",
      "1",
      '{a="b",c!="d"}',
      "{job=~'['}",
      "sum(nowhere)",
    ],
    { raw: "%ff" },
    { raw: "nowhere%7Ba%3D%22%ff%22%7D" },
  ]);
}
