/** What a record of the log is about, for those who look at the log instead of replaying it. */
import { decodeExemplars, decodeHistograms, decodeMetadata, decodeTombstones } from "./cold-records.js";
import { readSamples } from "./read-samples.js";
import { CHUNK_MAXT_OFFSET, CHUNK_PREFIX_BYTES, RecordType } from "./record-format.js";

export interface RecordSummary {
  readonly name: string;
  /** Entries: samples, series, exemplars …; -1 where nobody counted. */
  readonly count: number;
  /** Times of its samples, milliseconds, both inclusive; +Infinity and -Infinity where it has none. */
  readonly mint: number;
  readonly maxt: number;
}

const CHUNK_MINT_OFFSET = CHUNK_MAXT_OFFSET - 8;
const CHUNK_SAMPLES_OFFSET = 6;
const NO_TIMES = { mint: Number.POSITIVE_INFINITY, maxt: Number.NEGATIVE_INFINITY };

/** Throws CorruptionError where the payload is not what the type says. */
export function summarizeRecord(type: number, payload: Uint8Array): RecordSummary {
  switch (type) {
    case RecordType.SERIES:
      return { name: "series", count: -1, ...NO_TIMES };
    case RecordType.SAMPLES:
      return summarizeSamples(payload);
    case RecordType.CHUNK:
      return summarizeChunk(payload);
    case RecordType.METADATA:
      return { name: "metadata", count: decodeMetadata(payload).length, ...NO_TIMES };
    case RecordType.EXEMPLARS:
      return { name: "exemplars", ...spanOf(decodeExemplars(payload)) };
    case RecordType.TOMBSTONE:
      return { name: "tombstones", count: decodeTombstones(payload).length, ...NO_TIMES };
    case RecordType.HISTOGRAMS:
      return { name: "histograms", ...spanOf(decodeHistograms(payload)) };
    case RecordType.COMPACTED:
      return { name: "compacted", count: 1, ...NO_TIMES };
    default:
      return { name: `type ${type}, of a later version`, count: -1, ...NO_TIMES };
  }
}

function summarizeSamples(payload: Uint8Array): RecordSummary {
  let { mint, maxt } = NO_TIMES;
  let count = 0;
  readSamples(payload, (_ref, timestampMs) => {
    count++;
    mint = Math.min(mint, timestampMs);
    maxt = Math.max(maxt, timestampMs);
  });
  return { name: "samples", count, mint, maxt };
}

function summarizeChunk(payload: Uint8Array): RecordSummary {
  const view = new DataView(payload.buffer, payload.byteOffset, CHUNK_PREFIX_BYTES);
  return {
    name: "chunk",
    count: view.getUint16(CHUNK_SAMPLES_OFFSET, true),
    mint: Number(view.getBigInt64(CHUNK_MINT_OFFSET, true)),
    maxt: Number(view.getBigInt64(CHUNK_MAXT_OFFSET, true)),
  };
}

function spanOf(entries: readonly { readonly timestampMs: number }[]): Omit<RecordSummary, "name"> {
  let { mint, maxt } = NO_TIMES;
  for (const { timestampMs } of entries) {
    mint = Math.min(mint, timestampMs);
    maxt = Math.max(maxt, timestampMs);
  }
  return { count: entries.length, mint, maxt };
}
