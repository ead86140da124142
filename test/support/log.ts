import type { FileSystem } from "../../dist/io/file-system.js";
import { encodeRecord, encodeSegmentHeader, type RecordType } from "../../dist/wal/record-format.js";
import {
  type LogDamage,
  type ReadLogOptions,
  type ReadLogSummary,
  readLog,
} from "../../dist/wal/segment-reader.js";

export const LOG_DIR = "/data/wal";

export interface ReadBack {
  readonly records: {
    readonly type: number;
    readonly payload: Uint8Array;
    readonly segment: number;
    readonly offset: number;
  }[];
  readonly damages: LogDamage[];
  readonly summary: ReadLogSummary;
}

/** Everything that `readLog` finds, with payloads copied out of its buffer. */
export function readBack(fs: FileSystem, options: Partial<ReadLogOptions> = {}): ReadBack {
  const records: ReadBack["records"] = [];
  const damages: LogDamage[] = [];
  const summary = readLog(fs, LOG_DIR, {
    buffer: new Uint8Array(4096),
    visit: ({ type, buffer, payload, payloadBytes, segment, offset }) => {
      records.push({ type, payload: buffer.slice(payload, payload + payloadBytes), segment, offset });
    },
    report: (damage) => damages.push(damage),
    ...options,
  });
  return { records, damages, summary };
}

/** A segment's file: header, then the records. */
export function segmentFile(
  segment: number,
  records: readonly (readonly [RecordType, Uint8Array])[],
): Uint8Array {
  const parts = [
    encodeSegmentHeader(segment, 1_795_356_000_000),
    ...records.map(([type, payload]) => encodeRecord(type, payload)),
  ];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    file.set(part, offset);
    offset += part.length;
  }
  return file;
}
