/**
 * Series that rules make one: for each merged series (a target) the latest value of every series that it is made of
 * (its sources), in memory that all ingest threads share. The value of a target is a function of those: see MergeKind.
 *
 * M1 Entries are never moved nor given back: an index stays good for the life of the process.
 * M2 Everything below is called with the lock held, but for the constructor and `lock` itself.
 * M3 An entry of the log that is older than what is known changes nothing: records may be read twice.
 */
import { MERGE_SOURCES_MAX, MERGE_TARGETS_MAX } from "../base/limits.js";
import type { Labels } from "../model/labels.js";
import type { MergeEntry, SeriesName } from "../wal/merge-record.js";

/** `counter`: the sum, which a source that starts anew does not lower. `sum`, `max`, `min`: of the latest values. */
export const MERGE_KINDS = ["counter", "sum", "max", "min"] as const;
export type MergeKind = (typeof MERGE_KINDS)[number];
const FIRST_EXTREME: number = MERGE_KINDS.indexOf("max");

const HEADER_WORDS = 8;
const LOCK = 0;
const SOURCES = 1;
const TARGETS = 2;
const INDEX_PER_ENTRY = 2;
/** lo, hi, target, next source of the target + 1; time and value as doubles. */
const SOURCE_WORDS = 8;
/** lo, hi, kind, first source + 1; sum of the latest values or the extreme, base, what rounding took from the sum, as doubles. */
const TARGET_WORDS = 10;
const SOURCE_INDEX = HEADER_WORDS;
const TARGET_INDEX: number = SOURCE_INDEX + INDEX_PER_ENTRY * MERGE_SOURCES_MAX;
const SOURCE_AT: number = TARGET_INDEX + INDEX_PER_ENTRY * MERGE_TARGETS_MAX;
const TARGET_AT: number = SOURCE_AT + SOURCE_WORDS * MERGE_SOURCES_MAX;
export const MERGE_TABLE_BYTES: number = 4 * (TARGET_AT + TARGET_WORDS * MERGE_TARGETS_MAX);
const FULL = -1;
const NOTHING_YET: number = Number.NEGATIVE_INFINITY;
const LOCK_PAUSE_MS = 0.05;
const SPINS_MAX = 500;

export type MergeOutcome = "new" | "same" | "duplicate" | "old";

export class MergeTable {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** Runs `work`, which must be short, while no other thread is in the table. */
  lock<T>(work: () => T): T {
    let spins = 0;
    while (Atomics.compareExchange(this.words, LOCK, 0, 1) !== 0) {
      if (++spins > SPINS_MAX) Atomics.wait(this.words, LOCK, 1, LOCK_PAUSE_MS);
    }
    try {
      return work();
    } finally {
      Atomics.store(this.words, LOCK, 0);
    }
  }

  get sourceCount(): number {
    return Atomics.load(this.words, SOURCES);
  }

  get targetCount(): number {
    return Atomics.load(this.words, TARGETS);
  }

  /** Index of the source, entered where it is new; -1: the table is full. */
  source(source: SeriesName, target: SeriesName, kind: number): number {
    const { words } = this;
    const found = this.find(SOURCE_INDEX, MERGE_SOURCES_MAX, SOURCE_AT, SOURCE_WORDS, source);
    if (found >= 0) return found;
    const owner = this.target(target, kind);
    const index = words[SOURCES] as number;
    if (owner === FULL || index >= MERGE_SOURCES_MAX) return FULL;
    const at = SOURCE_AT + SOURCE_WORDS * index;
    const ownerAt = TARGET_AT + TARGET_WORDS * owner;
    words[at] = source.lo;
    words[at + 1] = source.hi;
    words[at + 2] = owner;
    words[at + 3] = words[ownerAt + 3] as number;
    words[ownerAt + 3] = index + 1;
    this.doubles[(at >>> 1) + 2] = NOTHING_YET;
    this.doubles[(at >>> 1) + 3] = 0;
    this.enter(SOURCE_INDEX, MERGE_SOURCES_MAX, source, index);
    Atomics.store(words, SOURCES, index + 1);
    return index;
  }

  private target(target: SeriesName, kind: number): number {
    const { words } = this;
    const found = this.find(TARGET_INDEX, MERGE_TARGETS_MAX, TARGET_AT, TARGET_WORDS, target);
    if (found >= 0) return found;
    const index = words[TARGETS] as number;
    if (index >= MERGE_TARGETS_MAX) return FULL;
    const at = TARGET_AT + TARGET_WORDS * index;
    words[at] = target.lo;
    words[at + 1] = target.hi;
    words[at + 2] = kind;
    if (kind >= FIRST_EXTREME) this.doubles[(at >>> 1) + 2] = Number.NaN;
    this.enter(TARGET_INDEX, MERGE_TARGETS_MAX, target, index);
    Atomics.store(words, TARGETS, index + 1);
    return index;
  }

  targetOf(source: number): number {
    return this.words[SOURCE_AT + SOURCE_WORDS * source + 2] as number;
  }

