/**
 * CRC-32C (Castagnoli; reflected polynomial 0x82f63b78), the checksum of the log's records and of Prometheus'
 * chunk and index files. Slicing-by-8 after Kounavis and Berry, "A Systematic Approach to Building High
 * Performance, Software-Based, CRC Generators" (2005): eight bytes a step, one table look-up for each.
 */
const POLYNOMIAL = 0x82f63b78;

/** Table k holds the checksum of one byte followed by k zero bytes; the eight lie one behind the other. */
const TABLES = buildTables();
const T0: Uint32Array = TABLES.subarray(0, 256);
const T1: Uint32Array = TABLES.subarray(256, 512);
const T2: Uint32Array = TABLES.subarray(512, 768);
const T3: Uint32Array = TABLES.subarray(768, 1024);
const T4: Uint32Array = TABLES.subarray(1024, 1280);
const T5: Uint32Array = TABLES.subarray(1280, 1536);
const T6: Uint32Array = TABLES.subarray(1536, 1792);
const T7: Uint32Array = TABLES.subarray(1792, 2048);

function buildTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256];
    tables[i] = (before >>> 8) ^ tables[before & 0xff];
  }
  return tables;
}

/**
 * Checksum of bytes [start, end) as an unsigned 32-bit number. `seed` is the checksum of what came before, so
 * that `crc32c(b, m, e, crc32c(b, s, m))` equals `crc32c(b, s, e)`.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let crc = ~seed;
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      T7[crc & 0xff] ^
      T6[(crc >>> 8) & 0xff] ^
      T5[(crc >>> 16) & 0xff] ^
      T4[crc >>> 24] ^
      T3[bytes[i + 4]] ^
      T2[bytes[i + 5]] ^
      T1[bytes[i + 6]] ^
      T0[bytes[i + 7]];
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}

/**
 * For checksums of parts: `crc32cBehind(n)(crc32c(a)) ^ crc32c(b)` is the checksum of a and b together where b has n
 * bytes. After `crc32_combine` of zlib: n zero bytes are a linear map of 32 bits, made by squaring that of one bit.
 */
export function crc32cBehind(bytes: number): (checksum: number) => number {
  let power = Uint32Array.from({ length: 32 }, (_, bit) => (bit === 0 ? POLYNOMIAL : 2 ** (bit - 1)));
  let map = Uint32Array.from({ length: 32 }, (_, bit) => 2 ** bit);
  for (let bits = 8 * bytes; bits > 0; bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1) map = map.map((column) => apply(power, column));
    power = power.map((column) => apply(power, column));
  }
  return (checksum) => apply(map, checksum);
}

/** The columns of `map` that the bits of `vector` choose, added up. */
function apply(map: Uint32Array, vector: number): number {
  let sum = 0;
  for (let rest = vector, bit = 0; rest !== 0; rest >>>= 1, bit++) if ((rest & 1) === 1) sum ^= map[bit];
  return sum >>> 0;
}
