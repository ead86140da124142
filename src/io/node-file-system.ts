import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import type { FileSystem } from "./file-system.js";

const MODE = 0o640;
const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;

/** The real disk. */
export const nodeFileSystem: FileSystem = {
  open: (path, flags) => (flags === "wxs" ? openSynced(path) : fs.openSync(path, flags, MODE)),
  close(fd) {
    syncedByHand.delete(fd);
    fs.closeSync(fd);
  },
  read: (fd, target, offset, length, position) => fs.readSync(fd, target, offset, length, position),
  write(fd, source, position) {
    let done = 0;
    while (done < source.length) {
      const written = fs.writeSync(fd, source, done, source.length - done, position + done);
      if (written === 0) throw nothingWritten();
      done += written;
    }
  },
  fdatasync: (fd) => fs.fdatasyncSync(fd),
  fsync: (fd) => fs.fsyncSync(fd),
  fsyncDirectory: syncFolder,
  truncate: (fd, bytes) => fs.ftruncateSync(fd, bytes),
  fileBytes: (fd) => fs.fstatSync(fd).size,
  readFile: (path) => fs.readFileSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  link: (existing, path) => fs.linkSync(existing, path),
  unlink: (path) => fs.unlinkSync(path),
  removeTree: (path) => fs.rmSync(path, { recursive: true, force: true }),
  mkdir(path) {
    const first = fs.mkdirSync(path, { recursive: true, mode: 0o750 });
    if (first === undefined) return;
    const above = dirname(resolve(first));
    for (let folder = dirname(resolve(path)); folder.length >= above.length; folder = dirname(folder)) {
      syncFolder(folder);
      if (folder === above) break;
    }
  },
  list: (path) => fs.readdirSync(path).sort(),
  exists: (path) => fs.existsSync(path),
  stat(path) {
    const stat = fs.statSync(path);
    return { bytes: stat.size, directory: stat.isDirectory(), mtimeMs: stat.mtimeMs };
  },
  freeBytes(path) {
    const stat = fs.statfsSync(path);
    return stat.bavail * stat.bsize;
  },
  writevAsync(fd, buffers, position) {
    const written = writevAll(fd, buffers, position);
    return syncedByHand.has(fd) ? written.then(() => fdatasync(fd)) : written;
  },
  fdatasyncAsync: fdatasync,
  fsyncDirectoryAsync: (path) =>
    new Promise((done, reject) =>
      fs.open(path, "r", (openError, fd) => {
        if (openError !== null) return reject(openError);
        fs.fsync(fd, (error) => fs.close(fd, () => (error === null ? done() : reject(error))));
      }),
    ),
};

/** Opened with "wxs" where the system's way may leave what is written in the drive's cache. */
const syncedByHand = new Set<number>();

/** One call writes and syncs: another thread is woken once for a group, not twice. */
function openSynced(path: string): number {
  if (process.platform === "linux") return fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_DSYNC, MODE);
  const fd = fs.openSync(path, "wx", MODE);
  syncedByHand.add(fd);
  return fd;
}

function fdatasync(fd: number): Promise<void> {
  return new Promise((done, reject) =>
    fs.fdatasync(fd, (error) => (error === null ? done() : reject(error))),
  );
}

function syncFolder(path: string): void {
  const fd = fs.openSync(path, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** write(2) may answer 0 for a non-empty buffer on odd devices: an error, lest the loop never end. */
function nothingWritten(): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error("EIO: the disk took no byte of a write");
  error.code = "EIO";
  return error;
}

/** writev may write less than it was given; the rest follows in further calls. */
function writevAll(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  return new Promise((done, reject) => {
    const step = (rest: readonly Uint8Array[], at: number): void => {
      fs.writev(fd, rest as Uint8Array[], at, (error, written) => {
        if (error !== null) return reject(error);
        if (written === 0) return reject(nothingWritten());
        const left = dropBytes(rest, written);
        if (left.length === 0) return done();
        step(left, at + written);
      });
    };
    step(buffers, position);
  });
}

function dropBytes(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = bytes;
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      left.push(skip === 0 ? buffer : buffer.subarray(skip));
      skip = 0;
    }
  }
  return left;
}
