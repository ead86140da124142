/**
 * Every flag of the server: the one source of `--help`, docs/CONFIG.md and `/api/v1/status/flags`.
 * Names are Prometheus' where the thing is the same.
 */

/** "texts": may be given several times, and each is a text of its own. */
type OptionKind =
  | "text"
  | "texts"
  | "list"
  | "duration"
  | "bytes"
  | "count"
  | "choice"
  | "address"
  | "switch";

export type FlagName =
  | "web.listen-address"
  | "web.transport"
  | "web.read-timeout"
  | "web.max-connections"
  | "web.cors.origin"
  | "web.config.file"
  | "web.enable-lifecycle"
  | "web.enable-admin-api"
  | "web.search.max-limit"
  | "storage.tsdb.path"
  | "storage.read-only"
  | "storage.durability"
  | "storage.head-memory-limit"
  | "storage.tsdb.out-of-order-time-window"
  | "storage.tsdb.retention.time"
  | "storage.tsdb.retention.size"
  | "storage.min-free-bytes"
  | "storage.tsdb.min-block-duration"
  | "storage.block-cache-bytes"
  | "storage.relabel-config"
  | "storage.url-templates"
  | "ingest.workers"
  | "limits.request-bytes"
  | "limits.labels-per-series"
  | "limits.label-name-bytes"
  | "limits.label-value-bytes"
  | "limits.series"
  | "limits.series-budget"
  | "storage.remote.read-sample-limit"
  | "storage.remote.read-concurrent-limit"
  | "storage.remote.read-max-bytes-in-frame"
  | "otlp.translation-strategy"
  | "otlp.promote-resource-attributes"
  | "otlp.promote-all-resource-attributes"
  | "otlp.keep-identifying-resource-attributes"
  | "otlp.convert-histograms-to-nhcb"
  | "otlp.promote-scope-metadata"
  | "otlp.native-delta-ingestion"
  | "query.timeout"
  | "query.max-samples"
  | "query.lookback-delta"
  | "query.max-concurrency"
  | "query.log-slow-duration"
  | "enable-feature"
  | "log.level"
  | "log.format";

/** An option of the server or of another command. */
export interface Option<Name extends string = string> {
  readonly name: Name;
  readonly kind: OptionKind;
  /** As somebody would write it. */
  readonly default: string;
  /** One or two sentences; ends in a full stop. */
  readonly help: string;
  /** For "choice" and "list". */
  readonly choices?: readonly string[];
  /** For "bytes" and "count": "auto" is allowed too, and this is what it means. */
  readonly auto?: string;
  /** For "count": smallest value; default 0. */
  readonly min?: number;
}

export type Flag = Option<FlagName>;

