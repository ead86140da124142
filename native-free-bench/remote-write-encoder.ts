/**
 * Remote Write 1.0 and 2.0 messages, written by hand into one reused buffer. What stays the same from round to
 * round (labels, symbols, metadata) is encoded once per batch of series; a sample is then 18 bytes behind a copy.
 *
 *   1.0  WriteRequest { timeseries 1: TimeSeries { labels 1: { name 1, value 2 }, samples 2: { value 1, timestamp 2 } } }
 *   2.0  Request { symbols 4, timeseries 5: TimeSeries { labels_refs 1, samples 2: { value 1, timestamp 2 },
 *        metadata 5: { type 1, help_ref 3, unit_ref 4 } } }
 *
 * As proto3 wants it, a value of zero is left out.
 */
import type { SeriesLabels } from "./workloads.js";

export type Protocol = 1 | 2;

/** The series of one request, in their order, with everything that does not depend on the round. */
export interface Batch {
  readonly protocol: Protocol;
  /** In front of the series: 2.0's symbols. */
  readonly head: Uint8Array;
  /** Before[i] and after[i] enclose the sample of series i inside its TimeSeries. */
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
}

const METADATA_TYPES: Readonly<Record<string, number>> = { counter: 1, gauge: 2, histogram: 3, summary: 5 };
const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/** The bytes that every request with a series of these labels begins with (Remote Write 1.0). */
export function encodeLabels(series: SeriesLabels): Uint8Array {
  const out = new Writer(512);
  for (const [name, value] of series.labels) {
    const n = encoder.encode(name);
    const v = encoder.encode(value);
    out.byte(0x0a);
    out.varint(2 + n.length + v.length + varintBytes(n.length) + varintBytes(v.length));
    out.byte(0x0a);
    out.bytes(n);
    out.byte(0x12);
    out.bytes(v);
  }
  return out.take();
}

/** A 1.0 batch out of label bytes that were encoded before. */
export function batchOfLabels(labels: readonly Uint8Array[]): Batch {
  return { protocol: 1, head: EMPTY, before: labels, after: [] };
}

/** A 2.0 batch: symbols in order of first use, the empty string first. */
export function batchOfSymbols(series: readonly SeriesLabels[]): Batch {
  const symbols = new Map<string, number>([["", 0]]);
  const refOf = (text: string): number => {
    const known = symbols.get(text);
    if (known !== undefined) return known;
    symbols.set(text, symbols.size);
    return symbols.size - 1;
  };
  const before = series.map(({ labels }) => {
    const refs = new Writer(64);
    for (const [name, value] of labels) {
      refs.varint(refOf(name));
      refs.varint(refOf(value));
    }
    const out = new Writer(80);
    out.byte(0x0a);
    out.bytes(refs.take());
    return out.take();
  });
  const after = series.map(({ type }) => {
    const number = METADATA_TYPES[type] ?? 0;
    return number === 0 ? EMPTY : Uint8Array.of(0x2a, 2, 0x08, number);
  });
  const head = new Writer(1 << 16);
  for (const symbol of symbols.keys()) {
    head.byte(0x22);
    head.bytes(encoder.encode(symbol));
  }
  return { protocol: 2, head: head.take(), before, after };
}

/** Where the samples of a batch come from: the eight bytes of a value, little-endian, and its time. */
export interface SampleSource {
  readonly values: Uint8Array;
  /** Byte offset in `values` for series i of the batch. */
  readonly valueOffsets: Float64Array;
  readonly timesMs: Float64Array;
}

export class RequestEncoder {
  #bytes = new Uint8Array(1 << 20);

  /** The message; valid until the next call. */
  encode(batch: Batch, samples: SampleSource): Uint8Array {
    const tag = batch.protocol === 1 ? 0x0a : 0x2a;
    this.#reserve(batch);
    const bytes = this.#bytes;
    bytes.set(batch.head, 0);
    let at = batch.head.length;
    for (let i = 0; i < batch.before.length; i++) {
      const before = batch.before[i];
      const after = batch.after.length === 0 ? EMPTY : batch.after[i];
      const valueAt = samples.valueOffsets[i];
      const timeMs = samples.timesMs[i];
      const zero = isZero(samples.values, valueAt);
      const sampleBytes = (zero ? 0 : 9) + (timeMs === 0 ? 0 : 1 + varintBytes(timeMs));
      bytes[at++] = tag;
      at = putVarint(bytes, at, before.length + 2 + sampleBytes + after.length);
      bytes.set(before, at);
      at += before.length;
      bytes[at++] = 0x12;
      bytes[at++] = sampleBytes;
      if (!zero) {
        bytes[at++] = 0x09;
        for (let b = 0; b < 8; b++) bytes[at++] = samples.values[valueAt + b];
      }
      if (timeMs !== 0) {
        bytes[at++] = 0x10;
        at = putVarint(bytes, at, timeMs);
      }
      for (let b = 0; b < after.length; b++) bytes[at++] = after[b];
    }
    return bytes.subarray(0, at);
  }

  #reserve(batch: Batch): void {
    let most = batch.head.length;
    for (const before of batch.before) most += before.length + 40;
    if (most > this.#bytes.length) this.#bytes = new Uint8Array(most * 2);
  }
}

/** Plus or minus zero. */
function isZero(values: Uint8Array, at: number): boolean {
  for (let b = 0; b < 7; b++) if (values[at + b] !== 0) return false;
  return (values[at + 7] & 0x7f) === 0;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** `value` is a whole number from 0 to 2^53 - 1. */
function putVarint(target: Uint8Array, at: number, value: number): number {
  let out = at;
  let rest = value;
  while (rest >= 0x8000_0000) {
    target[out++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    target[out++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  target[out++] = rest;
  return out;
}

class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    this.#room(10);
    this.#length = putVarint(this.#bytes, this.#length, value);
  }

  /** With the length in front. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
