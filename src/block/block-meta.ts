import { CorruptionError } from "../base/errors.js";
import { crc32c } from "../encoding/crc32c.js";
import { writeFileDurably } from "../io/durable-file.js";
import type { FileSystem } from "../io/file-system.js";
import { isBlockName, META_FILE, META_VERSION } from "./block-format.js";

export interface BlockStats {
  readonly numSamples: number;
  readonly numFloatSamples: number;
  readonly numHistogramSamples: number;
  readonly numSeries: number;
  readonly numChunks: number;
  readonly numTombstones: number;
}

/** A block that went into another one. `maxTime` is exclusive. */
export interface BlockParent {
  readonly ulid: string;
  readonly minTime: number;
  readonly maxTime: number;
}

export interface BlockMeta {
  readonly ulid: string;
  /** All samples lie in [minTime, maxTime): the end is exclusive here, as in Prometheus. Milliseconds. */
  readonly minTime: number;
  readonly maxTime: number;
  readonly stats: BlockStats;
  readonly compaction: {
    /** 1: written from the head; each compaction adds one. */
    readonly level: number;
    /** The level-1 blocks in it, sorted. */
    readonly sources: readonly string[];
    /** The blocks that it replaces. */
    readonly parents: readonly BlockParent[];
    readonly hints: readonly string[];
    /** The compactor found it too damaged to merge. */
    readonly failed: boolean;
  };
}

const textEncoder = new TextEncoder();

/**
 * The text of meta.json. Prometheus' fields and, since the file has no checksum of its own, the checksum of
 * those fields under a name that other readers pass over.
 */
export function printMeta(meta: BlockMeta): string {
  const { level, sources, parents, hints, failed } = meta.compaction;
  const fields = {
    ulid: meta.ulid,
    minTime: meta.minTime,
    maxTime: meta.maxTime,
    stats: Object.fromEntries(Object.entries(meta.stats).filter(([, count]) => count !== 0)),
    compaction: {
      level,
      sources,
      ...(parents.length > 0 ? { parents } : {}),
      ...(failed ? { failed } : {}),
      ...(hints.length > 0 ? { hints } : {}),
    },
    version: META_VERSION,
  };
  return `${JSON.stringify({ ...fields, varve: { crc32c: checksumOf(fields) } }, null, "\t")}\n`;
}

function checksumOf(fields: object): number {
  const bytes = textEncoder.encode(JSON.stringify(fields));
  return crc32c(bytes, 0, bytes.length);
}

/** Throws CorruptionError where `text` is no meta.json of a version we know. `file` is for the error. */
export function parseMeta(text: string, file: string): BlockMeta {
  const bad = (reason: string): CorruptionError => new CorruptionError(file, 0, reason);
  let json: Json;
  try {
    json = asObject(JSON.parse(text));
  } catch (error) {
    throw bad(`not JSON: ${(error as Error).message}`);
  }
  const { varve, ...fields } = json;
  if (varve !== undefined && field(asObject(varve), "crc32c") !== checksumOf(fields))
    throw bad("checksum mismatch");
  if (field(json, "version") !== META_VERSION) throw bad(`unknown version ${String(field(json, "version"))}`);
  const compaction = asObject(field(json, "compaction"));
  const stats = asObject(field(json, "stats"));
  const meta: BlockMeta = {
    ulid: String(field(json, "ulid")),
    minTime: Number(field(json, "minTime")),
    maxTime: Number(field(json, "maxTime")),
    stats: {
      numSamples: asCount(field(stats, "numSamples")),
      numFloatSamples: asCount(field(stats, "numFloatSamples")),
      numHistogramSamples: asCount(field(stats, "numHistogramSamples")),
      numSeries: asCount(field(stats, "numSeries")),
      numChunks: asCount(field(stats, "numChunks")),
      numTombstones: asCount(field(stats, "numTombstones")),
    },
    compaction: {
      level: asCount(field(compaction, "level")),
      sources: asArray(field(compaction, "sources")).map(String),
      parents: asArray(field(compaction, "parents")).map(asParent),
      hints: asArray(field(compaction, "hints")).map(String),
      failed: field(compaction, "failed") === true,
    },
  };
  if (!isBlockName(meta.ulid)) throw bad(`bad ULID ${meta.ulid}`);
  if (!Number.isSafeInteger(meta.minTime) || !Number.isSafeInteger(meta.maxTime)) throw bad("bad time range");
  if (meta.minTime > meta.maxTime) throw bad(`minTime ${meta.minTime} after maxTime ${meta.maxTime}`);
  return meta;
}

type Json = Readonly<Record<string, unknown>>;

function field(json: Json, name: string): unknown {
  return json[name];
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function asCount(value: unknown): number {
  return typeof value === "number" && value >= 0 ? value : 0;
}

function asParent(value: unknown): BlockParent {
  const parent = asObject(value);
  return {
    ulid: String(field(parent, "ulid")),
    minTime: Number(field(parent, "minTime")),
    maxTime: Number(field(parent, "maxTime")),
  };
}

export function readMeta(fs: FileSystem, dir: string): BlockMeta {
  const file = `${dir}/${META_FILE}`;
  return parseMeta(new TextDecoder().decode(fs.readFile(file)), file);
}

/** Replaces meta.json, by way of a temporary file; durable on return. */
export function writeMeta(fs: FileSystem, dir: string, meta: BlockMeta): void {
  writeFileDurably(fs, dir, META_FILE, textEncoder.encode(printMeta(meta)));
}
