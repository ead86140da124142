import { writeU32 } from "../encoding/byte-writer.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";

const BUFFER_BYTES = 256 * 1024;

/** Appends to a new file through one buffer, with a running checksum for sections. */
export class FileWriter {
  /** Bytes handed to the file system; the buffered ones follow. */
  private flushed = 0;
  /** Checksum of everything appended since `startChecksum`. */
  private checksum = 0;
  private checksumming = false;
  private readonly fs: FileSystem;
  private readonly fd: number;
  private readonly buffer: Uint8Array = new Uint8Array(BUFFER_BYTES);
  private buffered = 0;
  private closed = false;

  constructor(fs: FileSystem, path: string) {
    this.fs = fs;
    this.fd = fs.open(path, "wx");
  }

  /** Bytes appended so far. */
  get position(): number {
    return this.flushed + this.buffered;
  }

  append(bytes: Uint8Array): void {
    if (this.checksumming) this.checksum = crc32c(bytes, 0, bytes.length, this.checksum);
    let done = 0;
    while (done < bytes.length) {
      const count = Math.min(bytes.length - done, BUFFER_BYTES - this.buffered);
      this.buffer.set(bytes.subarray(done, done + count), this.buffered);
      this.buffered += count;
      done += count;
      if (this.buffered === BUFFER_BYTES) this.flush();
    }
  }

  startChecksum(): void {
    this.checksum = 0;
    this.checksumming = true;
  }

  /** Appends the checksum of what came since `startChecksum`, four bytes. */
  appendChecksum(): void {
    this.checksumming = false;
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, this.checksum);
    this.append(bytes);
  }

  /** Zero bytes up to the next multiple of `alignment`. */
  pad(alignment: number): void {
    const count = (alignment - (this.position % alignment)) % alignment;
    if (count > 0) this.append(new Uint8Array(count));
  }

  /** Overwrites bytes that were already appended. */
  patch(position: number, bytes: Uint8Array): void {
    this.flush();
    this.fs.write(this.fd, bytes, position);
  }

  /** Everything on disk when it returns. The descriptor is given back even where it throws. */
  finish(): void {
    try {
      this.flush();
      this.fs.fsync(this.fd);
    } finally {
      this.abandon();
    }
  }

  /** Gives the descriptor back, once. */
  abandon(): void {
    if (this.closed) return;
    this.closed = true;
    this.fs.close(this.fd);
  }

  private flush(): void {
    if (this.buffered === 0) return;
    this.fs.write(this.fd, this.buffer.subarray(0, this.buffered), this.flushed);
    this.flushed += this.buffered;
    this.buffered = 0;
  }
}
