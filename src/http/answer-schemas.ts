/** What `data` of a success is, by route, as JSON Schema: for the description of the API (openapi.ts). */
export type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "number" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const INTEGER: Schema = { type: "integer" };
const FLAG: Schema = { type: "boolean" };
const ANYTHING: Schema = {};

const list = (items: Schema): Schema => ({ type: "array", items });
const mapOf = (values: Schema): Schema => ({ type: "object", additionalProperties: values });
const oneOf = (...schemas: readonly Schema[]): Schema => ({ oneOf: schemas });
const only = (value: string): Schema => ({ const: value });
const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const tuple = (...items: readonly Schema[]): Schema => ({
  type: "array",
  prefixItems: items,
  minItems: items.length,
  maxItems: items.length,
});
/** Members whose names end in `?` may be absent. */
function members(all: Readonly<Record<string, Schema>>): Schema {
  const names = Object.keys(all);
  return {
    type: "object",
    required: names.filter((name) => !name.endsWith("?")),
    properties: Object.fromEntries(names.map((name) => [name.replace("?", ""), all[name]])),
  };
}

const LABELS: Schema = named("Labels");
const SAMPLE: Schema = named("Sample");
const COUNTS: Schema = list(named("NamedCount"));
/** Seconds and a count. */
const PER_STEP: Schema = list(tuple(NUMBER, NUMBER));

/** What the schemas below refer to. */
export const SHARED_SCHEMAS: Readonly<Record<string, Schema>> = {
  Labels: { ...mapOf(TEXT), description: "A label set; the metric name is `__name__`" },
  Sample: { ...tuple(NUMBER, TEXT), description: "Seconds since 1970, and the value as text" },
  HistogramSample: tuple(NUMBER, named("Histogram")),
  Histogram: members({
    count: TEXT,
    sum: TEXT,
    "buckets?": list({
      ...tuple({ enum: [0, 1, 2, 3] }, TEXT, TEXT, TEXT),
      description: "Which ends are open, lower end, upper end, count",
    }),
  }),
  Vector: list(members({ metric: LABELS, "value?": SAMPLE, "histogram?": named("HistogramSample") })),
  Matrix: list(
    members({ metric: LABELS, "values?": list(SAMPLE), "histograms?": list(named("HistogramSample")) }),
  ),
  NamedCount: members({ name: TEXT, value: COUNT }),
  QueryStats: members({
    timings: members({
      evalTotalTime: NUMBER,
      resultSortTime: NUMBER,
      queryPreparationTime: NUMBER,
      innerEvalTime: NUMBER,
      execQueueTime: NUMBER,
      execTotalTime: NUMBER,
    }),
    samples: members({
      "totalQueryableSamplesPerStep?": PER_STEP,
      totalQueryableSamples: COUNT,
      "samplesReadPerStep?": PER_STEP,
      samplesRead: COUNT,
      peakSamples: COUNT,
    }),
  }),
  Budget: members({ match: TEXT, series: COUNT, used: COUNT, source: { enum: ["flag", "api"] } }),
};

const result = (type: string, schema: Schema): Schema =>
  members({ resultType: only(type), result: schema, "stats?": named("QueryStats") });

const BLOCK: Schema = members({
  ulid: TEXT,
  minTime: INTEGER,
  maxTime: INTEGER,
  stats: mapOf(COUNT),
  compaction: members({
    level: COUNT,
    sources: list(TEXT),
    "parents?": list(members({ ulid: TEXT, minTime: INTEGER, maxTime: INTEGER })),
    "failed?": FLAG,
    "hints?": list(TEXT),
  }),
  version: INTEGER,
});

const REJECTION: Schema = members({
  time: TEXT,
  requestId: TEXT,
  sender: TEXT,
  remoteAddress: TEXT,
  path: TEXT,
  status: INTEGER,
  message: TEXT,
  reasons: mapOf(COUNT),
  refused: COUNT,
  accepted: COUNT,
  first: list(members({ series: TEXT, reason: TEXT, time: TEXT })),
  budgets: list(
    members({
      match: TEXT,
      series: COUNT,
      most: COUNT,
      labels: list(members({ label: TEXT, values: COUNT })),
    }),
  ),
});

const CARDINALITY: Schema = members({
  seriesCount: COUNT,
  labelPairCount: COUNT,
  metrics: COUNTS,
  labelNames: COUNTS,
  labelPairs: COUNTS,
  "labelValues?": COUNTS,
  churn: members({
    windowSeconds: NUMBER,
    newSeries: COUNT,
    newSeriesPerHour: COUNT,
    metrics: COUNTS,
    labelNames: COUNTS,
  }),
  senders: list(
    members({
      sender: TEXT,
      requests: COUNT,
      samples: COUNT,
      refusedRequests: COUNT,
      refused: COUNT,
      newSeries: COUNT,
      newSeriesLastHour: COUNT,
      lastRequest: TEXT,
    }),
  ),
});

const ACTIVE_QUERY: Schema = members({
  id: TEXT,
  duration: TEXT,
  remote_addr: TEXT,
  query: TEXT,
  "start?": INTEGER,
  "end?": INTEGER,
  "step?": INTEGER,
  endpoint: TEXT,
  state: { enum: ["waiting", "running"] },
  received: TEXT,
  waited: TEXT,
  samples: COUNT,
  user: TEXT,
  request_id: TEXT,
});

