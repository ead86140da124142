/** Frames of Zstandard (RFC 8878) by hand: blocks of raw bytes or of one byte, nothing compressed. */
const BLOCK_BYTES_MAX = 128 * 1024;
const SINGLE_SEGMENT = 0x20;
const SIZE_OF_FOUR_BYTES = 0x80;

/** `declared`: what the header says of the content's length; null: it says nothing. */
export function zstdFrame(content: Uint8Array, declared: number | null = content.length): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < content.length; at += BLOCK_BYTES_MAX) {
    const part = content.subarray(at, at + BLOCK_BYTES_MAX);
    blocks.push(blockHeader(0, part.length, at + part.length >= content.length), Buffer.from(part));
  }
  return Buffer.concat([frameHeader(declared), ...blocks]);
}

/** A few bytes that become `length` zeros. */
export function zstdBomb(length: number, declared: number | null = length): Buffer {
  const blocks: Buffer[] = [];
  for (let left = length; left > 0; left -= BLOCK_BYTES_MAX) {
    blocks.push(blockHeader(1, Math.min(left, BLOCK_BYTES_MAX), left <= BLOCK_BYTES_MAX), Buffer.from([0]));
  }
  return Buffer.concat([frameHeader(declared), ...blocks]);
}

function frameHeader(declared: number | null): Buffer {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  // A window of 1 MiB where there is no size that stands for it.
  if (declared === null) return Buffer.from([...magic, 0, 10 << 3]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(declared);
  return Buffer.from([...magic, SINGLE_SEGMENT | SIZE_OF_FOUR_BYTES, ...size]);
}

function blockHeader(type: number, bytes: number, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((bytes << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return header;
}
