/**
 * The only door to the disk. Engine rooms get a `FileSystem` handed in, so that tests can make the n-th call
 * fail, drop everything that was not synced, or keep all files in memory.
 * Errors are Node's own (`code`: ENOSPC, EIO, ENOENT …).
 */
export interface FileSystem {
  open(path: string, flags: OpenFlags): number;
  close(fd: number): void;
  /** Reads up to `length` bytes at `position`; returns the number read, 0 at the end. */
  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes all of `source` at `position` (append files: at the end). Throws if less could be written. */
  write(fd: number, source: Uint8Array, position: number): void;
  /** Data and the metadata needed to read it back. */
  fdatasync(fd: number): void;
  fsync(fd: number): void;
  /** Makes creations, renames and removals inside a folder durable. */
  fsyncDirectory(path: string): void;
  truncate(fd: number, bytes: number): void;
  fileBytes(fd: number): number;
  readFile(path: string): Uint8Array;
  rename(from: string, to: string): void;
  link(existing: string, path: string): void;
  unlink(path: string): void;
  /** Removes a folder and all in it; no error where it is absent. */
  removeTree(path: string): void;
  /** Makes the folder and the missing ones above it, and their names durable; no error where it is there. */
  mkdir(path: string): void;
  /** Names, sorted. Throws ENOENT where the folder is absent. */
  list(path: string): string[];
  exists(path: string): boolean;
  stat(path: string): { readonly bytes: number; readonly directory: boolean; readonly mtimeMs: number };
  /** Free bytes of the disk that holds `path`. */
  freeBytes(path: string): number;
  /**
   * All of `buffers` in order at `position`, off this thread. Rejects if less could be written, and with "wxs" if it
   * may not be durable.
   */
  writevAsync(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void>;
  fdatasyncAsync(fd: number): Promise<void>;
  /** As `fsyncDirectory`, off this thread. */
  fsyncDirectoryAsync(path: string): Promise<void>;
}

/**
 * As in fopen: "r" | "r+" | "w" (create, truncate) | "wx" (create, fail if there) | "a"; "wxs": as "wx", and what
 * `writevAsync` writes is durable then, as after `fdatasync`.
 */
export type OpenFlags = "r" | "r+" | "w" | "wx" | "wxs" | "a";
