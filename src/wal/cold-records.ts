/**
 * Payloads of the records off the hot path: METADATA, EXEMPLARS, TOMBSTONE and HISTOGRAMS. Each is one
 * msgpack array: the payload version, then one array for each entry (docs/format/wal.md draws them). Floats
 * whose bits matter travel as raw little-endian bytes, because a number may lose a NaN's payload or a zero's
 * sign on the way. The JavaScript half of msgpackr is enough here: no native addon.
 */
import { Packr, Unpackr } from "msgpackr/pack";
import { CorruptionError } from "../base/errors.js";
import type { Exemplar } from "../model/exemplar.js";
import type { Histogram, HistogramSpan, ResetHint } from "../model/histogram.js";
import { Labels } from "../model/labels.js";
import { METRIC_TYPES, type MetricMetadata } from "../model/metadata.js";
import { isStaleNaN, setStaleAt } from "../model/stale.js";

export interface HistogramEntry {
  readonly ref: number;
  readonly timestampMs: number;
  readonly histogram: Histogram;
}

export interface ExemplarEntry extends Exemplar {
  readonly ref: number;
}

/** Samples of series `ref` in [mint, maxt] (milliseconds, both inclusive) are deleted. */
export interface TombstoneEntry {
  readonly ref: number;
  readonly mint: number;
  readonly maxt: number;
}

const PAYLOAD_VERSION = 1;
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export function encodeMetadata(entries: readonly MetricMetadata[]): Uint8Array {
  return encode(entries.map((m) => [m.metricName, METRIC_TYPES.indexOf(m.type), m.help, m.unit]));
}

/** As all decoders here: throws CorruptionError if the payload is not what the encoder makes. */
export function decodeMetadata(payload: Uint8Array): MetricMetadata[] {
  return decode(payload, ([metricName, type, help, unit]) => ({
    metricName: text(metricName),
    type: METRIC_TYPES[number(type)] ?? "unknown",
    help: text(help),
    unit: text(unit),
  }));
}

export function encodeExemplars(entries: readonly ExemplarEntry[]): Uint8Array {
  return encode(entries.map((e) => [e.ref, e.timestampMs, floatBytes([e.value]), [...e.labels.pairs]]));
}

export function decodeExemplars(payload: Uint8Array): ExemplarEntry[] {
  return decode(payload, ([ref, timestampMs, value, pairs]) => ({
    ref: number(ref),
    timestampMs: number(timestampMs),
    value: floats(value)[0],
    labels: new Labels(list(pairs).map(text)),
  }));
}

export function encodeTombstones(entries: readonly TombstoneEntry[]): Uint8Array {
  return encode(entries.map(({ ref, mint, maxt }) => [ref, mint, maxt]));
}

export function decodeTombstones(payload: Uint8Array): TombstoneEntry[] {
  return decode(payload, ([ref, mint, maxt]) => ({
    ref: number(ref),
    mint: number(mint),
    maxt: number(maxt),
  }));
}

/** Bits of a histogram entry's flags; the two bits from RESET_HINT_SHIFT on hold the reset hint. */
const FLOAT_FLAG = 1;
const STALE_FLAG = 2;
const RESET_HINT_SHIFT = 2;

export function encodeHistograms(entries: readonly HistogramEntry[]): Uint8Array {
  return encode(
    entries.map(({ ref, timestampMs, histogram: h }) => [
      ref,
      timestampMs,
      (h.float ? FLOAT_FLAG : 0) | (isStaleNaN(h.sum) ? STALE_FLAG : 0) | (h.resetHint << RESET_HINT_SHIFT),
      h.schema,
      floatBytes([h.zeroThreshold, h.zeroCount, h.count, h.sum]),
      spanNumbers(h.positiveSpans),
      spanNumbers(h.negativeSpans),
      buckets(h.float, h.positiveBuckets),
      buckets(h.float, h.negativeBuckets),
      floatBytes(h.customValues),
    ]),
  );
}

export function decodeHistograms(payload: Uint8Array): HistogramEntry[] {
  return decode(payload, (entry) => {
    const [ref, timestampMs, flagsField, schema, scalarsField] = entry;
    const [, , , , , positiveSpans, negativeSpans, positive, negative, custom] = entry;
    const flags = number(flagsField);
    const float = (flags & FLOAT_FLAG) !== 0;
    const scalars = floats(scalarsField);
    if (scalars.length !== 4) throw malformed(`${scalars.length} scalars of a histogram`);
    if ((flags & STALE_FLAG) !== 0) setStaleAt(new Uint32Array(scalars.buffer), 3);
    return {
      ref: number(ref),
      timestampMs: number(timestampMs),
      histogram: {
        float,
        resetHint: ((flags >> RESET_HINT_SHIFT) & 3) as ResetHint,
        schema: number(schema),
        zeroThreshold: scalars[0],
        zeroCount: scalars[1],
        count: scalars[2],
        sum: scalars[3],
        positiveSpans: spans(positiveSpans),
        negativeSpans: spans(negativeSpans),
        positiveBuckets: float ? floats(positive) : list(positive).map(number),
        negativeBuckets: float ? floats(negative) : list(negative).map(number),
        customValues: floats(custom),
      },
    };
  });
}

function encode(entries: readonly unknown[][]): Uint8Array {
  return packr.pack([PAYLOAD_VERSION, ...entries]);
}

/** The copy keeps the results apart from a buffer that is about to be overwritten (or is shared memory). */
function decode<Entry>(payload: Uint8Array, read: (entry: readonly unknown[]) => Entry): Entry[] {
  let content: unknown;
  try {
    content = unpackr.unpack(new Uint8Array(payload));
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
  const [version, ...entries] = list(content);
  if (version !== PAYLOAD_VERSION) throw malformed(`payload version ${String(version)}`);
  return entries.map((entry) => read(list(entry)));
}

function malformed(reason: string): CorruptionError {
  return new CorruptionError("a log record", 0, reason);
}

function number(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw malformed(`${typeof value} instead of a number`);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw malformed(`${typeof value} instead of a text`);
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${typeof value} instead of a list`);
  return value;
}

function floatBytes(values: ArrayLike<number>): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

function floats(value: unknown): Float64Array {
  if (!(value instanceof Uint8Array) || value.length % 8 !== 0) throw malformed("floats of a wrong length");
  return new Float64Array(new Uint8Array(value).buffer);
}

function buckets(float: boolean, counts: ArrayLike<number>): Uint8Array | number[] {
  return float ? floatBytes(counts) : Array.from(counts);
}

function spanNumbers(spans: readonly HistogramSpan[]): number[] {
  return spans.flatMap(({ offset, length }) => [offset, length]);
}

function spans(value: unknown): HistogramSpan[] {
  const numbers = list(value).map(number);
  if (numbers.length % 2 === 1) throw malformed("an odd number of span numbers");
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    offset: numbers[2 * i],
    length: numbers[2 * i + 1],
  }));
}
