/** Metric families as scrapers read them: the text format 0.0.4 and delimited protobuf (io.prometheus.client). */
import { worked } from "../base/patience.js";
import { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { formatFloatShort } from "../model/go-text.js";
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, type HistogramSpan } from "../model/histogram.js";
import { type ExpositionFormat, escapeName, isClassicName } from "./exposition-format.js";

/** Classic and native histograms are families of their own: some readers tell them apart by the first one. */
export type FamilyType = "untyped" | "histogram" | "gauge_histogram" | "classic_histogram";

export interface FamilySample {
  /** Without the metric name: name 0, value 0, name 1, value 1 … Empty values are written as such. */
  readonly pairs: readonly string[];
  readonly timestampMs: number;
  readonly value: number;
  readonly histogram: Histogram | null;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly samples: readonly FamilySample[];
}

/** Only protobuf and buckets with bounds of their own, which become classic ones, carry histograms. */
export function isExposable(histogram: Histogram | null, { protobuf }: ExpositionFormat): boolean {
  return histogram === null || protobuf || histogram.schema === CUSTOM_BUCKETS_SCHEMA;
}

export function encodeFamilies(families: readonly MetricFamily[], format: ExpositionFormat): Uint8Array {
  if (format.protobuf) return encodeProtobuf(families, format);
  const lines: string[] = [];
  for (const family of families) writeText(lines, family, format);
  return new TextEncoder().encode(lines.join(""));
}

/** Of `worked`. */
const WORK_PER_SAMPLE = 200;

function writeText(lines: string[], family: MetricFamily, { escaping }: ExpositionFormat): void {
  const name = escapeName(family.name, escaping);
  const type = family.type === "untyped" ? "untyped" : "histogram";
  lines.push(`# TYPE ${printName(name)} ${type}\n`);
  for (const { pairs, timestampMs, value, histogram } of family.samples) {
    worked(WORK_PER_SAMPLE);
    const labels: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const label = printName(escapeName(pairs[i], escaping));
      labels.push(`${label}="${escapeValue(pairs[i + 1])}"`);
    }
    const line = (suffix: string, extra: readonly string[], number: number): void => {
      const all = [...labels, ...extra];
      const full = name + suffix;
      const series = isClassicName(full)
        ? full + (all.length === 0 ? "" : `{${all.join(",")}}`)
        : `{${[printName(full), ...all].join(",")}}`;
      lines.push(`${series} ${printFloat(number)} ${timestampMs}\n`);
    };
    if (histogram === null) line("", [], value);
    else writeClassic(histogram, line);
  }
}

function writeClassic(
  histogram: Histogram,
  line: (suffix: string, extra: readonly string[], number: number) => void,
): void {
  for (const { bound, count } of classicBuckets(histogram)) {
    line("_bucket", [`le="${printFloat(bound)}"`], count);
  }
  line("_bucket", ['le="+Inf"'], histogram.count);
  line("_sum", [], histogram.sum);
  line("_count", [], histogram.count);
}

/** Bounds of a histogram with custom buckets and the count of what is not above each. */
function classicBuckets(histogram: Histogram): { bound: number; count: number }[] {
  const { customValues, positiveBuckets, positiveSpans } = histogram;
  const counts = new Float64Array(customValues.length + 1);
  let index = 0;
  let next = 0;
  for (const { offset, length } of positiveSpans) {
    index += offset;
    for (let i = 0; i < length; i++) counts[index++] = positiveBuckets[next++];
  }
  let cumulative = 0;
  return Array.from(customValues, (bound, i) => {
    cumulative += counts[i];
    return { bound, count: cumulative };
  });
}

function printName(name: string): string {
  return isClassicName(name) ? name : `"${escapeValue(name)}"`;
}

function escapeValue(value: string): string {
  return value.replace(/[\\\n"]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}

function printFloat(value: number): string {
  return value === 0 ? "0" : formatFloatShort(value);
}

/** Numbers of `MetricType`. */
const TYPES: Readonly<Record<FamilyType, number>> = {
  untyped: 3,
  histogram: 4,
  gauge_histogram: 5,
  classic_histogram: 4,
};

function encodeProtobuf(families: readonly MetricFamily[], { escaping }: ExpositionFormat): Uint8Array {
  const all = new ProtobufWriter();
  for (const { name, type, samples } of families) {
    const start = all.openDelimited();
    all.string(1, escapeName(name, escaping));
    all.uint64(3, TYPES[type]);
    for (const { pairs, timestampMs, value, histogram } of samples) {
      worked(WORK_PER_SAMPLE);
      const metric = all.open(4);
      for (let i = 0; i < pairs.length; i += 2) {
        const label = all.open(1);
        all.string(1, escapeName(pairs[i], escaping));
        all.text(2, pairs[i + 1]);
        all.close(label);
      }
      if (histogram === null) {
        const untyped = all.open(5);
        all.present(1, value);
        all.close(untyped);
      }
      all.int64(6, timestampMs);
      if (histogram !== null) {
        const body = all.open(7);
        if (histogram.schema === CUSTOM_BUCKETS_SCHEMA) writeClassicMessage(all, histogram);
        else writeNativeMessage(all, histogram);
        all.close(body);
      }
      all.close(metric);
    }
    all.close(start);
  }
  return all.take();
}

function writeClassicMessage(writer: ProtobufWriter, histogram: Histogram): void {
  writer.present(2, histogram.sum);
  for (const { bound, count } of classicBuckets(histogram)) {
    const bucket = writer.open(3);
    writer.present(2, bound);
    writer.present(4, count);
    writer.close(bucket);
  }
  writer.present(4, histogram.count);
}

function writeNativeMessage(writer: ProtobufWriter, histogram: Histogram): void {
  writer.present(2, histogram.sum);
  writer.present(4, histogram.count);
  writer.sint64Present(5, histogram.schema);
  writer.present(6, histogram.zeroThreshold);
  writer.present(8, histogram.zeroCount);
  writeSpans(writer, 9, histogram.negativeSpans);
  for (const count of Array.from(histogram.negativeBuckets)) writer.present(11, count);
  writeSpans(writer, 12, histogram.positiveSpans);
  for (const count of Array.from(histogram.positiveBuckets)) writer.present(14, count);
}

function writeSpans(writer: ProtobufWriter, field: number, spans: readonly HistogramSpan[]): void {
  for (const { offset, length } of spans) {
    const span = writer.open(field);
    writer.sint64Present(1, offset);
    writer.uint64(2, length);
    writer.close(span);
  }
}
