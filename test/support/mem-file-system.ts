import type { FileSystem, OpenFlags } from "../../dist/io/file-system.js";
import { seededRandom } from "./random.js";

/**
 * A disk in memory that knows what a power cut would leave: the content that was synced, under the names whose
 * folder was synced. Stricter than any real file system: syncing a new file does not make its name durable.
 *
 * Two states side by side: `content` and `entries` are what a running process sees, `durable` and
 * `durableEntries` what is on the platter; `pending` are the changes of a file in between, in order.
 */
type PendingChange =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly bytes: number };

class GrowingBytes {
  length = 0;
  private buffer = new Uint8Array(0);

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.write(0, bytes);
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.buffer.length * 2));
      grown.set(this.buffer.subarray(0, this.length));
      this.buffer = grown;
    }
    this.buffer.set(bytes, offset);
    this.length = Math.max(this.length, end);
  }

  truncate(bytes: number): void {
    if (bytes > this.length) this.write(bytes, new Uint8Array(0));
    else this.buffer.fill(0, bytes, this.length);
    this.length = bytes;
  }

  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}

class MemFile {
  content = new GrowingBytes();
  durable = new GrowingBytes();
  pending: PendingChange[] = [];
  mtimeMs = 0;

  change(change: PendingChange): void {
    applyChange(this.content, change);
    this.pending.push(change);
  }

  sync(): void {
    for (const change of this.pending) applyChange(this.durable, change);
    this.pending = [];
  }
}

class MemFolder {
  entries = new Map<string, MemFile | MemFolder>();
  durableEntries = new Map<string, MemFile | MemFolder>();
}

type Node = MemFile | MemFolder;

interface Handle {
  readonly file: MemFile;
  readonly append: boolean;
  readonly synced: boolean;
}

function applyChange(target: GrowingBytes, change: PendingChange): void {
  if (change.kind === "write") target.write(change.offset, change.bytes);
  else target.truncate(change.bytes);
}

export interface MemFileSystemOptions {
  /** Bytes that all files together may hold; a write beyond it is cut short and throws ENOSPC. */
  readonly capacityBytes?: number;
}

export class MemFileSystem implements FileSystem {
  /** May be changed while running: a disk that fills up and is cleaned. */
  capacityBytes: number;
  private root = new MemFolder();
  private nextFd = 100;
  private tick = 0;
  private readonly open_ = new Map<number, Handle>();

  constructor(options: MemFileSystemOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  /**
   * The disk after a power cut at this moment. With a `seed`, a random part of what was not synced survives
   * too: any 512-byte sector of any pending write, any folder's new names, which a correct reader must bear.
   */
  crashClone(options: { readonly seed?: number } = {}): MemFileSystem {
    const clone = new MemFileSystem({ capacityBytes: this.capacityBytes });
    const random = options.seed === undefined ? null : seededRandom(options.seed);
    const copies = new Map<Node, Node>();
    clone.root = crashNode(this.root, random, copies) as MemFolder;
    return clone;
  }

  /** A copy of everything as a running process sees it: what kill -9 leaves. */
  clone(): MemFileSystem {
    const clone = new MemFileSystem({ capacityBytes: this.capacityBytes });
    clone.root = cloneNode(this.root, new Map()) as MemFolder;
    return clone;
  }

  /** Files with changes that a power cut would lose. */
  unsyncedFiles(): number {
    let count = 0;
    for (const file of this.files()) if (file.pending.length > 0) count++;
    return count;
  }

  /** Makes the file's content what the test wants, synced, folders included. */
  put(path: string, bytes: Uint8Array): void {
    this.mkdir(parentOf(path));
    const fd = this.open(path, "w");
    this.write(fd, bytes, 0);
    this.close(fd);
    this.syncAll();
  }

  /** As sync(2): everything is durable afterwards. */
  syncAll(): void {
    for (const file of this.files()) file.sync();
    const visit = (folder: MemFolder): void => {
      folder.durableEntries = new Map(folder.entries);
      for (const child of folder.entries.values()) if (child instanceof MemFolder) visit(child);
    };
    visit(this.root);
  }

  open(path: string, flags: OpenFlags): number {
    const folder = this.folderAt(parentOf(path), "open", path);
    const name = nameOf(path);
    let file = folder.entries.get(name);
    if (file instanceof MemFolder) throw systemError("EISDIR", "open", path);
    if (file !== undefined && flags.startsWith("wx")) throw systemError("EEXIST", "open", path);
    if (file === undefined) {
      if (flags === "r" || flags === "r+") throw systemError("ENOENT", "open", path);
      file = new MemFile();
      folder.entries.set(name, file);
    } else if (flags === "w") {
      file.change({ kind: "truncate", bytes: 0 });
    }
    const fd = this.nextFd++;
    this.open_.set(fd, { file, append: flags === "a", synced: flags === "wxs" });
    return fd;
  }

  close(fd: number): void {
    this.handle(fd, "close");
    this.open_.delete(fd);
  }

  /** Open descriptors: a leak shows here. */
  get openCount(): number {
    return this.open_.size;
  }

  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    const content = this.handle(fd, "read").file.content.view();
    const part = content.subarray(position, position + length);
    target.set(part, offset);
    return part.length;
  }

