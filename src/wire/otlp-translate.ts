/**
 * From OTLP metrics to Remote Write 1.0, by Prometheus' rules (storage/remote/otlptranslator/prometheusremotewrite):
 * names, `job` and `instance`, `target_info`, classic and native histograms, summaries, exemplars. What cannot be
 * translated is counted with its reason; everything else goes through.
 */
import { OTLP_PART_BYTES } from "../base/limits.js";
import type { Exemplar } from "../model/exemplar.js";
import { formatFloat } from "../model/go-text.js";
import { compareUtf8, Labels, METRIC_NAME } from "../model/labels.js";
import { attributesOf } from "./otlp-attributes.js";
import {
  asNumber,
  listOf,
  messageOf,
  numberOf,
  type OtlpMessage,
  textOf,
  timeMsOf,
  valuesOf,
} from "./otlp-decode.js";
import { NO_RECORDED_VALUE, nativeOfExplicit, nativeOfExponential } from "./otlp-histogram.js";
import {
  labelName,
  metricName,
  type Naming,
  namingOf,
  type TranslationStrategy,
  unitName,
} from "./otlp-names.js";
import { type MetadataType, WriteRequestWriter } from "./write-request.js";

export interface OtlpOptions {
  readonly strategy: TranslationStrategy;
  /** Attributes of the resource that become labels of each of its series. */
  readonly promotedAttributes: readonly string[];
  readonly promoteAll: boolean;
  /** `target_info` keeps service.name, service.namespace and service.instance.id. */
  readonly keepIdentifying: boolean;
  /** Explicit histograms become native ones with their bounds. */
  readonly nhcb: boolean;
  readonly promoteScope: boolean;
  /** Deltas are stored as they are. */
  readonly allowDelta: boolean;
}

export const DEFAULT_OTLP_OPTIONS: OtlpOptions = {
  strategy: "UnderscoreEscapingWithSuffixes",
  promotedAttributes: [],
  promoteAll: false,
  keepIdentifying: false,
  nhcb: false,
  promoteScope: false,
  allowDelta: false,
};

export interface Translated {
  /** Remote Write 1.0 bodies, compressed, each with how many samples it has. */
  readonly parts: readonly { readonly body: Uint8Array; readonly samples: number }[];
  /** Data points that were refused here. */
  readonly refusedPoints: number;
  /** Why, the first few; "" where none was. */
  readonly message: string;
}

const IDENTIFYING: readonly string[] = ["service.namespace", "service.name", "service.instance.id"];
const CUMULATIVE = 2;
const DELTA = 1;
const MESSAGES_MAX = 5;
/** Of the labels of an exemplar: what OpenMetrics allows. */
const EXEMPLAR_CHARACTERS_MAX = 128;

export function translateOtlp(request: OtlpMessage, options: OtlpOptions): Translated {
  const translator = new Translator(options);
  for (const resourceMetrics of listOf(request, "resourceMetrics")) translator.resource(resourceMetrics);
  return translator.finish();
}

type Point = OtlpMessage;
/** What every point of a metric shares. */
interface MetricContext {
  readonly name: string;
  readonly otlpName: string;
  readonly shared: ReadonlyMap<string, string>;
  readonly delta: boolean;
}

class Translator {
  private readonly options: OtlpOptions;
  private readonly naming: Naming;
  private readonly labelNames = new Map<string, string>();
  private readonly parts: { body: Uint8Array; samples: number }[] = [];
  private writer = new WriteRequestWriter();
  private samples = 0;
  private refusedPoints = 0;
  private readonly messages = new Set<string>();
  private newestMs = 0;

  constructor(options: OtlpOptions) {
    this.options = options;
    this.naming = namingOf(options.strategy);
  }

  finish(): Translated {
    this.cut();
    return { parts: this.parts, refusedPoints: this.refusedPoints, message: [...this.messages].join("; ") };
  }

  resource(resourceMetrics: OtlpMessage): void {
    const attributes = attributesOf(messageOf(resourceMetrics, "resource"), "attributes");
    this.newestMs = 0;
    for (const scopeMetrics of listOf(resourceMetrics, "scopeMetrics")) {
      const shared = this.sharedLabels(attributes, scopeMetrics);
      for (const metric of listOf(scopeMetrics, "metrics")) this.metric(metric, shared);
    }
    if (this.newestMs > 0) this.targetInfo(attributes);
  }

  /** Labels that win over those of a point, and promoted ones, which do not: these are marked by a leading space. */
  private sharedLabels(
    attributes: ReadonlyMap<string, string>,
    scopeMetrics: OtlpMessage,
  ): Map<string, string> {
    const { promoteAll, promotedAttributes, promoteScope } = this.options;
    const shared = new Map<string, string>();
    for (const [name, value] of attributes) {
      if (promoteAll || promotedAttributes.includes(name)) shared.set(` ${this.label(name)}`, value);
    }
    addIdentity(shared, attributes);
    const scope = messageOf(scopeMetrics, "scope");
    if (!promoteScope || textOf(scope, "name") === "") return shared;
    for (const [name, value] of attributesOf(scope, "attributes")) {
      shared.set(this.label(`otel_scope_${name}`), value);
    }
    shared.set("otel_scope_name", textOf(scope, "name"));
    shared.set("otel_scope_version", textOf(scope, "version"));
    shared.set("otel_scope_schema_url", textOf(scopeMetrics, "schemaUrl"));
    return shared;
  }

