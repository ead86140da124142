/** Segments of our log and of Prometheus', readably. */
import { CorruptionError } from "../base/errors.js";
import { readCompactedMark } from "../db/compacted-mark.js";
import { decodeLabels } from "../head/label-bytes.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import { decodeWalRecord } from "../transfer/prometheus-record.js";
import { readWalSegment } from "../transfer/prometheus-wal.js";
import { decodeExemplars, decodeHistograms, decodeMetadata } from "../wal/cold-records.js";
import { readSamples } from "../wal/read-samples.js";
import { decodeSegmentHeader, RecordType, SEGMENT_HEADER_BYTES } from "../wal/record-format.js";
import { summarizeRecord } from "../wal/record-summary.js";
import { type LogRecord, readLog } from "../wal/segment-reader.js";
import { loadZstd } from "../workers/load-zstd.js";
import type { InspectView } from "./inspect-view.js";
import type { Output } from "./output.js";
import { printBytes, printRange, printTime } from "./print-values.js";

/** "VARVEWAL" as the two words of a segment's header lie in the file. */
export const SEGMENT_START: readonly number[] = [0x56, 0x41, 0x52, 0x56, 0x45, 0x57, 0x41, 0x4c];
const BUFFER_BYTES: number = 8 << 20;
/** Thrown to end a reading early. */
const ENOUGH = new Error("enough was shown");

/** A whole log, or a checkpoint: its files one after the other, records by kind. */
export async function inspectLog(dir: string, view: InspectView, out: Output): Promise<number> {
  const kinds = new Map<string, { records: number; bytes: number; entries: number }>();
  const lines: string[] = [];
  let damaged = 0;
  readLog(fs, dir, {
    buffer: new Uint8Array(BUFFER_BYTES),
    repair: false,
    visit(record) {
      const { name, count } = summaryOf(record);
      const kind = kinds.get(name) ?? { records: 0, bytes: 0, entries: 0 };
      kind.records++;
      kind.bytes += record.payloadBytes;
      kind.entries += Math.max(0, count);
      kinds.set(name, kind);
    },
    report({ kind, file, start, end, reason }) {
      if (kind === "damaged") damaged++;
      lines.push(`  ${kind}: ${file}, bytes ${start} to ${end}: ${reason}`);
    },
  });
  await out.line(`log ${dir}`);
  for (const [name, { records, bytes, entries }] of kinds) {
    await out.line(`  ${name}: ${records} records, ${entries} entries, ${printBytes(bytes)}`);
  }
  for (const line of lines.slice(0, view.limit)) await out.line(line);
  return damaged === 0 ? 0 : 1;
}

export async function inspectSegment(path: string, view: InspectView, out: Output): Promise<number> {
  const [dir, name] = [
    path.slice(0, Math.max(0, path.lastIndexOf("/"))) || ".",
    path.slice(path.lastIndexOf("/") + 1),
  ];
  const header = decodeSegmentHeader(fs.readFile(path).subarray(0, SEGMENT_HEADER_BYTES));
  await out.line(
    typeof header === "string" ? header : `segment ${header.segment}, created ${printTime(header.createdMs)}`,
  );
  const lines: string[] = [];
  let damaged = 0;
  let shown = 0;
  try {
    readLog(fs, dir, {
      buffer: new Uint8Array(BUFFER_BYTES),
      repair: false,
      firstSegment: Number(name),
      visit(record) {
        if (record.segment !== Number(name)) throw ENOUGH;
        if (record.offset < view.offset) return;
        if (shown++ >= view.limit) throw ENOUGH;
        lines.push(...describe(record, view));
      },
      report({ kind, file, start, end, reason }) {
        if (file !== path && !path.endsWith(file)) return;
        if (kind === "damaged") damaged++;
        lines.push(`  ${kind}: bytes ${start} to ${end}: ${reason}`);
      },
    });
  } catch (error) {
    if (error !== ENOUGH) throw error;
  }
  for (const line of lines) await out.line(line);
  if (shown > view.limit) await out.line("… and more (--limit, --offset)");
  return damaged === 0 ? 0 : 1;
}

function summaryOf({ type, buffer, payload, payloadBytes }: LogRecord): ReturnType<typeof summarizeRecord> {
  const bytes = buffer.slice(payload, payload + payloadBytes);
  try {
    return summarizeRecord(type, bytes);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { name: `unreadable: ${error.reason}`, count: -1, mint: 1, maxt: 0 };
  }
}

