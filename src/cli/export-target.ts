import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Output } from "./output.js";

/** Where exported text goes. */
export interface ExportTarget {
  /** True once nobody reads any more. */
  readonly closed: boolean;
  write(content: string | Uint8Array): Promise<void>;
  close(): void;
}

/** "": standard output. A name that ends in `.gz` is compressed. */
export function openTarget(path: string, out: Output): ExportTarget {
  if (path === "" || path === "-") {
    return {
      get closed() {
        return out.closed;
      },
      write: (content) => out.bytes(typeof content === "string" ? Buffer.from(content) : content),
      close() {},
    };
  }
  const fd = openSync(path, "w");
  const isGzip = path.endsWith(".gz");
  return {
    closed: false,
    async write(content) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      // Members of a gzip file follow each other.
      if (bytes.length > 0) writeSync(fd, isGzip ? gzipSync(bytes, { level: 3 }) : bytes);
    },
    close() {
      fsyncSync(fd);
      closeSync(fd);
    },
  };
}