  /** Takes a source's value at a time (milliseconds; not NaN). */
  update(source: number, timestampMs: number, value: number): MergeOutcome {
    const { words, doubles } = this;
    const at = SOURCE_AT + SOURCE_WORDS * source;
    const half = at >>> 1;
    const lastMs = doubles[half + 2] as number;
    const last = doubles[half + 3] as number;
    if (timestampMs < lastMs) return "old";
    if (timestampMs === lastMs) return Object.is(value, last) ? "same" : "duplicate";
    const target = TARGET_AT + TARGET_WORDS * (words[at + 2] as number);
    const first = lastMs === NOTHING_YET;
    doubles[half + 2] = timestampMs;
    doubles[half + 3] = value;
    const place = target >>> 1;
    const kind = MERGE_KINDS[words[target + 2] as number] as MergeKind;
    if (kind === "counter" || kind === "sum") {
      if (kind === "counter" && value < last) this.add(place + 3, place + 4, last);
      this.add(place + 2, place + 4, -last);
      this.add(place + 2, place + 4, value);
      return "new";
    }
    const extreme = doubles[place + 2] as number;
    const beyond = kind === "max" ? value >= extreme : value <= extreme;
    if (beyond || Number.isNaN(extreme)) doubles[place + 2] = value;
    else if (!first && last === extreme) doubles[place + 2] = this.extremeOf(target, kind);
    return "new";
  }

  /** Adds to a double and keeps what rounding takes (Neumaier, 1974), so that years of additions do not drift. */
  private add(at: number, rest: number, value: number): void {
    const { doubles } = this;
    const before = doubles[at] as number;
    const sum = before + value;
    doubles[at] = sum;
    if (!Number.isFinite(sum)) return;
    const lost = Math.abs(before) >= Math.abs(value) ? before - sum + value : value - sum + before;
    doubles[rest] = (doubles[rest] as number) + lost;
  }

  private extremeOf(target: number, kind: MergeKind): number {
    const { words, doubles } = this;
    let extreme = kind === "max" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    for (let next = words[target + 3] as number; next !== 0; ) {
      const at = SOURCE_AT + SOURCE_WORDS * (next - 1);
      if (doubles[(at >>> 1) + 2] !== NOTHING_YET) {
        const value = doubles[(at >>> 1) + 3] as number;
        extreme = kind === "max" ? Math.max(extreme, value) : Math.min(extreme, value);
      }
      next = words[at + 3] as number;
    }
    return extreme;
  }

  /** What a target is worth now. */
  value(target: number): number {
    const place = (TARGET_AT + TARGET_WORDS * target) >>> 1;
    const [sum = 0, base = 0, rest = 0] = this.doubles.subarray(place + 2, place + 5);
    return sum + base + rest;
  }

  /** A source as it is now, for the log. */
  entry(source: number): MergeEntry {
    const { words, doubles } = this;
    const at = SOURCE_AT + SOURCE_WORDS * source;
    const target = TARGET_AT + TARGET_WORDS * (words[at + 2] as number);
    return {
      source: { lo: words[at] as number, hi: words[at + 1] as number },
      target: { lo: words[target] as number, hi: words[target + 1] as number },
      kind: words[target + 2] as number,
      timestampMs: doubles[(at >>> 1) + 2] as number,
      value: doubles[(at >>> 1) + 3] as number,
    };
  }

  /** All that a log needs to make the table again: bases first. */
  *entries(): IterableIterator<MergeEntry> {
    const { words, doubles } = this;
    for (let i = 0; i < this.targetCount; i++) {
      const at = TARGET_AT + TARGET_WORDS * i;
      const base = doubles[(at >>> 1) + 3] as number;
      if (base === 0) continue;
      const target = { lo: words[at] as number, hi: words[at + 1] as number };
      yield { source: NOBODY, target, kind: words[at + 2] as number, timestampMs: 0, value: base };
    }
    for (let i = 0; i < this.sourceCount; i++) yield this.entry(i);
  }

  /** Takes an entry back from the log; an older one than is known changes nothing. */
  restore(entry: MergeEntry): void {
    if (entry.source.lo === 0 && entry.source.hi === 0) {
      const target = this.target(entry.target, entry.kind);
      if (target !== FULL) this.doubles[((TARGET_AT + TARGET_WORDS * target) >>> 1) + 3] = entry.value;
      return;
    }
    const source = this.source(entry.source, entry.target, entry.kind);
    if (source !== FULL && entry.timestampMs !== NOTHING_YET)
      this.update(source, entry.timestampMs, entry.value);
  }

  private find(index: number, max: number, entries: number, entryWords: number, name: SeriesName): number {
    const { words } = this;
    const mask = INDEX_PER_ENTRY * max - 1;
    for (let i = name.lo & mask; ; i = (i + 1) & mask) {
      const place = words[index + i] as number;
      if (place === 0) return -1;
      const at = entries + entryWords * (place - 1);
      if (words[at] === name.lo && words[at + 1] === name.hi) return place - 1;
    }
  }

  private enter(index: number, max: number, name: SeriesName, entry: number): void {
    const mask = INDEX_PER_ENTRY * max - 1;
    let i = name.lo & mask;
    while (this.words[index + i] !== 0) i = (i + 1) & mask;
    this.words[index + i] = entry + 1;
  }
}

const NOBODY: SeriesName = { lo: 0, hi: 0 };

/** The name of what makes `target` out of `source`; of the target itself where `source` is absent. Never {0, 0}. */
export function seriesName(target: Labels, kind: number, source?: Labels): SeriesName {
  const text = source === undefined ? `${kind}${target.key}` : `${kind}${target.key}\ud801${source.key}`;
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0xcc9e2d51);
    b = (b << 15) | (b >>> 17);
  }
  const lo = mix(a ^ Math.imul(b, 5));
  return { lo, hi: mix(b ^ lo) | 1 };
}

/** The finalizer of MurmurHash3, 32 bits. */
export function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
