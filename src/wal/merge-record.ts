/**
 * Payload of a MERGES record (docs/format/wal.md): a version byte and seven zeros, then 40 bytes for each entry. The
 * values of series that rules make one, so that their sums go on after a restart.
 */
import { CorruptionError } from "../base/errors.js";

/** A label set's name that holds across restarts: 64 bits in two words. */
export interface SeriesName {
  readonly lo: number;
  readonly hi: number;
}

/** A source's newest value; with both words of `source` 0, a target's base. */
export interface MergeEntry {
  readonly source: SeriesName;
  readonly target: SeriesName;
  readonly kind: number;
  readonly timestampMs: number;
  readonly value: number;
}

const PAYLOAD_VERSION = 1;
const HEAD_BYTES = 8;
const ENTRY_BYTES = 40;

export function encodeMerges(entries: readonly MergeEntry[]): Uint8Array {
  const payload = new Uint8Array(HEAD_BYTES + ENTRY_BYTES * entries.length);
  const view = new DataView(payload.buffer);
  payload[0] = PAYLOAD_VERSION;
  let at = HEAD_BYTES;
  for (const { source, target, kind, timestampMs, value } of entries) {
    view.setInt32(at, source.lo, true);
    view.setInt32(at + 4, source.hi, true);
    view.setInt32(at + 8, target.lo, true);
    view.setInt32(at + 12, target.hi, true);
    view.setUint32(at + 16, kind, true);
    view.setFloat64(at + 24, timestampMs, true);
    view.setFloat64(at + 32, value, true);
    at += ENTRY_BYTES;
  }
  return payload;
}

/** Throws CorruptionError if the payload is not what `encodeMerges` makes. */
export function decodeMerges(payload: Uint8Array): MergeEntry[] {
  const body = payload.length - HEAD_BYTES;
  if (body < 0 || body % ENTRY_BYTES !== 0 || payload[0] !== PAYLOAD_VERSION) {
    throw new CorruptionError("a log record", 0, "malformed values of merged series");
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return Array.from({ length: body / ENTRY_BYTES }, (_, i) => {
    const at = HEAD_BYTES + ENTRY_BYTES * i;
    return {
      source: { lo: view.getInt32(at, true), hi: view.getInt32(at + 4, true) },
      target: { lo: view.getInt32(at + 8, true), hi: view.getInt32(at + 12, true) },
      kind: view.getUint32(at + 16, true),
      timestampMs: view.getFloat64(at + 24, true),
      value: view.getFloat64(at + 32, true),
    };
  });
}