  write(fd: number, source: Uint8Array, position: number): void {
    const { file, append } = this.handle(fd, "write");
    const offset = append ? file.content.length : position;
    const growth = Math.max(0, offset + source.length - file.content.length);
    const free = this.capacityBytes === Number.POSITIVE_INFINITY ? growth : this.freeBytes("/");
    const fits = growth <= free ? source.length : Math.max(0, source.length - (growth - free));
    if (fits > 0) file.change({ kind: "write", offset, bytes: source.slice(0, fits) });
    file.mtimeMs = ++this.tick;
    if (fits < source.length) throw systemError("ENOSPC", "write", "");
  }

  fdatasync(fd: number): void {
    this.handle(fd, "fdatasync").file.sync();
  }

  fsync(fd: number): void {
    this.handle(fd, "fsync").file.sync();
  }

  fsyncDirectory(path: string): void {
    const folder = this.folderAt(path, "fsync", path);
    folder.durableEntries = new Map(folder.entries);
  }

  truncate(fd: number, bytes: number): void {
    this.handle(fd, "ftruncate").file.change({ kind: "truncate", bytes });
  }

  fileBytes(fd: number): number {
    return this.handle(fd, "fstat").file.content.length;
  }

  readFile(path: string): Uint8Array {
    return this.fileAt(path, "open").content.view().slice();
  }

  rename(from: string, to: string): void {
    const source = this.folderAt(parentOf(from), "rename", from);
    const node = source.entries.get(nameOf(from));
    if (node === undefined) throw systemError("ENOENT", "rename", from);
    this.folderAt(parentOf(to), "rename", to).entries.set(nameOf(to), node);
    source.entries.delete(nameOf(from));
  }

  link(existing: string, path: string): void {
    const file = this.fileAt(existing, "link");
    const folder = this.folderAt(parentOf(path), "link", path);
    if (folder.entries.has(nameOf(path))) throw systemError("EEXIST", "link", path);
    folder.entries.set(nameOf(path), file);
  }

  unlink(path: string): void {
    this.fileAt(path, "unlink");
    this.folderAt(parentOf(path), "unlink", path).entries.delete(nameOf(path));
  }

  removeTree(path: string): void {
    if (this.exists(path)) this.folderAt(parentOf(path), "rm", path).entries.delete(nameOf(path));
  }

  mkdir(path: string): void {
    let folder = this.root;
    for (const name of partsOf(path)) {
      const next = folder.entries.get(name);
      if (next instanceof MemFile) throw systemError("EEXIST", "mkdir", path);
      const child = next ?? new MemFolder();
      folder.entries.set(name, child);
      if (next === undefined) folder.durableEntries.set(name, child);
      folder = child;
    }
  }

  list(path: string): string[] {
    return [...this.folderAt(path, "scandir", path).entries.keys()].sort();
  }

  exists(path: string): boolean {
    return this.find(path) !== undefined;
  }

  stat(path: string): { readonly bytes: number; readonly directory: boolean; readonly mtimeMs: number } {
    const node = this.find(path);
    if (node === undefined) throw systemError("ENOENT", "stat", path);
    if (node instanceof MemFolder) return { bytes: 0, directory: true, mtimeMs: 0 };
    return { bytes: node.content.length, directory: false, mtimeMs: node.mtimeMs };
  }