  private metric(metric: OtlpMessage, shared: ReadonlyMap<string, string>): void {
    const kind = KINDS.find((name) => metric[name] !== undefined && metric[name] !== null);
    const otlpName = textOf(metric, "name");
    if (kind === undefined) return;
    const data = messageOf(metric, kind);
    const points = listOf(data, "dataPoints");
    for (const point of points) this.newestMs = Math.max(this.newestMs, timeMsOf(point, "timeUnixNano"));
    const temporality = temporalityOf(data["aggregationTemporality"]);
    const hasTemporality = kind !== "gauge" && kind !== "summary";
    const delta = hasTemporality && temporality === DELTA;
    if (hasTemporality && temporality !== CUMULATIVE && !(delta && this.options.allowDelta)) {
      this.refuse(
        points.length,
        `invalid temporality and type combination for metric ${JSON.stringify(otlpName)}`,
      );
      return;
    }
    const monotonic = kind === "sum" && data["isMonotonic"] === true;
    const named = { name: otlpName, unit: textOf(metric, "unit"), kind: namedKind(kind, monotonic) } as const;
    const name = metricName(named, this.naming);
    if (name === "") {
      this.refuse(
        points.length,
        `normalization for metric ${JSON.stringify(otlpName)} resulted in empty name`,
      );
      return;
    }
    if (points.length === 0) return;
    const context = { name, otlpName, shared, delta };
    for (const point of points) this.point(kind, point, context);
    const type = delta ? "unknown" : metadataType(kind, monotonic);
    this.writer.metadata(name, type, textOf(metric, "description"), unitName(named.unit));
  }

  private point(kind: Kind, point: Point, context: MetricContext): void {
    if (kind === "gauge" || kind === "sum") this.number(point, context, kind === "sum");
    else if (kind === "summary") this.summary(point, context);
    else if (kind === "histogram" && !this.options.nhcb) this.classic(point, context);
    else this.native(kind, point, context);
    if (this.writer.length >= OTLP_PART_BYTES) this.cut();
  }

  private number(point: Point, context: MetricContext, withExemplars: boolean): void {
    const value = point["asInt"] !== undefined ? numberOf(point, "asInt") : numberOf(point, "asDouble");
    const exemplars = withExemplars ? exemplarsOf(point) : [];
    this.float(this.labels(point, context), context.name, point, value, exemplars);
  }

  private summary(point: Point, context: MetricContext): void {
    const labels = this.labels(point, context);
    this.float(labels, `${context.name}_sum`, point, numberOf(point, "sum"));
    this.float(labels, `${context.name}_count`, point, numberOf(point, "count"));
    for (const quantile of listOf(point, "quantileValues")) {
      const at = new Map(labels).set("quantile", formatFloat(numberOf(quantile, "quantile")));
      this.float(at, context.name, point, numberOf(quantile, "value"));
    }
  }

