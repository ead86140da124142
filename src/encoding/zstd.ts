/**
 * Zstandard frames (RFC 8878). What decodes them is loaded when somebody needs it (workers/load-zstd.ts): few do. What a
 * frame's header says is judged here before any memory is given for it.
 */
import { assert } from "../base/assert.js";

/** `bytesMax`: room for the content. A result of another length than the content's: the frame is broken. */
export type ZstdDecoder = (frame: Uint8Array, bytesMax: number) => Uint8Array;

const MAGIC: readonly number[] = [0x28, 0xb5, 0x2f, 0xfd];
const DESCRIPTOR = MAGIC.length;
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const DICTIONARY_BYTES: readonly number[] = [0, 1, 2, 4];
const SIZE_BYTES: readonly number[] = [0, 2, 4, 8];
const TWO_BYTE_SIZES_BEGIN = 256;

let decoder: ZstdDecoder | null = null;

export function useZstdDecoder(loaded: ZstdDecoder): void {
  decoder = loaded;
}

export function zstdIsLoaded(): boolean {
  return decoder !== null;
}

/** The content of one frame; null where it is none, broken, or of more than `bytesMax` bytes. */
export function zstdUncompressOrNull(bytes: Uint8Array, bytesMax: number): Uint8Array | null {
  assert(decoder !== null, "the decoder is loaded");
  const size = contentBytesOrNull(bytes);
  if (size === null || size > bytesMax) return null;
  const content = decoder(bytes, size === UNKNOWN ? bytesMax : size);
  return size === UNKNOWN ? (content.length > 0 ? content : null) : content.length === size ? content : null;
}

const UNKNOWN = -1;

/** What the frame's header says, UNKNOWN where it does not; null where it is no header. */
function contentBytesOrNull(bytes: Uint8Array): number | null {
  const descriptor = bytes[DESCRIPTOR];
  if (descriptor === undefined || MAGIC.some((byte, i) => bytes[i] !== byte)) return null;
  if ((descriptor & RESERVED) !== 0) return null;
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  const at = DESCRIPTOR + (single ? 1 : 2) + (DICTIONARY_BYTES[descriptor & 3] as number);
  const flag = descriptor >> 6;
  const sizeBytes = flag === 0 && single ? 1 : (SIZE_BYTES[flag] as number);
  if (at + sizeBytes > bytes.length) return null;
  if (sizeBytes === 0) return UNKNOWN;
  let size = sizeBytes === 2 ? TWO_BYTE_SIZES_BEGIN : 0;
  for (let i = 0; i < sizeBytes; i++) size += (bytes[at + i] as number) * 2 ** (8 * i);
  return size;
}