  freeBytes(_path: string): number {
    let used = 0;
    for (const file of this.files()) used += file.content.length;
    return Math.max(0, this.capacityBytes - used);
  }

  async writevAsync(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
    await nextTurn();
    let offset = position;
    for (const buffer of buffers) {
      this.write(fd, buffer, offset);
      offset += buffer.length;
    }
    if (this.handle(fd, "writev").synced) await this.fdatasyncAsync(fd);
  }

  async fdatasyncAsync(fd: number): Promise<void> {
    await nextTurn();
    this.fdatasync(fd);
  }

  async fsyncDirectoryAsync(path: string): Promise<void> {
    await nextTurn();
    this.fsyncDirectory(path);
  }

  private handle(fd: number, call: string): Handle {
    const handle = this.open_.get(fd);
    if (handle === undefined) throw systemError("EBADF", call, String(fd));
    return handle;
  }

  private find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of partsOf(path)) {
      if (!(node instanceof MemFolder)) return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  private fileAt(path: string, call: string): MemFile {
    const node = this.find(path);
    if (node === undefined) throw systemError("ENOENT", call, path);
    if (node instanceof MemFolder) throw systemError("EISDIR", call, path);
    return node;
  }

  private folderAt(path: string, call: string, named: string): MemFolder {
    const node = this.find(path);
    if (node === undefined) throw systemError("ENOENT", call, named);
    if (node instanceof MemFile) throw systemError("ENOTDIR", call, named);
    return node;
  }

  private files(): Set<MemFile> {
    const found = new Set<MemFile>();
    const visit = (folder: MemFolder): void => {
      for (const child of folder.entries.values()) {
        if (child instanceof MemFile) found.add(child);
        else visit(child);
      }
    };
    visit(this.root);
    for (const { file } of this.open_.values()) found.add(file);
    return found;
  }
}

function crashNode(node: Node, random: (() => number) | null, copies: Map<Node, Node>): Node {
  const known = copies.get(node);
  if (known !== undefined) return known;
  if (node instanceof MemFile) {
    const copy = new MemFile();
    copies.set(node, copy);
    copy.content = new GrowingBytes(node.durable.view());
    if (random !== null) for (const change of node.pending) survive(copy.content, change, random);
    copy.durable = new GrowingBytes(copy.content.view());
    return copy;
  }
  const copy = new MemFolder();
  copies.set(node, copy);
  const entries = random !== null && random() < 0.5 ? node.entries : node.durableEntries;
  for (const [name, child] of entries) copy.entries.set(name, crashNode(child, random, copies));
  copy.durableEntries = new Map(copy.entries);
  return copy;
}

const SECTOR_BYTES = 512;

/** Writes the sectors of one pending change that happened to reach the platter. */
function survive(target: GrowingBytes, change: PendingChange, random: () => number): void {
  if (change.kind === "truncate") {
    if (random() < 0.5) target.truncate(change.bytes);
    return;
  }
  const end = change.offset + change.bytes.length;
  for (let at = change.offset; at < end; ) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (random() < 0.5) target.write(at, change.bytes.subarray(at - change.offset, next - change.offset));
    at = next;
  }
}

function cloneNode(node: Node, copies: Map<Node, Node>): Node {
  const known = copies.get(node);
  if (known !== undefined) return known;
  if (node instanceof MemFile) {
    const copy = new MemFile();
    copies.set(node, copy);
    copy.content = new GrowingBytes(node.content.view());
    copy.durable = new GrowingBytes(node.durable.view());
    copy.pending = [...node.pending];
    return copy;
  }
  const copy = new MemFolder();
  copies.set(node, copy);
  for (const [name, child] of node.entries) copy.entries.set(name, cloneNode(child, copies));
  for (const [name, child] of node.durableEntries) copy.durableEntries.set(name, cloneNode(child, copies));
  return copy;
}

/** Asynchronous calls end in a later turn of the event loop, as the real ones do. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function parentOf(path: string): string {
  return partsOf(path).slice(0, -1).join("/");
}

function nameOf(path: string): string {
  const parts = partsOf(path);
  return parts[parts.length - 1];
}

export function systemError(code: string, call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${call} '${path}'`);
  error.code = code;
  error.syscall = call;
  error.path = path;
  return error;
}
