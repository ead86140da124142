import type { FileSystem } from "../io/file-system.js";

const PAGE_BYTES: number = 32 * 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * Pages of immutable files, shared by all blocks of a thread, at most `bytesMax` bytes of them: the page that
 * was not asked for the longest leaves first. A page that left lives on while somebody has a view of it.
 */
export class PageCache {
  readonly bytesMax: number;
  bytes = 0;
  hits = 0;
  misses = 0;
  private nextFileId = 0;
  private lastKey = -1;
  private lastPage: Uint8Array = NO_BYTES;
  /** In the order of the last use. Keys are file id * 2^26 + page number. */
  private readonly pages = new Map<number, Uint8Array>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  newFileId(): number {
    return this.nextFileId++;
  }

  /** The page, from memory or from `load`. */
  page(fileId: number, pageIndex: number, load: (pageIndex: number) => Uint8Array): Uint8Array {
    const key = fileId * PAGES_PER_FILE_MAX + pageIndex;
    // Neighbours in a file are mostly asked for one behind the other.
    if (key === this.lastKey) {
      this.hits++;
      return this.lastPage;
    }
    this.lastKey = key;
    const known = this.pages.get(key);
    if (known !== undefined) {
      this.hits++;
      this.pages.delete(key);
      this.pages.set(key, known);
      this.lastPage = known;
      return known;
    }
    // Until `load` returns there is no last page.
    this.lastKey = -1;
    this.misses++;
    const page = load(pageIndex);
    this.pages.set(key, page);
    this.lastKey = key;
    this.lastPage = page;
    this.bytes += page.length;
    while (this.bytes > this.bytesMax && this.pages.size > 1) this.dropOldest();
    return page;
  }

  /** Forgets a closed file's pages. */
  dropFile(fileId: number, pageCount: number): void {
    this.lastKey = -1;
    this.lastPage = NO_BYTES;
    for (let i = 0; i < pageCount; i++) {
      const key = fileId * PAGES_PER_FILE_MAX + i;
      const page = this.pages.get(key);
      if (page === undefined) continue;
      this.pages.delete(key);
      this.bytes -= page.length;
    }
  }

  private dropOldest(): void {
    const [key, page] = this.pages.entries().next().value as [number, Uint8Array];
    this.pages.delete(key);
    this.bytes -= page.length;
  }
}

/** Files of up to 2 TiB; with fewer than 2^27 files opened in a process, keys stay exact. */
const PAGES_PER_FILE_MAX = 2 ** 26;

/** Positioned reads of one immutable file through the cache. */
export class PagedFile {
  readonly path: string;
  readonly bytes: number;
  private readonly fs: FileSystem;
  private readonly fd: number;
  private readonly cache: PageCache;
  private readonly id: number;
  private readonly load: (pageIndex: number) => Uint8Array;

  constructor(fs: FileSystem, path: string, cache: PageCache) {
    this.fs = fs;
    this.path = path;
    this.cache = cache;
    this.fd = fs.open(path, "r");
    this.bytes = fs.fileBytes(this.fd);
    this.id = cache.newFileId();
    this.load = (pageIndex) => this.readDirect(pageIndex * PAGE_BYTES, PAGE_BYTES);
  }

  /**
   * Up to `length` bytes at `offset`, fewer at the end of the file; never to be changed. A view of one page
   * where that will do, else a copy.
   */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.bytes);
    if (offset >= end) return NO_BYTES;
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.floor((end - 1) / PAGE_BYTES);
    const start = offset - first * PAGE_BYTES;
    if (first === last) return this.page(first).subarray(start, start + end - offset);
    const joined = new Uint8Array(end - offset);
    let filled = 0;
    for (let i = first; i <= last; i++) {
      const page = this.page(i);
      const part = page.subarray(i === first ? start : 0, Math.min(page.length, end - i * PAGE_BYTES));
      joined.set(part, filled);
      filled += part.length;
    }
    return joined;
  }

  /** The rest of the page that holds `offset`, and at least `lengthMin` bytes where the file has them. */
  readAhead(offset: number, lengthMin: number): Uint8Array {
    return this.read(offset, Math.max(PAGE_BYTES - (offset % PAGE_BYTES), lengthMin));
  }

  /** Past the cache: for one pass over a large part. */
  readDirect(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.bytes - offset)));
    const filled = this.readInto(bytes, 0, bytes.length, offset);
    return filled === bytes.length ? bytes : bytes.subarray(0, filled);
  }

  /** The same to `target` from `at` on; returns how many bytes there were. */
  readInto(target: Uint8Array, at: number, length: number, offset: number): number {
    let filled = 0;
    while (filled < length) {
      const count = this.fs.read(this.fd, target, at + filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  close(): void {
    this.cache.dropFile(this.id, Math.ceil(this.bytes / PAGE_BYTES));
    this.fs.close(this.fd);
  }

  private page(index: number): Uint8Array {
    return this.cache.page(this.id, index, this.load);
  }
}