  private classic(point: Point, context: MetricContext): void {
    const labels = this.labels(point, context);
    const count = numberOf(point, "count");
    if (point["sum"] !== undefined && point["sum"] !== null) {
      this.float(labels, `${context.name}_sum`, point, numberOf(point, "sum"));
    }
    this.float(labels, `${context.name}_count`, point, count);
    const bounds = valuesOf(point, "explicitBounds").map(asNumber);
    const counts = valuesOf(point, "bucketCounts").map(asNumber);
    const exemplars = exemplarsOf(point);
    const within = (above: number, bound: number): Exemplar[] =>
      exemplars.filter(({ value }) => value > above && value <= bound);
    let cumulative = 0;
    let above = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < bounds.length && i < counts.length; i++) {
      const bound = bounds[i];
      cumulative += counts[i];
      const at = new Map(labels).set("le", formatFloat(bound));
      this.float(at, `${context.name}_bucket`, point, cumulative, within(above, bound));
      above = bound;
    }
    const last = new Map(labels).set("le", "+Inf");
    this.float(last, `${context.name}_bucket`, point, count, within(above, Number.POSITIVE_INFINITY));
  }

  private native(kind: Kind, point: Point, context: MetricContext): void {
    const of = kind === "histogram" ? nativeOfExplicit : nativeOfExponential;
    const histogram = of(point, context.delta);
    if (typeof histogram === "string") {
      this.refuse(1, `metric ${JSON.stringify(context.otlpName)}: ${histogram}`);
      return;
    }
    const pairs = pairsOf(this.labels(point, context), context.name);
    this.writer.histogram(pairs, timeMsOf(point, "timeUnixNano"), histogram, exemplarsOf(point));
    this.samples++;
  }

  /** One sample of 1 at the newest time of the resource, with all its attributes. */
  private targetInfo(attributes: ReadonlyMap<string, string>): void {
    const { keepIdentifying } = this.options;
    if ([...attributes.keys()].every((name) => IDENTIFYING.includes(name))) return;
    const labels = new Map<string, string>();
    this.addAttributes(labels, attributes, keepIdentifying ? [] : IDENTIFYING);
    addIdentity(labels, attributes);
    if (!labels.has("job") && !labels.has("instance")) return;
    this.writer.float(pairsOf(labels, "target_info"), this.newestMs, 1);
    this.writer.metadata("target_info", "gauge", "Target metadata", "");
    this.samples++;
  }

  private float(
    labels: ReadonlyMap<string, string>,
    name: string,
    point: Point,
    value: number,
    exemplars: readonly Exemplar[] = [],
  ): void {
    const stale = (numberOf(point, "flags") & NO_RECORDED_VALUE) !== 0;
    this.writer.float(
      pairsOf(labels, name),
      timeMsOf(point, "timeUnixNano"),
      stale ? null : value,
      exemplars,
    );
    this.samples++;
  }

  private labels(point: Point, { shared }: MetricContext): Map<string, string> {
    const labels = new Map<string, string>();
    this.addAttributes(labels, attributesOf(point, "attributes"), []);
    for (const [name, value] of shared) {
      if (!name.startsWith(" ")) labels.set(name, value);
      else if (!labels.has(name.slice(1))) labels.set(name.slice(1), value);
    }
    return labels;
  }

  /** Attributes whose names become the same label are joined, in the order of their names. */
  private addAttributes(
    labels: Map<string, string>,
    attributes: ReadonlyMap<string, string>,
    ignored: readonly string[],
  ): void {
    const names = [...attributes.keys()].filter((name) => name !== "" && !ignored.includes(name));
    for (const name of names.sort(compareUtf8)) {
      const label = this.label(name);
      const before = labels.get(label);
      const value = attributes.get(name) ?? "";
      labels.set(label, before === undefined ? value : `${before};${value}`);
    }
  }

  private label(name: string): string {
    let label = this.labelNames.get(name);
    if (label === undefined) {
      label = labelName(name, this.naming);
      this.labelNames.set(name, label);
    }
    return label;
  }

  private refuse(points: number, message: string): void {
    this.refusedPoints += points;
    if (this.messages.size < MESSAGES_MAX) this.messages.add(message);
  }

  private cut(): void {
    if (this.writer.length === 0) return;
    this.parts.push({ body: this.writer.finish(), samples: this.samples });
    this.writer = new WriteRequestWriter();
    this.samples = 0;
  }
}

const KINDS = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] as const;
type Kind = (typeof KINDS)[number];

function namedKind(kind: Kind, monotonic: boolean): "gauge" | "counter" | "other" {
  if (kind === "gauge") return "gauge";
  return monotonic ? "counter" : "other";
}

function metadataType(kind: Kind, monotonic: boolean): MetadataType {
  if (kind === "summary") return "summary";
  if (kind === "gauge") return "gauge";
  if (kind === "sum") return monotonic ? "counter" : "gauge";
  return "histogram";
}

/** JSON may have the name of the number. */
function temporalityOf(value: unknown): number {
  if (value === "AGGREGATION_TEMPORALITY_DELTA") return DELTA;
  if (value === "AGGREGATION_TEMPORALITY_CUMULATIVE") return CUMULATIVE;
  return asNumber(value);
}

function addIdentity(labels: Map<string, string>, attributes: ReadonlyMap<string, string>): void {
  const name = attributes.get("service.name");
  const namespace = attributes.get("service.namespace");
  const instance = attributes.get("service.instance.id");
  if (name !== undefined) labels.set("job", namespace === undefined ? name : `${namespace}/${name}`);
  if (instance !== undefined) labels.set("instance", instance);
}

/** Sorted, without empty values. */
function pairsOf(labels: ReadonlyMap<string, string>, name: string): readonly string[] {
  return Labels.from([...labels, [METRIC_NAME, name]]).pairs;
}

function exemplarsOf(point: Point): Exemplar[] {
  return listOf(point, "exemplars").map((exemplar) => {
    const labels = new Map<string, string>();
    const traceId = idOf(exemplar, "traceId");
    const spanId = idOf(exemplar, "spanId");
    if (traceId !== "") labels.set("trace_id", traceId);
    if (spanId !== "") labels.set("span_id", spanId);
    const filtered = attributesOf(exemplar, "filteredAttributes");
    const length = [...labels, ...filtered].reduce((sum, [k, v]) => sum + [...k].length + [...v].length, 0);
    if (length <= EXEMPLAR_CHARACTERS_MAX) for (const [key, value] of filtered) labels.set(key, value);
    const value =
      exemplar["asInt"] !== undefined ? numberOf(exemplar, "asInt") : numberOf(exemplar, "asDouble");
    return { labels: Labels.from(labels), value, timestampMs: timeMsOf(exemplar, "timeUnixNano") };
  });
}

/** Hexadecimal, "" where there is none: an id of zeros is none. */
function idOf(exemplar: OtlpMessage, name: string): string {
  const id = textOf(exemplar, name).toLowerCase();
  return /^0*$/.test(id) ? "" : id;
}