const RUNTIME_INFO: Schema = members({
  startTime: TEXT,
  CWD: TEXT,
  hostname: TEXT,
  serverTime: TEXT,
  reloadConfigSuccess: FLAG,
  lastConfigTime: TEXT,
  corruptionCount: COUNT,
  goroutineCount: COUNT,
  GOMAXPROCS: COUNT,
  GOMEMLIMIT: COUNT,
  GOGC: TEXT,
  GODEBUG: TEXT,
  storageRetention: TEXT,
  // Of the database, once it is open.
  "durability?": TEXT,
  "timeSeriesCount?": COUNT,
});

const PROTO_NUMBER: Schema = oneOf(NUMBER, { enum: ["NaN", "Infinity", "-Infinity"] });
const FAMILY: Schema = members({
  name: TEXT,
  help: TEXT,
  type: { enum: ["COUNTER", "GAUGE", "HISTOGRAM"] },
  metric: list(
    members({
      "label?": list(members({ name: TEXT, value: TEXT })),
      "counter?": members({ value: PROTO_NUMBER }),
      "gauge?": members({ value: PROTO_NUMBER }),
      "histogram?": members({
        sampleCount: TEXT,
        sampleSum: PROTO_NUMBER,
        bucket: list(members({ cumulativeCount: TEXT, upperBound: PROTO_NUMBER })),
      }),
    }),
  ),
});

const VERSIONS = ["version", "revision", "branch", "buildUser", "buildDate", "goVersion"];
const OWN_VERSIONS = ["application", "varveVersion", "nodeVersion"];

/** By path; those of the table that answer with Prometheus' envelope. */
export const ANSWER_SCHEMAS: Readonly<Record<string, Schema>> = {
  "/api/v1/query": oneOf(
    result("vector", named("Vector")),
    result("matrix", named("Matrix")),
    result("scalar", SAMPLE),
    result("string", SAMPLE),
  ),
  "/api/v1/query_range": result("matrix", named("Matrix")),
  "/api/v1/query_exemplars": list(
    members({
      seriesLabels: LABELS,
      exemplars: list(members({ labels: LABELS, value: TEXT, timestamp: NUMBER })),
    }),
  ),
  "/api/v1/format_query": TEXT,
  "/api/v1/parse_query": {
    type: "object",
    required: ["type"],
    properties: { type: TEXT },
    additionalProperties: true,
    description: "The syntax tree; its members depend on `type`",
  },
  "/api/v1/series": list(LABELS),
  "/api/v1/labels": list(TEXT),
  "/api/v1/label/{name}/values": list(TEXT),
  "/api/v1/metadata": mapOf(list(members({ type: TEXT, unit: TEXT, help: TEXT }))),
  "/api/v1/status/active_queries": list(ACTIVE_QUERY),
  "/api/v1/status/buildinfo": members(
    Object.fromEntries([...VERSIONS, ...OWN_VERSIONS].map((name) => [name, TEXT])),
  ),
  "/api/v1/status/flags": mapOf(TEXT),
  "/api/v1/status/config": members({ yaml: TEXT }),
  "/api/v1/status/runtimeinfo": RUNTIME_INFO,
  "/api/v1/status/tsdb": members({
    headStats: members({
      numSeries: COUNT,
      numLabelPairs: COUNT,
      chunkCount: COUNT,
      minTime: INTEGER,
      maxTime: INTEGER,
    }),
    seriesCountByMetricName: COUNTS,
    labelValueCountByLabelName: COUNTS,
    memoryInBytesByLabelName: COUNTS,
    seriesCountByLabelValuePair: COUNTS,
  }),
  "/api/v1/status/tsdb/blocks": members({
    blocks: list(BLOCK),
    damaged: list(ANYTHING),
    quarantined: list(TEXT),
  }),
  "/api/v1/status/walreplay": members({ min: INTEGER, max: INTEGER, current: INTEGER }),
  "/api/v1/status/self_metrics": list(FAMILY),
  "/api/v1/features": mapOf(mapOf(FLAG)),
  "/api/v1/rules": members({ groups: list(ANYTHING) }),
  "/api/v1/alerts": members({ alerts: list(ANYTHING) }),
  "/api/v1/alertmanagers": members({
    activeAlertmanagers: list(ANYTHING),
    droppedAlertmanagers: list(ANYTHING),
  }),
  "/api/v1/targets": members({
    activeTargets: list(ANYTHING),
    droppedTargets: list(ANYTHING),
    droppedTargetCounts: mapOf(COUNT),
  }),
  "/api/v1/targets/metadata": list(ANYTHING),
  "/api/v1/scrape_pools": members({ scrapePools: list(TEXT) }),
  "/api/v1/notifications": list(ANYTHING),
  "/api/v1/admin/tsdb/snapshot": members({ name: TEXT }),
  "/api/v1/admin/cardinality": CARDINALITY,
  "/api/v1/admin/budgets": members({ budgets: list(named("Budget")) }),
  "/api/v1/admin/rejections": members({
    requests: mapOf(COUNT),
    reasons: mapOf(COUNT),
    recorded: COUNT,
    kept: COUNT,
    entries: list(REJECTION),
  }),
  "/api/v1/admin/capture": members({
    active: FLAG,
    file: TEXT,
    requests: COUNT,
    bytes: COUNT,
    startedAt: TEXT,
    ended: TEXT,
  }),
};
