import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, realpathSync, statSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { RefusalError } from "../base/errors.js";

/** What a file that is imported holds. */
export type TextFormat = "openmetrics" | "prometheus" | "jsonl";

/** Something to import. */
export type ImportInput =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly format: TextFormat; readonly bytes: number };

const LOOK_BYTES = 4096;
const READ_BYTES: number = 1024 * 1024;
const STANDARD_INPUT = "-";

/** Looks at each operand. Throws RefusalError where one is not there, or nobody can tell what it is. */
export function judgeInputs(operands: readonly string[], format: string): ImportInput[] {
  return operands.map((path): ImportInput => {
    if (path === STANDARD_INPUT) {
      if (format === "auto") throw bad("standard input needs --format");
      return { kind: "file", path, format: format as TextFormat, bytes: 0 };
    }
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw bad(`${path} is not there`);
    if (found.isDirectory()) return { kind: "folder", path: realpathSync(path) };
    const known = format === "auto" ? judgeFile(path, found.size) : (format as TextFormat);
    return { kind: "file", path: realpathSync(path), format: known, bytes: isGzip(path) ? 0 : found.size };
  });
}

function judgeFile(path: string, bytes: number): TextFormat {
  const name = path.replace(/\.gz$/, "");
  if (/\.(jsonl|ndjson|json)$/.test(name)) return "jsonl";
  if (/\.(om|openmetrics)$/.test(name)) return "openmetrics";
  if (/\.(prom)$/.test(name)) return "prometheus";
  if (isGzip(path)) throw bad(`--format is needed: ${path} does not tell by its name what it holds`);
  const fd = openSync(path, "r");
  try {
    const read = (at: number): string => {
      const buffer = Buffer.alloc(LOOK_BYTES);
      return buffer.toString("latin1", 0, readSync(fd, buffer, 0, LOOK_BYTES, at));
    };
    if (/^\s*\{\s*"(?:metric|values|timestamps|histograms)"\s*:/.test(read(0))) return "jsonl";
    // Both text formats look alike; times are seconds in the one and milliseconds in the other.
    return /# EOF\n?$/.test(read(Math.max(0, bytes - LOOK_BYTES))) ? "openmetrics" : "prometheus";
  } finally {
    closeSync(fd);
  }
}

function isGzip(path: string): boolean {
  return path.endsWith(".gz");
}

/** The content of a file from byte `from` on, decompressed. */
export async function* readInput(path: string, from: number): AsyncGenerator<Uint8Array> {
  if (path === STANDARD_INPUT) yield* skip(process.stdin, from);
  else if (isGzip(path)) {
    const source = createReadStream(path, { highWaterMark: READ_BYTES });
    const content = source.pipe(createGunzip({ chunkSize: READ_BYTES }));
    source.on("error", (error) => content.destroy(error));
    yield* skip(content, from);
  } else
    yield* createReadStream(path, { start: from, highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>;
}

async function* skip(source: AsyncIterable<Uint8Array | string>, from: number): AsyncGenerator<Uint8Array> {
  let left = from;
  for await (const piece of source) {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (left >= bytes.length) left -= bytes.length;
    else {
      yield left === 0 ? bytes : bytes.subarray(left);
      left = 0;
    }
  }
}

/** Tells the same inputs from others: by path, size and time of change. Of standard input nothing is known. */
export function keyOfInputs(inputs: readonly ImportInput[]): string {
  const known = inputs.map(({ kind, path }) => {
    if (path === STANDARD_INPUT) return [path, process.pid];
    const { size, mtimeMs } = statSync(path);
    return kind === "folder" ? [path] : [path, size, mtimeMs];
  });
  return createHash("sha256").update(JSON.stringify(known)).digest("hex").slice(0, 16);
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}
