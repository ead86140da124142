import type { LogFormat, LogLevel } from "../base/log.js";
import type { TransportChoice } from "../http/listen.js";
import type { TranslationStrategy } from "../wire/otlp-names.js";
import type { EngineOptions } from "../workers/engine.js";
import type { ParsedFlags } from "./parse-flags.js";

/** The flags with their types and units. */
export interface Config extends Omit<EngineOptions, "onFatal" | "seriesBudgets" | "ingestRules"> {
  readonly host: string;
  readonly port: number;
  readonly transport: TransportChoice;
  readonly readTimeoutMs: number;
  readonly connectionsMax: number;
  readonly corsOrigin: string;
  /** Remote reads answered at one time; 0: no limit. */
  readonly readConcurrencyMax: number;
  /** "": none. */
  readonly webConfigFile: string;
  readonly lifecycle: boolean;
  readonly adminApi: boolean;
  /** "": none. */
  readonly relabelConfigFile: string;
  readonly urlTemplates: readonly string[];
  /** Of `--limits.series-budget`, as it was given. */
  readonly budgetText: string;
  readonly features: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Every flag as text. */
  readonly flags: Readonly<Record<string, string>>;
}

/** What the defaults of "auto" depend on. */
export interface Machine {
  readonly cores: number;
  readonly memoryBytes: number;
}

const HEAD_MEMORY_BYTES_MAX = 3 * 2 ** 30;

export function buildConfig(flags: ParsedFlags, machine: Machine): Config {
  const { host, port } = flags.address("web.listen-address");
  return {
    host,
    port,
    transport: flags.text("web.transport") as TransportChoice,
    readTimeoutMs: flags.number("web.read-timeout"),
    connectionsMax: flags.number("web.max-connections"),
    corsOrigin: flags.text("web.cors.origin"),
    webConfigFile: flags.text("web.config.file"),
    lifecycle: flags.enabled("web.enable-lifecycle"),
    adminApi: flags.enabled("web.enable-admin-api"),
    dataPath: flags.text("storage.tsdb.path"),
    readOnly: flags.enabled("storage.read-only"),
    durability: flags.text("storage.durability") as EngineOptions["durability"],
    headMemoryBytesMax: flags.number("storage.head-memory-limit", () =>
      Math.min(HEAD_MEMORY_BYTES_MAX, Math.floor(machine.memoryBytes / 4)),
    ),
    outOfOrderWindowMs: flags.number("storage.tsdb.out-of-order-time-window"),
    retentionMs: flags.number("storage.tsdb.retention.time") || Number.POSITIVE_INFINITY,
    retentionBytes: flags.number("storage.tsdb.retention.size"),
    freeBytesMin: flags.number("storage.min-free-bytes"),
    blockRangeMs: flags.number("storage.tsdb.min-block-duration"),
    blockCacheBytes: flags.number("storage.block-cache-bytes"),
    ingestWorkers: flags.number("ingest.workers", () => Math.max(1, machine.cores - 1)),
    requestBytesMax: flags.number("limits.request-bytes"),
    labelsPerSeriesMax: flags.number("limits.labels-per-series"),
    labelNameBytesMax: flags.number("limits.label-name-bytes"),
    labelValueBytesMax: flags.number("limits.label-value-bytes"),
    seriesMax: flags.number("limits.series"),
    readSamplesMax: flags.number("storage.remote.read-sample-limit"),
    readConcurrencyMax: flags.number("storage.remote.read-concurrent-limit"),
    readFrameBytesMax: flags.number("storage.remote.read-max-bytes-in-frame"),
    searchLimitMax: flags.number("web.search.max-limit"),
    otlp: {
      strategy: flags.text("otlp.translation-strategy") as TranslationStrategy,
      promotedAttributes: flags.list("otlp.promote-resource-attributes"),
      promoteAll: flags.enabled("otlp.promote-all-resource-attributes"),
      keepIdentifying: flags.enabled("otlp.keep-identifying-resource-attributes"),
      nhcb: flags.enabled("otlp.convert-histograms-to-nhcb"),
      promoteScope: flags.enabled("otlp.promote-scope-metadata"),
      allowDelta: flags.enabled("otlp.native-delta-ingestion"),
    },
    queryTimeoutMs: flags.number("query.timeout"),
    querySamplesMax: flags.number("query.max-samples"),
    lookbackDeltaMs: flags.number("query.lookback-delta"),
    queryConcurrencyMax: flags.number("query.max-concurrency"),
    logSlowQueryMs: flags.number("query.log-slow-duration"),
    relabelConfigFile: flags.text("storage.relabel-config"),
    urlTemplates: flags.list("storage.url-templates"),
    budgetText: flags.text("limits.series-budget"),
    features: flags.list("enable-feature"),
    logLevel: flags.text("log.level") as LogLevel,
    logFormat: flags.text("log.format") as LogFormat,
    flags: flags.all(),
  };
}