function describe(record: LogRecord, { limit, offset }: InspectView): string[] {
  const { name, count, mint, maxt } = summaryOf(record);
  const entries = count < 0 ? "" : `, ${count} entries`;
  const times = mint <= maxt ? `, ${printRange(mint, maxt)}` : "";
  const head = `  at ${record.offset}: ${name}${entries}, ${printBytes(record.payloadBytes)}${times}`;
  // A record that was asked for by its place is shown whole.
  if (offset !== record.offset) return [head];
  const { type, buffer, payload, payloadBytes } = record;
  const bytes = buffer.slice(payload, payload + payloadBytes);
  const lines: string[] = [];
  const add = (line: string): void => {
    if (lines.length < limit) lines.push(`    ${line}`);
  };
  if (type === RecordType.SAMPLES)
    readSamples(bytes, (ref, time, value) => add(`series ${ref}: ${printTime(time)} ${value}`));
  else if (type === RecordType.SERIES) eachSeries(bytes, (ref, labels) => add(`series ${ref}: ${labels}`));
  else if (type === RecordType.METADATA)
    for (const entry of decodeMetadata(bytes)) add(JSON.stringify(entry));
  else if (type === RecordType.HISTOGRAMS) {
    for (const { ref, timestampMs, histogram } of decodeHistograms(bytes)) {
      add(`series ${ref}: ${printTime(timestampMs)} count ${histogram.count} sum ${histogram.sum}`);
    }
  } else if (type === RecordType.EXEMPLARS) {
    for (const { ref, timestampMs, labels, value } of decodeExemplars(bytes)) {
      add(`series ${ref}: ${printTime(timestampMs)} ${labels} ${value}`);
    }
  }
  return [head, ...lines];
}

/** Entries of a SERIES record: first ref and count, then length and label bytes of each. */
function eachSeries(bytes: Uint8Array, visit: (ref: number, labels: string) => void): void {
  if (bytes.length < 8) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getUint32(0, true);
  const count = view.getUint32(4, true);
  let at = 8;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  for (let i = 0; i < count && at < bytes.length; i++) {
    const length = varint();
    visit(first + i, decodeLabels(bytes, at, length).toString());
    at += length;
  }
}

export async function inspectMark(path: string, out: Output): Promise<number> {
  const mark = readCompactedMark(fs, path.slice(0, Math.max(0, path.lastIndexOf("/"))) || ".");
  if (mark === null) {
    await out.line("the mark is damaged: a replay reads all of the log");
    return 1;
  }
  const { endMs, place } = mark;
  await out.line(
    `samples before ${printTime(endMs)} that the log holds before segment ${place.segment}, byte ${place.offset}, are in blocks`,
  );
  return 0;
}

export async function inspectPrometheusSegment(
  path: string,
  view: InspectView,
  out: Output,
): Promise<number> {
  const kinds = new Map<string, number>();
  const lines: string[] = [];
  let damaged = 0;
  const count = (kind: string, text: string): void => {
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (lines.length < view.limit) lines.push(`  ${kind} ${text}`);
  };
  const record = (bytes: Uint8Array): void =>
    decodeWalRecord(bytes, {
      series: (ref, labels) => count("series", `${ref}: ${labels}`),
      sample: (ref, time, low, high) => count("sample", `${ref}: ${printTime(time)} ${floatOf(low, high)}`),
      histogram: (ref, time, histogram) =>
        count("histogram", `${ref}: ${printTime(time)} count ${histogram.count}`),
      tombstone: (ref, mint, maxt) => count("tombstone", `${ref}: ${printRange(mint, maxt)}`),
      other: (kind) => count(kind, ""),
      unknown: (type) => count(`type ${type}`, ""),
    });
  const damage = ({ offset, reason }: { offset: number; reason: string }): void => {
    damaged++;
    lines.push(`  damaged at ${offset}: ${reason}`);
  };
  await loadZstd();
  readWalSegment(fs, path, { record, damage }, true);
  await out.line("segment of Prometheus' log");
  for (const line of lines) await out.line(line);
  for (const [kind, total] of kinds) await out.line(`${total} ${kind}`);
  return damaged === 0 ? 0 : 1;
}

function floatOf(low: number, high: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, high);
  view.setUint32(4, low);
  return view.getFloat64(0);
}
