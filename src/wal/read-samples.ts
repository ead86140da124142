import { CorruptionError } from "../base/errors.js";

/**
 * Reads a SAMPLES payload (docs/format/wal.md) off the hot path: the kernel replays these itself. Integers are
 * little-endian base-128 varints, values 8 bytes each behind them.
 */
export function readSamples(
  payload: Uint8Array,
  visit: (ref: number, timestampMs: number, value: number) => void,
): void {
  const reader = new VarintReader(payload);
  const count = reader.varint();
  // A value alone takes 8 bytes.
  if (count * 8 > payload.length) throw reader.bad(`no room for ${count} samples`);
  const refs = new Float64Array(count);
  const times = new Float64Array(count);
  readRuns(
    reader,
    count,
    (index, ref, step) => {
      refs[index] = ref + step;
    },
    true,
  );
  readRuns(
    reader,
    count,
    (index, time) => {
      times[index] = time;
    },
    false,
  );
  if (payload.length - reader.at < 8 * count) throw reader.bad("the values end early");
  const values = new DataView(payload.buffer, payload.byteOffset + reader.at);
  for (let i = 0; i < count; i++) visit(refs[i], times[i], values.getFloat64(8 * i, true));
}

/** `counted`: what a run names goes up by one with each of its elements. */
function readRuns(
  reader: VarintReader,
  count: number,
  put: (index: number, start: number, step: number) => void,
  counted: boolean,
): void {
  let before = 0;
  for (let index = 0; index < count; ) {
    const start = before + reader.zigzag();
    const length = reader.varint();
    if (length === 0 || index + length > count) throw reader.bad(`a run of ${length}`);
    for (let step = 0; step < length; step++) put(index++, start, step);
    before = counted ? start + length : start;
  }
}

class VarintReader {
  at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (this.at >= this.bytes.length || scale > 2 ** 63) throw this.bad("a varint does not end");
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bad(reason: string): CorruptionError {
    return new CorruptionError("a SAMPLES record", this.at, reason);
  }
}
