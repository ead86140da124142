/** Remote read (prompb/remote.proto, storage/remote/codec.go and chunked.go of Prometheus): requests and answers. */
import { RefusalError } from "../base/errors.js";
import { READ_BYTES_MAX, READ_QUERIES_MAX } from "../base/limits.js";
import { crc32c } from "../encoding/crc32c.js";
import { ProtobufReader, WireType } from "../encoding/protobuf.js";
import { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { snappyUncompressOrNull } from "../encoding/snappy.js";
import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { EncodedChunk } from "../storage/chunk-series.js";
import type { SampleColumns } from "../storage/columns.js";
import { writeHistogramSample, writeLabels, writeSample } from "./time-series.js";

export interface ReadQuery {
  /** Milliseconds, both inclusive: of the hints where those have any. */
  readonly startMs: number;
  readonly endMs: number;
  readonly matchers: readonly Matcher[];
  /** The caller asks for labels only. */
  readonly seriesOnly: boolean;
}

export interface ReadRequest {
  readonly queries: readonly ReadQuery[];
  readonly streamed: boolean;
}

export const SAMPLES_TYPE = "application/x-protobuf";
export const CHUNKS_TYPE = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

const MATCHER_OPS: readonly Matcher["op"][] = ["=", "!=", "=~", "!~"];
const SAMPLES = 0;
const STREAMED_XOR_CHUNKS = 1;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes a request as it came, compressed. Throws RefusalError("bad_data"). */
export function decodeReadRequest(body: Uint8Array): ReadRequest {
  const bytes = snappyUncompressOrNull(body, READ_BYTES_MAX);
  if (bytes === null) throw new RefusalError("bad_data", "snappy: corrupt input");
  const reader = new ProtobufReader();
  reader.reset(bytes, 0, bytes.length);
  const queries: ReadQuery[] = [];
  const types: number[] = [];
  while (reader.next()) {
    if (reader.field === 1 && reader.expect(WireType.BYTES)) {
      if (queries.length === READ_QUERIES_MAX) {
        throw new RefusalError("bad_data", `more than ${READ_QUERIES_MAX} queries in one request`);
      }
      const outer = reader.enter();
      queries.push(readQuery(reader, bytes));
      reader.leave(outer);
    } else if (reader.field === 2) readTypes(reader, types);
    else reader.skip();
  }
  if (reader.failed) throw new RefusalError("bad_data", "the request is not well-formed protobuf");
  return { queries, streamed: negotiate(types) === STREAMED_XOR_CHUNKS };
}

/** The first type that is known; none accepted means samples. */
function negotiate(types: readonly number[]): number {
  if (types.length === 0) return SAMPLES;
  const known = types.find((type) => type === SAMPLES || type === STREAMED_XOR_CHUNKS);
  if (known !== undefined) return known;
  throw new RefusalError(
    "bad_data",
    `server does not support any of the requested response types: [${types.join(" ")}]; supported: [SAMPLES STREAMED_XOR_CHUNKS]`,
  );
}

/** A repeated enum, packed or not. */
function readTypes(reader: ProtobufReader, types: number[]): void {
  const keep = (type: number): void => {
    if (types.length < READ_QUERIES_MAX) types.push(type);
  };
  if (reader.wireType === WireType.VARINT) keep(reader.int32());
  else if (reader.expect(WireType.BYTES)) {
    const outer = reader.enter();
    while (reader.more()) keep(reader.int32());
    reader.leave(outer);
  }
}

function readQuery(reader: ProtobufReader, bytes: Uint8Array): ReadQuery {
  let startMs = 0;
  let endMs = 0;
  let hints: Hints | null = null;
  const matchers: Matcher[] = [];
  while (reader.next()) {
    if (reader.field === 1 && reader.expect(WireType.VARINT)) startMs = reader.int64();
    else if (reader.field === 2 && reader.expect(WireType.VARINT)) endMs = reader.int64();
    else if (reader.field === 3 && reader.expect(WireType.BYTES)) {
      const outer = reader.enter();
      matchers.push(readMatcher(reader, bytes));
      reader.leave(outer);
    } else if (reader.field === 4 && reader.expect(WireType.BYTES)) {
      const outer = reader.enter();
      hints = readHints(reader, bytes);
      reader.leave(outer);
    } else reader.skip();
  }
  // Prometheus goes by the hints' range alone where there are hints; some clients send hints without one.
  const ranged = hints !== null && (hints.startMs !== 0 || hints.endMs !== 0);
  return {
    startMs: ranged && hints !== null ? hints.startMs : startMs,
    endMs: ranged && hints !== null ? hints.endMs : endMs,
    matchers,
    seriesOnly: hints?.func === "series",
  };
}

interface Hints {
  startMs: number;
  endMs: number;
  func: string;
}

function readHints(reader: ProtobufReader, bytes: Uint8Array): Hints {
  const hints: Hints = { startMs: 0, endMs: 0, func: "" };
  while (reader.next()) {
    if (reader.field === 2 && reader.expect(WireType.BYTES)) hints.func = readString(reader, bytes);
    else if (reader.field === 3 && reader.expect(WireType.VARINT)) hints.startMs = reader.int64();
    else if (reader.field === 4 && reader.expect(WireType.VARINT)) hints.endMs = reader.int64();
    else reader.skip();
  }
  return hints;
}

function readMatcher(reader: ProtobufReader, bytes: Uint8Array): Matcher {
  let type = 0;
  let name = "";
  let value = "";
  while (reader.next()) {
    if (reader.field === 1 && reader.expect(WireType.VARINT)) type = reader.int32();
    else if (reader.field === 2 && reader.expect(WireType.BYTES)) name = readString(reader, bytes);
    else if (reader.field === 3 && reader.expect(WireType.BYTES)) value = readString(reader, bytes);
    else reader.skip();
  }
  const op = MATCHER_OPS[type];
  if (op === undefined) throw new RefusalError("bad_data", `invalid matcher type ${type}`);
  return { name, op, value };
}

function readString(reader: ProtobufReader, bytes: Uint8Array): string {
  reader.bytes();
  return utf8.decode(bytes.subarray(reader.start, reader.stop));
}

/** A series in a `QueryResult`, inside a `ReadResponse`. */
export function writeSeries(writer: ProtobufWriter, labels: Labels, columns: SampleColumns): void {
  const { timestamps, valueWords, histograms, count } = columns;
  const start = writer.open(1);
  writeLabels(writer, 1, labels.pairs);
  for (let i = 0; i < count; i++) {
    const histogram = histograms?.[i];
    if (histogram !== undefined) writeHistogramSample(writer, histogram, timestamps[i]);
    else writeSample(writer, valueWords[2 * i], valueWords[2 * i + 1], timestamps[i]);
  }
  writer.close(start);
}

/**
 * Makes the frames of a streamed answer: each is a length, a CRC-32C and a `ChunkedReadResponse` of one series, of
 * about `frameBytesMax` bytes.
 */
export class ChunkFrames {
  private readonly frameBytesMax: number;
  private readonly message = new ProtobufWriter(64 * 1024);
  private bytes = new Uint8Array(256 * 1024);
  length = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** A copy of all frames. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  series(labels: Labels, chunks: readonly EncodedChunk[], queryIndex: number): void {
    const { message } = this;
    for (let next = 0; next < chunks.length; ) {
      message.clear();
      const start = message.open(1);
      writeLabels(message, 1, labels.pairs);
      do this.chunk(chunks[next++]);
      while (next < chunks.length && message.length < this.frameBytesMax);
      message.close(start);
      message.int64(2, queryIndex);
      this.frame(message.view());
    }
  }

  private chunk({ mint, maxt, encoding, bytes }: EncodedChunk): void {
    const { message } = this;
    const start = message.open(2);
    message.int64(1, mint);
    message.int64(2, maxt);
    message.uint64(3, encoding);
    message.blob(4, bytes);
    message.close(start);
  }

  private frame(payload: Uint8Array): void {
    this.reserve(9 + payload.length);
    const { bytes } = this;
    let rest = payload.length;
    for (; rest > 127; rest >>>= 7) bytes[this.length++] = (rest & 127) | 128;
    bytes[this.length++] = rest;
    new DataView(bytes.buffer).setUint32(this.length, crc32c(payload, 0, payload.length));
    bytes.set(payload, this.length + 4);
    this.length += 4 + payload.length;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
