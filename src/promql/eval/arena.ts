/**
 * Memory of the query at hand that later queries have again: fresh arrays for each query are what garbage collection
 * would mostly be about. A thread evaluates one query at a time, so one arena will do.
 */
const CHUNK_BYTES = 1 << 20;
const CHUNKS_MAX = 8;
/** Smaller arrays cost nothing to speak of. */
const PLACED_BYTES_MIN = 512;
const ALIGNMENT = 8;

const chunks: ArrayBuffer[] = [];
/** Where the next array goes. */
let chunk = 0;
let offset = 0;

/** A new query begins; no array of an earlier one is looked at any more. */
export function openArena(): void {
  chunk = 0;
  offset = 0;
}

/** Holds anything. Good until the query ends, as are all of these. */
export function floatsOfQuery(count: number): Float64Array {
  const at = place(Float64Array.BYTES_PER_ELEMENT * count);
  return at < 0 ? new Float64Array(count) : new Float64Array(chunks[chunk] as ArrayBuffer, at, count);
}

/** Zeros. */
export function zerosOfQuery(count: number): Float64Array {
  return floatsOfQuery(count).fill(0);
}

/** Zeros. */
export function bytesOfQuery(count: number): Uint8Array {
  const at = place(count);
  return at < 0 ? new Uint8Array(count) : new Uint8Array(chunks[chunk] as ArrayBuffer, at, count).fill(0);
}

/** Holds anything. */
export function intsOfQuery(count: number): Int32Array {
  const at = place(Int32Array.BYTES_PER_ELEMENT * count);
  return at < 0 ? new Int32Array(count) : new Int32Array(chunks[chunk] as ArrayBuffer, at, count);
}

/** Where in the chunk at hand `bytes` are free; -1: they are to be had elsewhere. */
function place(bytes: number): number {
  if (bytes < PLACED_BYTES_MIN || bytes > CHUNK_BYTES) return -1;
  if (offset + bytes > CHUNK_BYTES) {
    if (chunk + 1 === CHUNKS_MAX) return -1;
    chunk++;
    offset = 0;
  }
  if (chunk === chunks.length) chunks.push(new ArrayBuffer(CHUNK_BYTES));
  const at = offset;
  offset += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  return at;
}
