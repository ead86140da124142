/**
 * What a replay may pass over: the file `compacted` in the log's folder, one record of the log's own format. Every
 * sample older than `endMs` that the log holds before `place` is in blocks. A file that is damaged says nothing, and
 * then everything is replayed: what blocks hold as well is merged by readers and by compaction.
 */
import { writeFileDurably } from "../io/durable-file.js";
import type { FileSystem } from "../io/file-system.js";
import { encodeRecord, RecordType, recordPayloadIn } from "../wal/record-format.js";
import type { LogPlace } from "../wal/segments.js";

export interface CompactedMark {
  readonly endMs: number;
  /** The first byte that may hold anything else. */
  readonly place: LogPlace;
}

const MARK_FILE = "compacted";
const PAYLOAD_BYTES = 16;

export function writeCompactedMark(fs: FileSystem, logDir: string, { endMs, place }: CompactedMark): void {
  const payload = new DataView(new ArrayBuffer(PAYLOAD_BYTES));
  payload.setFloat64(0, endMs, true);
  payload.setUint32(8, place.segment, true);
  payload.setUint32(12, place.offset, true);
  const record = encodeRecord(RecordType.COMPACTED, new Uint8Array(payload.buffer));
  writeFileDurably(fs, logDir, MARK_FILE, record);
}

/** Null where there is none, or none that is intact. */
export function readCompactedMark(fs: FileSystem, logDir: string): CompactedMark | null {
  const path = `${logDir}/${MARK_FILE}`;
  if (!fs.exists(path)) return null;
  const payload = recordPayloadIn(fs.readFile(path), RecordType.COMPACTED);
  if (payload?.length !== PAYLOAD_BYTES) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return {
    endMs: view.getFloat64(0, true),
    place: { segment: view.getUint32(8, true), offset: view.getUint32(12, true) },
  };
}
