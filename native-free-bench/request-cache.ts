/**
 * Requests made in advance and kept in a file, so that encoding and compressing take no processor time from the
 * program that is measured, and every program is sent the same bytes.
 *
 * In `<tmp>/varve-bench/`: `<key>.bin` holds the bodies one after the other, `<key>.json` where each lies.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateRequests, type Workload } from "./workloads.js";

/** The requests of one connection, in order. */
export interface ConnectionRequests {
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
  readonly samples: readonly number[];
}

/** Requests ready to be sent. */
export interface RequestSource {
  readonly connections: readonly ConnectionRequests[];
  readonly requestCount: number;
  readonly bodyBytesMax: number;
  /** Copies a body to the begin of `target` and returns its length. */
  read(connection: number, request: number, target: Uint8Array): number;
}

interface CacheIndex {
  readonly sha256: string;
  readonly bytes: number;
  readonly bodyBytesMax: number;
  readonly connections: readonly ConnectionRequests[];
}

const FOLDER = join(tmpdir(), "varve-bench");
/** Raised when the same workload becomes other bytes. */
const CACHE_VERSION = 2;

export class RequestCache implements RequestSource {
  readonly sha256: string;
  readonly bytes: number;
  readonly bodyBytesMax: number;
  readonly connections: readonly ConnectionRequests[];
  readonly #file: number;

  constructor(index: CacheIndex, file: number) {
    this.sha256 = index.sha256;
    this.bytes = index.bytes;
    this.bodyBytesMax = index.bodyBytesMax;
    this.connections = index.connections;
    this.#file = file;
  }

  get requestCount(): number {
    return this.connections.reduce((sum, { lengths }) => sum + lengths.length, 0);
  }

  read(connection: number, request: number, target: Uint8Array): number {
    const { offsets, lengths } = this.connections[connection]!;
    const length = lengths[request]!;
    if (readSync(this.#file, target, 0, length, offsets[request]!) !== length) {
      throw new Error("the request cache is cut");
    }
    return length;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Opens the requests of a workload that begins at `baseMs`, made now where they are not there yet. */
export function openRequests(workload: Workload, size: string, baseMs: number): RequestCache {
  mkdirSync(FOLDER, { recursive: true });
  const shape = JSON.stringify([CACHE_VERSION, workload]);
  const shapeHash = createHash("sha256").update(shape).digest("hex").slice(0, 8);
  const family = `${workload.name}-${size}-`;
  const key = `${family}${baseMs}-${shapeHash}`;
  const path = join(FOLDER, key);
  const index = readIndex(`${path}.json`) ?? makeCache(workload, baseMs, path, family);
  return new RequestCache(index, openSync(`${path}.bin`, "r"));
}

function readIndex(path: string): CacheIndex | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as CacheIndex;
  } catch {
    return null;
  }
}

function makeCache(workload: Workload, baseMs: number, path: string, family: string): CacheIndex {
  // Those of another hour are of no use any more. What another process is just writing has its number at the end.
  for (const name of readdirSync(FOLDER)) {
    if (name.startsWith(family) && /\.(bin|json)$/.test(name)) rmSync(join(FOLDER, name), { force: true });
  }
  const unfinished = `${path}.${process.pid}`;
  const file = openSync(unfinished, "w");
  const hash = createHash("sha256");
  const connections = Array.from({ length: workload.connections }, () => ({
    offsets: [] as number[],
    lengths: [] as number[],
    samples: [] as number[],
  }));
  let at = 0;
  let bodyBytesMax = 0;
  generateRequests(workload, baseMs, ({ connection, body, samples }) => {
    const requests = connections[connection]!;
    requests.offsets.push(at);
    requests.lengths.push(body.length);
    requests.samples.push(samples);
    hash.update(body);
    writeSync(file, body);
    at += body.length;
    bodyBytesMax = Math.max(bodyBytesMax, body.length);
  });
  closeSync(file);
  const index: CacheIndex = { sha256: hash.digest("hex"), bytes: at, bodyBytesMax, connections };
  renameSync(unfinished, `${path}.bin`);
  writeFileSync(`${path}.json`, JSON.stringify(index));
  return index;
}

/** The same requests held in memory: for small workloads. */
export function requestsInMemory(workload: Workload, baseMs: number): RequestSource {
  const bodies: Uint8Array[][] = Array.from({ length: workload.connections }, () => []);
  const connections = bodies.map(() => ({ offsets: [], lengths: [] as number[], samples: [] as number[] }));
  let bodyBytesMax = 0;
  let requestCount = 0;
  generateRequests(workload, baseMs, ({ connection, body, samples }) => {
    bodies[connection]!.push(body.slice());
    connections[connection]!.lengths.push(body.length);
    connections[connection]!.samples.push(samples);
    bodyBytesMax = Math.max(bodyBytesMax, body.length);
    requestCount++;
  });
  return {
    connections,
    requestCount,
    bodyBytesMax,
    read(connection, request, target) {
      const body = bodies[connection]![request]!;
      target.set(body);
      return body.length;
    },
  };
}
