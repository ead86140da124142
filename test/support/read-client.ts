/** A remote read client for tests, through protobufjs and proto/remote-read.proto. */
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { decodeChunk } from "../../dist/chunk/chunk.js";
import { crc32c } from "../../dist/encoding/crc32c.js";
import type { Histogram } from "../../dist/model/histogram.js";
import { Labels } from "../../dist/model/labels.js";
import { isStaleNaN } from "../../dist/model/stale.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import { decodeHistogram } from "../../dist/wire/remote-write-histogram.js";
import type { PlainSample, PlainSeries } from "./block-fixtures.js";
import { messages, snappyCompress, snappyUncompress, type WireHistogram } from "./remote-write.js";

const root = protobuf.loadSync(fileURLToPath(new URL("../../proto/remote-read.proto", import.meta.url)));
const ReadRequest = root.lookupType("prometheus.ReadRequest");
const ReadResponse = root.lookupType("prometheus.ReadResponse");
const ChunkedReadResponse = root.lookupType("prometheus.ChunkedReadResponse");

export const SAMPLES = 0;
export const STREAMED_XOR_CHUNKS = 1;
const TYPES = { EQ: 0, NEQ: 1, RE: 2, NRE: 3 };

export interface PlainQuery {
  readonly startMs: number;
  readonly endMs: number;
  readonly matchers: readonly (readonly [type: keyof typeof TYPES, name: string, value: string])[];
  readonly hints?: { readonly startMs?: number; readonly endMs?: number; readonly func?: string };
}

export function encodeRead(queries: readonly PlainQuery[], types: readonly number[]): Uint8Array {
  const message = {
    queries: queries.map(({ startMs, endMs, matchers, hints }) => ({
      startTimestampMs: startMs,
      endTimestampMs: endMs,
      matchers: matchers.map(([type, name, value]) => ({ type: TYPES[type], name, value })),
      ...(hints === undefined ? {} : { hints }),
    })),
    acceptedResponseTypes: types,
  };
  return snappyCompress(ReadRequest.encode(message).finish());
}

export function postRead(url: string, body: Uint8Array, init: RequestInit = {}): Promise<Response> {
  const headers = { "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf" };
  return fetch(`${url}/api/v1/read`, { method: "POST", headers, body: new Uint8Array(body), ...init });
}

interface WireLabel {
  readonly name: string;
  readonly value: string;
}

function labelsOf(labels: readonly WireLabel[]): Labels {
  return new Labels(labels.flatMap(({ name, value }) => [name, value]));
}

export interface ReadSeries {
  readonly labels: readonly WireLabel[];
  readonly samples?: readonly { readonly timestamp?: number; readonly value?: number }[];
  readonly histograms?: readonly WireHistogram[];
}

/** An uncompressed answer as its message has it: the series of each query. */
export function decodeReadResponse(
  bytes: Uint8Array,
): readonly { readonly timeseries?: readonly ReadSeries[] }[] {
  const message = ReadResponse.toObject(ReadResponse.decode(bytes), { longs: Number });
  return (message as { results?: { timeseries?: ReadSeries[] }[] }).results ?? [];
}

/** The series of each query. */
export function decodeSamples(body: Uint8Array): PlainSeries[][] {
  const results = decodeReadResponse(snappyUncompress(body));
  return results.map(({ timeseries = [] }) =>
    timeseries.map(({ labels, samples = [], histograms = [] }) => {
      const all: PlainSample[] = samples.map(({ timestamp = 0, value = 0 }) => [timestamp, value]);
      for (const histogram of histograms) {
        const bytes = messages.histogramV1.encode(histogram).finish();
        const decoded = decodeHistogram(bytes, 0, bytes.length);
        if (typeof decoded === "string") throw new Error(decoded);
        all.push([decoded.timestampMs, decoded.histogram]);
      }
      return { labels: labelsOf(labels), samples: all.sort(([a], [b]) => a - b) };
    }),
  );
}

/** The series of each query, put together from frames whose checksums were checked. */
export function decodeFrames(body: Uint8Array): {
  readonly series: PlainSeries[][];
  readonly frames: number;
} {
  const series: PlainSeries[][] = [];
  let frames = 0;
  for (let at = 0; at < body.length; frames++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const checksum = new DataView(body.buffer, body.byteOffset).getUint32(at);
    const start = at + 4;
    at = start + length;
    if (checksum !== crc32c(body, start, at)) throw new Error(`a wrong checksum at ${start}`);
    readFrame(body.subarray(start, at), series);
  }
  return { series, frames };
}

function readFrame(bytes: Uint8Array, series: PlainSeries[][]): void {
  const message = ChunkedReadResponse.toObject(ChunkedReadResponse.decode(bytes), { longs: Number }) as {
    queryIndex?: number;
    chunkedSeries: {
      labels: WireLabel[];
      chunks: { minTimeMs: number; maxTimeMs: number; type: number; data: Uint8Array }[];
    }[];
  };
  const { queryIndex = 0 } = message;
  while (series.length <= queryIndex) series.push([]);
  const list = series[queryIndex]!;
  for (const { labels: pairs, chunks } of message.chunkedSeries) {
    const labels = labelsOf(pairs);
    if (list.at(-1)?.labels.key !== labels.key) list.push({ labels, samples: [] });
    const samples = list.at(-1)!.samples as PlainSample[];
    for (const { minTimeMs, maxTimeMs, type, data } of chunks) {
      const columns = new SampleColumns();
      decodeChunk(new Uint8Array(data), type, columns);
      const first = columns.timestamps[0];
      if (first !== minTimeMs || columns.timestamps[columns.count - 1] !== maxTimeMs) {
        throw new Error("a chunk's times are not those it is said to have");
      }
      for (let i = 0; i < columns.count; i++) {
        samples.push([columns.timestamps[i]!, columns.histograms?.[i] ?? columns.values[i]!]);
      }
    }
  }
}

/** A histogram as text that depends neither on its spans nor on hints. */
function printHistogram(histogram: Histogram): string {
  const { float, schema, zeroThreshold, zeroCount, count, sum, customValues } = histogram;
  if (isStaleNaN(sum)) return `stale ${float}`;
  const buckets = (side: "positive" | "negative"): string[] => {
    const counts = histogram[`${side}Buckets`];
    const found: string[] = [];
    let index = 0;
    let next = 0;
    for (const { offset, length } of histogram[`${side}Spans`]) {
      index += offset;
      for (let i = 0; i < length; i++, index++, next++) {
        if (counts[next] !== 0) found.push(`${index}:${counts[next]}`);
      }
    }
    return found;
  };
  const scalars = [float, schema, zeroThreshold, zeroCount, count, sum, [...Array.from(customValues)]];
  return JSON.stringify([...scalars.map(String), buckets("positive"), buckets("negative")]);
}

/** Series as text, for comparing: NaN payloads are told apart by the callers that care. */
export function printSeries(series: readonly PlainSeries[]): Record<string, string[]> {
  const print = (value: PlainSample[1]): string => {
    if (typeof value !== "number") return printHistogram(value);
    return Object.is(value, -0) ? "-0" : String(value);
  };
  return Object.fromEntries(
    series.map(({ labels, samples }) => [labels.toString(), samples.map(([t, v]) => `${t} ${print(v)}`)]),
  );
}
