/**
 * Payloads of the records off the hot path (docs/format/wal.md draws them). METADATA, EXEMPLARS and TOMBSTONE
 * are msgpack: the payload version, then one array for each entry. Floats whose bits matter travel as raw
 * little-endian bytes, because a number may lose a NaN's payload or a zero's sign on the way. The JavaScript
 * half of msgpackr is enough here: no native addon.
 */
import { Packr, Unpackr } from "msgpackr/pack";
import { CorruptionError } from "../base/errors.js";
import { ByteReader } from "../encoding/byte-reader.js";
import { ByteWriter } from "../encoding/byte-writer.js";
import type { Exemplar } from "../model/exemplar.js";
import type { Histogram } from "../model/histogram.js";
import { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { METRIC_TYPES, type MetricMetadata } from "../model/metadata.js";
import { readHistogram, writeHistogram } from "./histogram-entry.js";

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

/** Samples in [mint, maxt] (milliseconds, both inclusive) of the series that satisfy one of the sets are deleted. */
export interface DeletionRequest {
  readonly sets: readonly (readonly Matcher[])[];
  readonly mint: number;
  readonly maxt: number;
}

const PAYLOAD_VERSION = 1;
const LOG_RECORD = "a log record";
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

export function encodeDeletion({ sets, mint, maxt }: DeletionRequest): Uint8Array {
  return encode([[mint, maxt], ...sets.map((set) => set.map(({ name, op, value }) => [name, op, value]))]);
}

export function decodeDeletion(payload: Uint8Array): DeletionRequest {
  const [range, ...sets] = decode(payload, (entry) => entry);
  if (range === undefined) throw malformed("no range");
  const [mint, maxt] = range.map(number);
  return {
    sets: sets.map((set) => set.map((matcher) => asMatcher(list(matcher).map(text)))),
    mint,
    maxt,
  };
}

function asMatcher([name, op, value]: readonly string[]): Matcher {
  if (op !== "=" && op !== "!=" && op !== "=~" && op !== "!~") throw malformed(`matcher ${op}`);
  return { name, op, value };
}

/** The exemplars that no tombstone of `deleted` covers; each ref has at most one. */
export function withoutDeleted(
  exemplars: readonly ExemplarEntry[],
  deleted: readonly TombstoneEntry[],
): ExemplarEntry[] {
  const byRef = new Map(deleted.map((entry) => [entry.ref, entry]));
  return exemplars.filter(({ ref, timestampMs }) => {
    const entry = byRef.get(ref);
    return entry === undefined || timestampMs < entry.mint || timestampMs > entry.maxt;
  });
}

const writer = new ByteWriter(4096);
/** A larger buffer is let go again: the next record will hardly need it. */
const WRITER_BYTES_KEPT_MAX: number = 4 * 1024 * 1024;

/** Timestamps within ±2^52. */
export function encodeHistograms(entries: readonly HistogramEntry[]): Uint8Array {
  writer.clear();
  writer.u8(PAYLOAD_VERSION);
  for (const { ref, timestampMs, histogram } of entries) {
    writer.uvarint(ref);
    writer.varint(timestampMs);
    writeHistogram(writer, histogram);
  }
  const payload = writer.take();
  if (writer.bytes.length > WRITER_BYTES_KEPT_MAX) writer.bytes = new Uint8Array(4096);
  return payload;
}

export function decodeHistograms(payload: Uint8Array): HistogramEntry[] {
  const reader = new ByteReader(payload, 0, payload.length, LOG_RECORD);
  const version = reader.u8();
  if (version !== PAYLOAD_VERSION) throw malformed(`payload version ${version}`);
  const entries: HistogramEntry[] = [];
  while (reader.remaining > 0) {
    const ref = reader.uvarint();
    const timestampMs = reader.varint();
    entries.push({ ref, timestampMs, histogram: readHistogram(reader) });
  }
  return entries;
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
  return new CorruptionError(LOG_RECORD, 0, reason);
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
