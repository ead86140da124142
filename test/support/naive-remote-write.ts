/**
 * What a Remote Write body says, read the plain way: a walk over protobuf's fields and a byte-by-byte snappy.
 * It shares nothing with the kernel or with protobufjs. Well-formed input only: anything else throws.
 */
import { type SeriesKey, seriesKey } from "./prometheus-api.js";

interface WrittenHistogram {
  readonly timeMs: number;
  readonly count: number;
  readonly sum: number;
  readonly schema: number;
}

export interface WrittenSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: { timeMs: number; value: number; bits: bigint }[];
  readonly histograms: WrittenHistogram[];
  exemplars: number;
}

/** Float and histogram stale markers carry this NaN. */
export const STALE_BITS = 0x7ff0000000000002n;

type Field = { readonly number: number; readonly value: bigint | Uint8Array };

const text = new TextDecoder("utf-8", { fatal: true });

/** The series of one request; a series that appears twice is twice in the list. */
function readWriteRequest(body: Uint8Array, protocol: 1 | 2): WrittenSeries[] {
  const fields = readFields(uncompress(body));
  if (protocol === 1) return messages(fields, 1).map((series) => readSeries(readFields(series), labelsOf1));
  const symbols = messages(fields, 4).map((symbol) => text.decode(symbol));
  return messages(fields, 5).map((series) => readSeries(readFields(series), (f) => labelsOf2(f, symbols)));
}

/** Adds the series of a request to what was written before, by label set. */
export function collectWritten(into: Map<SeriesKey, WrittenSeries>, body: Uint8Array, protocol: 1 | 2): void {
  for (const series of readWriteRequest(body, protocol)) {
    const key = seriesKey(series.labels);
    const known = into.get(key);
    if (known === undefined) into.set(key, series);
    else {
      known.samples.push(...series.samples);
      known.histograms.push(...series.histograms);
      known.exemplars += series.exemplars;
    }
  }
}

function readSeries(
  fields: readonly Field[],
  labelsOf: (fields: readonly Field[]) => Record<string, string>,
): WrittenSeries {
  // Samples are field 2 in both messages; histograms are 4 in 1.0 and 3 in 2.0, exemplars the other way round.
  const isProtocol1 = labelsOf === labelsOf1;
  return {
    labels: labelsOf(fields),
    samples: messages(fields, 2).map((message) => {
      const sample = readFields(message);
      const bits = number(sample, 1);
      return { timeMs: signed(number(sample, 2)), value: doubleOf(bits), bits };
    }),
    histograms: messages(fields, isProtocol1 ? 4 : 3).map((message) => readHistogram(readFields(message))),
    exemplars: messages(fields, isProtocol1 ? 3 : 4).length,
  };
}

function readHistogram(fields: readonly Field[]): WrittenHistogram {
  const isFloat = fields.some((field) => field.number === 2);
  return {
    count: isFloat ? doubleOf(number(fields, 2)) : Number(number(fields, 1)),
    sum: doubleOf(number(fields, 3)),
    schema: zigzag(number(fields, 4)),
    timeMs: signed(number(fields, 15)),
  };
}

function labelsOf1(fields: readonly Field[]): Record<string, string> {
  const pairs = messages(fields, 1).map((message) => {
    const label = readFields(message);
    return [stringOf(label, 1), stringOf(label, 2)] as const;
  });
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}

function labelsOf2(fields: readonly Field[], symbols: readonly string[]): Record<string, string> {
  const refs = messages(fields, 1).flatMap((packed) => readVarints(packed));
  const labels: Record<string, string> = {};
  for (let i = 0; i < refs.length; i += 2) {
    const value = symbols[refs[i + 1]!]!;
    if (value !== "") labels[symbols[refs[i]!]!] = value;
  }
  return labels;
}

function messages(fields: readonly Field[], wanted: number): Uint8Array[] {
  return fields.filter((f) => f.number === wanted).map((f) => f.value as Uint8Array);
}

function number(fields: readonly Field[], wanted: number): bigint {
  return (fields.findLast((field) => field.number === wanted)?.value as bigint | undefined) ?? 0n;
}

function stringOf(fields: readonly Field[], wanted: number): string {
  return text.decode(messages(fields, wanted).at(-1) ?? new Uint8Array(0));
}

function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function zigzag(value: bigint): number {
  return Number((value >> 1n) ^ -(value & 1n));
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function readVarints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [value, next] = readVarint(bytes, at);
    values.push(Number(value));
    at = next;
  }
  return values;
}

function readVarint(bytes: Uint8Array, from: number): [value: bigint, next: number] {
  let value = 0n;
  for (let at = from, shift = 0n; ; at++, shift += 7n) {
    const byte = bytes[at];
    if (byte === undefined || shift > 63n) throw new Error("a varint without an end");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at + 1];
  }
}

function readFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, behindTag] = readVarint(bytes, at);
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) {
      const [value, next] = readVarint(bytes, behindTag);
      fields.push({ number: field, value });
      at = next;
    } else if (wire === 1) {
      fields.push({ number: field, value: view.getBigUint64(behindTag, true) });
      at = behindTag + 8;
    } else if (wire === 5) {
      fields.push({ number: field, value: BigInt(view.getUint32(behindTag, true)) });
      at = behindTag + 4;
    } else if (wire === 2) {
      const [length, start] = readVarint(bytes, behindTag);
      at = start + Number(length);
      if (at > bytes.length) throw new Error("a field is longer than its message");
      fields.push({ number: field, value: bytes.subarray(start, at) });
    } else throw new Error(`wire type ${wire}`);
  }
  return fields;
}

/** Snappy's block format. */
function uncompress(bytes: Uint8Array): Uint8Array {
  const [length, start] = readVarint(bytes, 0);
  const out = new Uint8Array(Number(length));
  let written = 0;
  for (let at = start; at < bytes.length; ) {
    const tag = bytes[at++]!;
    if ((tag & 3) === 0) {
      let count = tag >> 2;
      if (count >= 60) {
        const extra = count - 59;
        count = 0;
        for (let b = 0; b < extra; b++) count += bytes[at + b]! * 256 ** b;
        at += extra;
      }
      count++;
      out.set(bytes.subarray(at, at + count), written);
      at += count;
      written += count;
      continue;
    }
    const short = (tag & 3) === 1;
    const count = short ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    let offset = short ? ((tag >> 5) << 8) | bytes[at]! : bytes[at]! | (bytes[at + 1]! << 8);
    if ((tag & 3) === 3) offset += bytes[at + 2]! * 65_536 + bytes[at + 3]! * 16_777_216;
    at += short ? 1 : (tag & 3) === 2 ? 2 : 4;
    if (offset === 0 || offset > written) throw new Error("a copy from before the begin");
    for (let i = 0; i < count; i++, written++) out[written] = out[written - offset]!;
  }
  if (written !== out.length) throw new Error(`${written} bytes instead of ${out.length}`);
  return out;
}
