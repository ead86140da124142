/**
 * What a 204 claims, checked from the request alone: that everything in it could be stored. Reads the message
 * by a walk of its own, strict about what is certain and silent about what two readers may see differently.
 */
import { ProtobufReader, WireType } from "../../dist/encoding/protobuf.js";
import { decodeHistogram } from "../../dist/wire/remote-write-histogram.js";
import { snappyUncompress } from "../support/remote-write.js";

export interface RequestContent {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
}

/** The receiver's clock and ours are the same; the seconds between sending and judging are not. */
const FUTURE_MS_MAX = 10 * 60_000 + 60_000;

interface Series {
  labels: [string | null, string | null][];
  refs: number[];
  samples: number[];
  histograms: [start: number, end: number][];
  exemplars: number;
}

/** Raised where the message has a field of a known number in an unknown shape: no verdict then. */
class Ambiguous extends Error {}

/** The counts of a request that may be answered with 204, or why it must not be. Null: no verdict. */
export function judgeAccepted(
  body: Uint8Array,
  protocol: 1 | 2,
  nowMs: number,
): RequestContent | string | null {
  let message: Uint8Array;
  try {
    message = snappyUncompress(body);
  } catch {
    return "the body is no snappy block";
  }
  try {
    const series = protocol === 1 ? readV1(message) : readV2(message);
    if (typeof series === "string") return series;
    for (const one of series) {
      const reason = seriesReason(message, one, nowMs);
      if (reason !== null) return reason;
    }
    const sum = (count: (one: Series) => number): number =>
      series.reduce((total, one) => total + count(one), 0);
    return {
      samples: sum(({ samples }) => samples.length),
      histograms: sum(({ histograms }) => histograms.length),
      exemplars: sum(({ exemplars }) => exemplars),
    };
  } catch (error) {
    if (error instanceof Ambiguous) return null;
    throw error;
  }
}

function seriesReason(message: Uint8Array, one: Series, nowMs: number): string | null {
  if (one.samples.length === 0 && one.histograms.length === 0) return null;
  const names = new Set<string>();
  for (const [name, value] of one.labels) {
    if (name === null || value === null) return "a label is not UTF-8 or no symbol";
    if (name === "") return "a label name is empty";
    if (names.has(name)) return "a label name is there twice";
    names.add(name);
  }
  if (!one.labels.some(([name, value]) => name === "__name__" && value !== "")) return "no metric name";
  for (const timestamp of one.samples) {
    if (timestamp > nowMs + FUTURE_MS_MAX) return "a sample is too far ahead";
  }
  for (const [start, end] of one.histograms) {
    const decoded = decodeHistogram(message, start, end);
    if (typeof decoded === "string") return decoded;
    if (decoded.timestampMs > nowMs + FUTURE_MS_MAX) return "a histogram is too far ahead";
  }
  return null;
}

function readV1(message: Uint8Array): Series[] | string {
  const reader = new ProtobufReader();
  const series: Series[] = [];
  reader.reset(message, 0, message.length);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const one = emptySeries();
    series.push(one);
    inside(reader, (field) => {
      if (field === 1) one.labels.push(label(reader, message));
      else if (field === 2) one.samples.push(timestampOf(reader, 2));
      else if (field === 3) one.exemplars += wellFormed(reader);
      else if (field === 4) one.histograms.push(range(reader));
      else reader.skip();
    });
  }
  return reader.failed ? "not well-formed protobuf" : series;
}

function readV2(message: Uint8Array): Series[] | string {
  const reader = new ProtobufReader();
  const symbols: (string | null)[] = [];
  const series: Series[] = [];
  reader.reset(message, 0, message.length);
  while (reader.next()) {
    if (reader.field === 4) {
      const [start, end] = range(reader);
      symbols.push(utf8(message, start, end));
    } else if (reader.field === 5) {
      const one = emptySeries();
      series.push(one);
      inside(reader, (field) => {
        if (field === 1) references(reader, one.refs);
        else if (field === 2) one.samples.push(timestampOf(reader, 2));
        else if (field === 3) one.histograms.push(range(reader));
        else if (field === 4) one.exemplars += wellFormed(reader);
        else reader.skip();
      });
    } else reader.skip();
  }
  if (reader.failed) return "not well-formed protobuf";
  const used = series.filter(({ samples, histograms }) => samples.length + histograms.length > 0);
  if (used.length > 0 && symbols[0] !== "") return "the first symbol is not empty";
  for (const one of used) {
    if (one.refs.length % 2 === 1) return "an odd number of references";
    for (let i = 0; i < one.refs.length; i += 2) {
      one.labels.push([symbols[one.refs[i]] ?? null, symbols[one.refs[i + 1]] ?? null]);
    }
  }
  return series;
}

function emptySeries(): Series {
  return { labels: [], refs: [], samples: [], histograms: [], exemplars: 0 };
}

function inside(reader: ProtobufReader, visit: (field: number) => void): void {
  if (reader.wireType !== WireType.BYTES) throw new Ambiguous();
  const outer = reader.enter();
  while (reader.next()) visit(reader.field);
  reader.leave(outer);
}

function range(reader: ProtobufReader): [number, number] {
  if (reader.wireType !== WireType.BYTES) throw new Ambiguous();
  reader.bytes();
  return [reader.start, reader.stop];
}

function label(reader: ProtobufReader, message: Uint8Array): [string | null, string | null] {
  let name: string | null = "";
  let value: string | null = "";
  inside(reader, (field) => {
    if (field !== 1 && field !== 2) return reader.skip();
    const [start, end] = range(reader);
    if (field === 1) name = utf8(message, start, end);
    else value = utf8(message, start, end);
  });
  return [name, value];
}

function timestampOf(reader: ProtobufReader, timestampField: number): number {
  let timestamp = 0;
  inside(reader, (field) => {
    if (field !== timestampField) return reader.skip();
    if (reader.wireType !== WireType.VARINT) throw new Ambiguous();
    timestamp = reader.int64();
  });
  return timestamp;
}

function references(reader: ProtobufReader, refs: number[]): void {
  if (reader.wireType === WireType.VARINT) {
    refs.push(reader.uint32());
    return;
  }
  if (reader.wireType !== WireType.BYTES) throw new Ambiguous();
  const outer = reader.enter();
  while (reader.more()) refs.push(reader.uint32());
  reader.leave(outer);
}

function wellFormed(reader: ProtobufReader): number {
  inside(reader, () => reader.skip());
  return 1;
}

function utf8(bytes: Uint8Array, start: number, end: number): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end));
  } catch {
    return null;
  }
}
