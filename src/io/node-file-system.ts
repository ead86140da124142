import * as fs from "node:fs";
import type { FileSystem } from "./file-system.js";

/** The real disk. */
export const nodeFileSystem: FileSystem = {
  open: (path, flags) => fs.openSync(path, flags, 0o640),
  close: (fd) => fs.closeSync(fd),
  read: (fd, target, offset, length, position) => fs.readSync(fd, target, offset, length, position),
  write(fd, source, position) {
    let done = 0;
    while (done < source.length) {
      done += fs.writeSync(fd, source, done, source.length - done, position + done);
    }
  },
  fdatasync: (fd) => fs.fdatasyncSync(fd),
  fsync: (fd) => fs.fsyncSync(fd),
  fsyncDirectory(path) {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  truncate: (fd, bytes) => fs.ftruncateSync(fd, bytes),
  fileBytes: (fd) => fs.fstatSync(fd).size,
  readFile: (path) => fs.readFileSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  link: (existing, path) => fs.linkSync(existing, path),
  unlink: (path) => fs.unlinkSync(path),
  removeTree: (path) => fs.rmSync(path, { recursive: true, force: true }),
  mkdir: (path) => void fs.mkdirSync(path, { recursive: true, mode: 0o750 }),
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
  writevAsync: (fd, buffers, position) => writevAll(fd, buffers, position),
  fdatasyncAsync: (fd) =>
    new Promise((resolve, reject) =>
      fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error))),
    ),
};

/** writev may write less than it was given; the rest follows in further calls. */
function writevAll(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (rest: readonly Uint8Array[], at: number): void => {
      fs.writev(fd, rest as Uint8Array[], at, (error, written) => {
        if (error !== null) return reject(error);
        const left = dropBytes(rest, written);
        if (left.length === 0) return resolve();
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
