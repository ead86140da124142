import type { FileSystem, OpenFlags } from "../../dist/io/file-system.js";
import { systemError } from "./mem-file-system.js";

export type FileOperation = keyof FileSystem;

export interface FaultRule {
  /** Calls that count and fail; the others pass. */
  readonly operations: readonly FileOperation[];
  /** The first failing call, counted from 1 over all `operations` together. */
  readonly failAt: number;
  /** How many calls in a row fail; Infinity for a disk that stays broken. Default 1. */
  readonly failures?: number;
  readonly code: "ENOSPC" | "EIO";
  /** Share of a failing write's bytes that is written before the error. Default 0. */
  readonly partial?: number;
}

/** What makes something durable or changes a file: the usual choice of operations that fail. */
export const WRITING_OPERATIONS: readonly FileOperation[] = [
  "write",
  "writevAsync",
  "fdatasync",
  "fdatasyncAsync",
  "fsync",
  "fsyncDirectory",
  "fsyncDirectoryAsync",
  "truncate",
  "rename",
  "link",
  "unlink",
  "mkdir",
];

/** Passes every call on to `inner`, but lets chosen ones fail, and tells a hook of each. */
export class FaultFileSystem implements FileSystem {
  readonly inner: FileSystem;
  /** Null: nothing fails. May be changed at any time. */
  rule: FaultRule | null;
  /** Called before each operation: where a test takes a `crashClone`. */
  before: (operation: FileOperation) => void = () => {};
  /** Matching calls so far. */
  calls = 0;
  /** Calls that failed so far; 0 at the end means that the n-th call was never reached. */
  failed = 0;
  /** Opened with "wxs": a write to it is a `writevAsync` and a `fdatasyncAsync`, of which either may fail. */
  private readonly synced = new Set<number>();

  constructor(inner: FileSystem, rule: FaultRule | null = null) {
    this.inner = inner;
    this.rule = rule;
  }

  open(path: string, flags: OpenFlags): number {
    this.gate("open", path);
    if (flags !== "wxs") return this.inner.open(path, flags);
    const fd = this.inner.open(path, "wx");
    this.synced.add(fd);
    return fd;
  }
  close(fd: number): void {
    this.gate("close");
    this.synced.delete(fd);
    this.inner.close(fd);
  }
  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    this.gate("read");
    return this.inner.read(fd, target, offset, length, position);
  }
  write(fd: number, source: Uint8Array, position: number): void {
    this.gate("write", "", (part) =>
      this.inner.write(fd, source.subarray(0, Math.floor(source.length * part)), position),
    );
    this.inner.write(fd, source, position);
  }
  fdatasync(fd: number): void {
    this.gate("fdatasync");
    this.inner.fdatasync(fd);
  }
  fsync(fd: number): void {
    this.gate("fsync");
    this.inner.fsync(fd);
  }
  fsyncDirectory(path: string): void {
    this.gate("fsyncDirectory", path);
    this.inner.fsyncDirectory(path);
  }
  truncate(fd: number, bytes: number): void {
    this.gate("truncate");
    this.inner.truncate(fd, bytes);
  }
  fileBytes(fd: number): number {
    this.gate("fileBytes");
    return this.inner.fileBytes(fd);
  }
  readFile(path: string): Uint8Array {
    this.gate("readFile", path);
    return this.inner.readFile(path);
  }
  rename(from: string, to: string): void {
    this.gate("rename", from);
    this.inner.rename(from, to);
  }
  link(existing: string, path: string): void {
    this.gate("link", existing);
    this.inner.link(existing, path);
  }
  unlink(path: string): void {
    this.gate("unlink", path);
    this.inner.unlink(path);
  }
  removeTree(path: string): void {
    this.gate("removeTree", path);
    this.inner.removeTree(path);
  }
  mkdir(path: string): void {
    this.gate("mkdir", path);
    this.inner.mkdir(path);
  }
  list(path: string): string[] {
    this.gate("list", path);
    return this.inner.list(path);
  }
  exists(path: string): boolean {
    this.gate("exists", path);
    return this.inner.exists(path);
  }
  stat(path: string): { readonly bytes: number; readonly directory: boolean; readonly mtimeMs: number } {
    this.gate("stat", path);
    return this.inner.stat(path);
  }
  freeBytes(path: string): number {
    this.gate("freeBytes", path);
    return this.inner.freeBytes(path);
  }
  async writevAsync(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
    const fault = this.check("writevAsync");
    if (fault !== null) {
      const all = concat(buffers);
      const part = all.subarray(0, Math.floor(all.length * (this.rule?.partial ?? 0)));
      if (part.length > 0) await this.inner.writevAsync(fd, [part], position);
      throw fault;
    }
    await this.inner.writevAsync(fd, buffers, position);
    if (this.synced.has(fd)) await this.fdatasyncAsync(fd);
  }
  async fdatasyncAsync(fd: number): Promise<void> {
    this.gate("fdatasyncAsync");
    await this.inner.fdatasyncAsync(fd);
  }
  async fsyncDirectoryAsync(path: string): Promise<void> {
    this.gate("fsyncDirectoryAsync", path);
    await this.inner.fsyncDirectoryAsync(path);
  }

  private gate(operation: FileOperation, path = "", writePart: (part: number) => void = () => {}): void {
    const fault = this.check(operation, path);
    if (fault === null) return;
    writePart(this.rule?.partial ?? 0);
    throw fault;
  }

  /** Counts the call; the error it must end in, or null. */
  private check(operation: FileOperation, path = ""): NodeJS.ErrnoException | null {
    this.before(operation);
    const rule = this.rule;
    if (!rule?.operations.includes(operation)) return null;
    this.calls++;
    if (this.calls < rule.failAt || this.calls >= rule.failAt + (rule.failures ?? 1)) return null;
    this.failed++;
    return systemError(rule.code, operation, path);
  }
}

function concat(buffers: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
  let offset = 0;
  for (const buffer of buffers) {
    all.set(buffer, offset);
    offset += buffer.length;
  }
  return all;
}
