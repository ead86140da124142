import { assert } from "../base/assert.js";
import { BitWriter } from "../encoding/bit-writer.js";
import { CHUNK_SAMPLES_MAX } from "./chunk-header.js";
import { writeXorInWindow, XorValueWriter } from "./xor-value.js";
import { XorWindowPlan } from "./xor-window-plan.js";

/**
 * Prometheus' XOR chunk of float samples (docs/format/chunks.md):
 *
 *   count u16 │ t0 varint │ v0 f64 │ t1-t0 uvarint │ v1 xor │ dod(t2) │ v2 xor │ …
 *
 * dod is the difference of differences: `0`; `10` 14 bits; `110` 17 bits; `1110` 20 bits; `1111` 64 bits.
 */
const TWO_32 = 0x1_0000_0000;

/** One for all chunks that this thread encodes: its buffer grows to what the largest needs. */
const writer = new BitWriter(4096);

/**
 * Samples [start, end) of the columns as one chunk. Timestamps are strictly ascending whole numbers;
 * `valueWords` holds two words a value, low word first. At most `CHUNK_SAMPLES_MAX` samples, at least one.
 */
export function encodeXorChunk(
  timestamps: Float64Array,
  valueWords: Uint32Array,
  start: number,
  end: number,
): Uint8Array {
  assert(end > start && end - start <= CHUNK_SAMPLES_MAX, "a chunk has 1 to 65535 samples");
  writer.clear();
  const value = new XorValueWriter();
  writer.write(end - start, 16);
  writeVarintBits(writer, timestamps[start]);
  value.start(writer, valueWords[2 * start + 1], valueWords[2 * start]);
  let delta = 0;
  for (let i = start + 1; i < end; i++) {
    const nextDelta = timestamps[i] - timestamps[i - 1];
    if (i === start + 1) writeUvarintBits(writer, nextDelta);
    else writeDeltaOfDelta(writer, nextDelta - delta);
    delta = nextDelta;
    value.write(writer, valueWords[2 * i + 1], valueWords[2 * i]);
  }
  return writer.take();
}

const plan = new XorWindowPlan();

/**
 * The same samples in fewer bytes, for twice the time: the windows of the values are planned ahead
 * (`XorWindowPlan`). Every reader of XOR chunks reads it.
 */
export function encodeXorChunkTightly(
  timestamps: Float64Array,
  valueWords: Uint32Array,
  start: number,
  end: number,
): Uint8Array {
  assert(end > start && end - start <= CHUNK_SAMPLES_MAX, "a chunk has 1 to 65535 samples");
  plan.plan(valueWords, start, end);
  const { leading, trailing, opens } = plan;
  writer.clear();
  writer.write(end - start, 16);
  writeVarintBits(writer, timestamps[start]);
  writer.write64(valueWords[2 * start + 1], valueWords[2 * start], 64);
  let delta = 0;
  let changed = 0;
  for (let i = start + 1; i < end; i++) {
    const nextDelta = timestamps[i] - timestamps[i - 1];
    if (i === start + 1) writeUvarintBits(writer, nextDelta);
    else writeDeltaOfDelta(writer, nextDelta - delta);
    delta = nextDelta;
    const low = (valueWords[2 * i] ^ valueWords[2 * i - 2]) >>> 0;
    const high = (valueWords[2 * i + 1] ^ valueWords[2 * i - 1]) >>> 0;
    if (low === 0 && high === 0) writer.write(0, 1);
    else {
      writeXorInWindow(writer, high, low, leading[changed], trailing[changed], opens[changed]);
      changed++;
    }
  }
  return writer.take();
}

function writeDeltaOfDelta(writer: BitWriter, dod: number): void {
  if (dod === 0) writer.write(0, 1);
  else if (dod > -8192 && dod <= 8192) writer.write((0b10 << 14) | (dod & 0x3fff), 16);
  else if (dod > -65536 && dod <= 65536) writer.write((0b110 << 17) | (dod & 0x1ffff), 20);
  else if (dod > -524288 && dod <= 524288) writer.write((0b1110 << 20) | (dod & 0xfffff), 24);
  else {
    writer.write(0b1111, 4);
    writer.write64(Math.floor(dod / TWO_32) | 0, dod | 0, 64);
  }
}

function writeUvarintBits(writer: BitWriter, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    writer.write((rest % 128) | 0x80, 8);
    rest = Math.floor(rest / 128);
  }
  writer.write(rest, 8);
}

function writeVarintBits(writer: BitWriter, value: number): void {
  writeUvarintBits(writer, value < 0 ? -2 * value - 1 : 2 * value);
}
