import type { FileSystem } from "./file-system.js";

/** Creates or replaces a small file so that a crash leaves the old one or the new one; durable on return. */
export function writeFileDurably(fs: FileSystem, dir: string, name: string, bytes: Uint8Array): void {
  const tmp = `${dir}/${name}.tmp`;
  const fd = fs.open(tmp, "w");
  try {
    fs.write(fd, bytes, 0);
    fs.fsync(fd);
  } finally {
    fs.close(fd);
  }
  fs.rename(tmp, `${dir}/${name}`);
  fs.fsyncDirectory(dir);
}