export const FLAGS: readonly Flag[] = [
  {
    name: "web.listen-address",
    kind: "address",
    default: "127.0.0.1:9090",
    help: "Address and port to listen on; `:9090` means all addresses of the machine.",
  },
  {
    name: "web.transport",
    kind: "choice",
    choices: ["auto", "uws", "node"],
    default: "auto",
    help: "HTTP server: uWebSockets.js, node:http, or the first of them that works here.",
  },
  {
    name: "web.read-timeout",
    kind: "duration",
    default: "30s",
    help: "Longest time from the first byte of a request to its last.",
  },
  {
    name: "web.max-connections",
    kind: "count",
    min: 1,
    default: "4096",
    help: "Open connections; requests on further ones are answered 503.",
  },
  {
    name: "web.cors.origin",
    kind: "text",
    default: ".*",
    help: "Regular expression (RE2, anchored) of the origins whose scripts may read the API.",
  },
  {
    name: "web.config.file",
    kind: "text",
    default: "",
    help:
      "File with TLS, users, tokens and headers, in the schema of Prometheus' own and a little more " +
      "(docs/API.md). A change takes effect within a second.",
  },
  {
    name: "web.enable-lifecycle",
    kind: "switch",
    default: "false",
    help: "POST or PUT to /-/reload and /-/quit do what they say.",
  },
  {
    name: "web.enable-admin-api",
    kind: "switch",
    default: "false",
    help:
      "Everybody who reaches the address may use the endpoints that delete, change or show what senders sent. " +
      "Without it: callers with the scope admin; where there are no credentials, programs on this machine if " +
      "the address is a loopback one.",
  },
  {
    name: "web.search.max-limit",
    kind: "count",
    default: "10000",
    help: "Most results that a request to /api/v1/search/ may ask for; 0: any number.",
  },
  {
    name: "storage.tsdb.path",
    kind: "text",
    default: "./varve-data",
    help: "Folder of the database; created where it is absent.",
  },
  {
    name: "storage.read-only",
    kind: "switch",
    default: "false",
    help: "Serve the folder, Varve's or a Prometheus', without writing to it and without its lock; writes are answered 503.",
  },
  {
    name: "storage.durability",
    kind: "choice",
    choices: ["fsync", "write", "memory"],
    default: "fsync",
    help: "What a 2xx means: on disk (fsync), handed to the kernel (write), or in memory only (memory).",
  },
  {
    name: "storage.head-memory-limit",
    kind: "bytes",
    default: "auto",
    auto: "a quarter of the machine's memory, at most 3GiB",
    help: "Memory of the newest data; above it closed chunks leave memory and new series are refused.",
  },
  {
    name: "storage.tsdb.out-of-order-time-window",
    kind: "duration",
    default: "24h",
    help: "How far a sample may lie behind the newest one of its series.",
  },
  {
    name: "storage.tsdb.retention.time",
    kind: "duration",
    default: "1y",
    help: "How long samples are kept; older ones are refused. 0s: for ever.",
  },
  {
    name: "storage.tsdb.retention.size",
    kind: "bytes",
    default: "0B",
    help: "Bytes that blocks and log may take on the disk; the oldest blocks are deleted beyond. 0B: no limit.",
  },
  {
    name: "storage.min-free-bytes",
    kind: "bytes",
    default: "256MiB",
    help: "With fewer free bytes on the disk writes are answered 503 until there are more; reads go on. 0B: never.",
  },
  {
    name: "storage.tsdb.min-block-duration",
    kind: "duration",
    default: "2h",
    help: "Time span of the blocks that the head is written to. For tests; blocks of another span stay readable.",
  },
  {
    name: "storage.block-cache-bytes",
    kind: "bytes",
    default: "128MiB",
    help: "Memory for pages of block files and for samples decoded from blocks and head, over all query threads.",
  },
  {
    name: "storage.relabel-config",
    kind: "text",
    default: "",
    help: "File with rules for label sets on their way in, in Prometheus' `write_relabel_configs` syntax, hot reloaded; see docs/CARDINALITY.md.",
  },
  {
    name: "storage.url-templates",
    kind: "list",
    default: "",
    help: "Labels whose values are URLs: `/users/123` becomes `/users/:id`, and series that become one are merged. For k6: `url,name`.",
  },
  {
    name: "ingest.workers",
    kind: "count",
    min: 1,
    default: "auto",
    auto: "one less than there are cores, at least 1",
    help: "Threads that decode and append.",
  },
  {
    name: "limits.request-bytes",
    kind: "bytes",
    default: "32MiB",
    help: "Largest compressed body of a write request, at most 32MiB; it may unpack to 32MiB. More is refused.",
  },
  {
    name: "limits.labels-per-series",
    kind: "count",
    min: 1,
    default: "64",
    help: "Labels of one series; new series with more are refused.",
  },
  {
    name: "limits.label-name-bytes",
    kind: "bytes",
    default: "1KiB",
    help: "Length of a label name in bytes.",
  },
  {
    name: "limits.label-value-bytes",
    kind: "bytes",
    default: "4KiB",
    help: "Length of a label value in bytes.",
  },
  {
    name: "limits.series",
    kind: "count",
    default: "0",
    help: "Series in memory; further new ones are refused. 0: as many as the memory limit allows.",
  },
  {
    name: "limits.series-budget",
    kind: "list",
    default: "",
    help: 'Most series of a metric or matcher: `http_requests_total=1000`, `{job="k6"}=50000` or `@file` with one a line; may be given several times.',
  },
  {
    name: "storage.remote.read-sample-limit",
    kind: "count",
    default: "50000000",
    help: "Samples in an answer to a remote read; more is refused. Streamed answers have no limit. 0: no limit.",
  },
  {
    name: "storage.remote.read-concurrent-limit",
    kind: "count",
    default: "10",
    help: "Remote reads that are answered at the same time; others wait. 0: no limit.",
  },
  {
    name: "storage.remote.read-max-bytes-in-frame",
    kind: "bytes",
    default: "1MiB",
    help: "Size of a frame of a streamed remote read; a chunk more than that at most.",
  },
  {
    name: "otlp.translation-strategy",
    kind: "choice",
    choices: [
      "UnderscoreEscapingWithSuffixes",
      "UnderscoreEscapingWithoutSuffixes",
      "NoUTF8EscapingWithSuffixes",
      "NoTranslation",
    ],
    default: "UnderscoreEscapingWithSuffixes",
    help: "How names of OpenTelemetry become names of Prometheus, in Prometheus' own words for it.",
  },
  {
    name: "otlp.promote-resource-attributes",
    kind: "text",
    default: "",
    help: "Attributes of the resource that become labels of its series, separated by commas.",
  },
  {
    name: "otlp.promote-all-resource-attributes",
    kind: "switch",
    default: "false",
    help: "All attributes of the resource become labels of its series.",
  },
  {
    name: "otlp.keep-identifying-resource-attributes",
    kind: "switch",
    default: "false",
    help: "target_info keeps service.name, service.namespace and service.instance.id as labels.",
  },
  {
    name: "otlp.convert-histograms-to-nhcb",
    kind: "switch",
    default: "false",
    help: "Explicit histograms become native ones with custom buckets instead of classic ones.",
  },
  {
    name: "otlp.promote-scope-metadata",
    kind: "switch",
    default: "false",
    help: "Name, version, schema and attributes of the scope become labels.",
  },
  {
    name: "otlp.native-delta-ingestion",
    kind: "switch",
    default: "false",
    help: "Deltas are stored as they are; otherwise they are refused. Sum them with sum_over_time.",
  },
  {
    name: "query.timeout",
    kind: "duration",
    default: "2m",
    help: "Longest time from the arrival of a query to its result, the wait for a thread included.",
  },
  {
    name: "query.max-samples",
    kind: "count",
    min: 1,
    default: "50000000",
    help: "Samples that one query may hold in memory.",
  },
  {
    name: "query.lookback-delta",
    kind: "duration",
    default: "5m",
    help: "How far back an instant selector looks for a sample.",
  },
  {
    name: "query.max-concurrency",
    kind: "count",
    min: 1,
    default: "20",
    help: "Queries that run at the same time, each on a thread of its own; at most 4. Others wait their turn.",
  },
  {
    name: "query.log-slow-duration",
    kind: "duration",
    default: "5s",
    help: "Queries that take this long, the wait for a thread included, are logged; `0s` for none.",
  },
  {
    name: "enable-feature",
    kind: "list",
    choices: [
      "promql-experimental-functions",
      "promql-extended-range-selectors",
      "promql-binop-fill-modifiers",
      "promql-delayed-name-removal",
      "promql-per-step-stats",
      "type-and-unit-labels",
      "use-start-timestamps",
      ...[
        "promql-duration-expr",
        "native-histograms",
        "exemplar-storage",
        "promql-at-modifier",
        "search-api",
      ],
    ],
    default: "",
    help:
      "Parts of PromQL that Prometheus keeps behind flags, separated by commas; may be given several times. " +
      "The last five are always on.",
  },
  {
    name: "log.level",
    kind: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    help: "Lines below this level are not written.",
  },
  {
    name: "log.format",
    kind: "choice",
    choices: ["logfmt", "json"],
    default: "logfmt",
    help: "Spelling of log lines, which go to stderr.",
  },
];
