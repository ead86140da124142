/** What a block's index says about the cost of its labels: the numbers of `promtool tsdb analyze`, and more. */
import { compileMatchers } from "../index/matcher.js";
import { selectPostings } from "../index/select-postings.js";
import { compareUtf8, METRIC_NAME, utf8Bytes } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Block } from "./block-reader.js";
import { ChunkList } from "./index-reader.js";

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}

/** A label in one block. */
export interface LabelCost {
  readonly name: string;
  readonly values: number;
  /** Series that have it. */
  readonly series: number;
  /** Series that the block would have without the label. */
  readonly seriesWithout: number;
  /** Of the index: the label's texts, and its postings. */
  readonly indexBytes: number;
  /** Of the chunks: those of the series that have it. */
  readonly chunkBytes: number;
  /** Whole series that would fill the times of the block in which its series have no samples. */
  readonly churn: number;
}

export interface BlockAnalysis {
  readonly series: number;
  readonly labelNames: number;
  readonly labelPairs: number;
  readonly postingEntries: number;
  /** Each list descends; all entries. */
  readonly churningPairs: readonly NamedCount[];
  readonly churningNames: readonly NamedCount[];
  readonly commonPairs: readonly NamedCount[];
  readonly valueBytes: readonly NamedCount[];
  readonly cardinality: readonly NamedCount[];
  readonly metricNames: readonly NamedCount[];
  readonly labels: readonly LabelCost[];
}

interface PairTotal {
  series: number;
  uncoveredMs: number;
  readonly value: string;
  readonly hashLow: number;
  readonly hashHigh: number;
}

class NameTotal {
  readonly pairs = new Map<string, PairTotal>();
  series = 0;
  chunkBytes = 0;
  uncoveredMs = 0;
  /** Index of each series that has the label, and its value's hash. */
  readonly members: number[] = [];
  readonly hashes: number[] = [];
}

/** Bytes of a postings list besides four a series: length, count, checksum, and its entry in the table of offsets. */
const POSTINGS_BYTES = 24;

/** Reads every series entry, no chunk. `matchers`: none for all series. */
export function analyzeBlock(block: Block, matchers: readonly Matcher[]): BlockAnalysis {
  const { index, meta } = block;
  const rangeMs = meta.maxTime - meta.minTime;
  const refs = matchers.length === 0 ? index.allPostings() : selectPostings(index, compileMatchers(matchers));
  const names = new Map<string, NameTotal>();
  const lows = new Uint32Array(refs.length);
  const highs = new Uint32Array(refs.length);
  const list = new ChunkList();
  const symbols = new Map<number, string>();
  // Chunks lie one behind the other: where the next one begins, this one ends.
  const bytesPerRef = chunkBytesOf(block, refs);
  let entries = 0;
  refs.forEach((ref, i) => {
    if (symbols.size > 100_000) symbols.clear();
    index.chunks(ref, list);
    const covered = list.count === 0 ? 0 : list.maxt[list.count - 1] - list.mint[0];
    for (const [name, value] of index.labels(ref, symbols)) {
      entries++;
      const total = totalOf(names, name);
      const pair = pairOf(total, name, value);
      pair.series++;
      pair.uncoveredMs += rangeMs - covered;
      total.series++;
      total.uncoveredMs += rangeMs - covered;
      total.chunkBytes += bytesPerRef[i];
      total.members.push(i);
      total.hashes.push(pair.hashLow, pair.hashHigh);
      lows[i] = (lows[i] + pair.hashLow) >>> 0;
      highs[i] = (highs[i] + pair.hashHigh) >>> 0;
    }
  });
  const share = (ms: number): number => Math.floor(ms / rangeMs);
  const pairs = [...names].flatMap(([name, total]) =>
    [...total.pairs.values()].map((pair) => ({ name: `${name}=${pair.value}`, pair })),
  );
  return {
    series: refs.length,
    labelNames: names.size,
    labelPairs: pairs.length,
    postingEntries: entries,
    churningPairs: descending(pairs.map(({ name, pair }) => ({ name, count: share(pair.uncoveredMs) }))),
    churningNames: descending([...names].map(([name, total]) => ({ name, count: share(total.uncoveredMs) }))),
    commonPairs: descending(pairs.map(({ name, pair }) => ({ name, count: pair.series }))),
    valueBytes: descending([...names].map(([name, total]) => ({ name, count: textBytes(total) }))),
    cardinality: descending([...names].map(([name, total]) => ({ name, count: total.pairs.size }))),
    metricNames: descending(
      [...(names.get(METRIC_NAME)?.pairs.values() ?? [])].map(({ value, series }) => ({
        name: value,
        count: series,
      })),
    ),
    labels: [...names]
      .map(
        ([name, total]): LabelCost => ({
          name,
          values: total.pairs.size,
          series: total.series,
          seriesWithout: seriesWithout(total, lows, highs),
          indexBytes:
            textBytes(total) + total.series * 4 + total.pairs.size * (POSTINGS_BYTES + utf8Bytes(name)),
          chunkBytes: total.chunkBytes,
          churn: share(total.uncoveredMs),
        }),
      )
      .sort((a, b) => a.seriesWithout - b.seriesWithout || b.indexBytes - a.indexBytes),
  };
}

function totalOf(names: Map<string, NameTotal>, name: string): NameTotal {
  const known = names.get(name) ?? new NameTotal();
  if (!names.has(name)) names.set(name, known);
  return known;
}

function pairOf(total: NameTotal, name: string, value: string): PairTotal {
  const known = total.pairs.get(value);
  if (known !== undefined) return known;
  const text = `${name}\xff${value}`;
  const added = {
    series: 0,
    uncoveredMs: 0,
    value,
    hashLow: hash(text, 0x811c9dc5),
    hashHigh: hash(text, 0x1b873593),
  };
  total.pairs.set(value, added);
  return added;
}

/** Distinct label sets, by sums of hashes, once the label is taken out of those that have it. */
function seriesWithout({ members, hashes }: NameTotal, lows: Uint32Array, highs: Uint32Array): number {
  const left = new Float64Array(lows.length);
  for (let i = 0; i < lows.length; i++) left[i] = joined(lows[i], highs[i]);
  members.forEach((member, m) => {
    left[member] = joined((lows[member] - hashes[2 * m]) >>> 0, (highs[member] - hashes[2 * m + 1]) >>> 0);
  });
  left.sort();
  let count = 0;
  for (let i = 0; i < left.length; i++) if (i === 0 || left[i] !== left[i - 1]) count++;
  return count;
}

/** 53 bits of two words. */
function joined(low: number, high: number): number {
  return high * 2 ** 21 + (low >>> 11);
}

function hash(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

function textBytes({ pairs }: NameTotal): number {
  let bytes = 0;
  for (const value of pairs.keys()) bytes += utf8Bytes(value);
  return bytes;
}

function descending(counts: NamedCount[]): NamedCount[] {
  return counts.sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name));
}

/** Bytes of the chunks of each of `refs`, by the distance to the chunk behind in its file. */
function chunkBytesOf(block: Block, refs: Uint32Array): Float64Array {
  const all = block.index.allPostings();
  const list = new ChunkList();
  const starts: number[] = [];
  for (const ref of all) {
    block.index.chunks(ref, list);
    for (let i = 0; i < list.count; i++) starts.push(list.refs[i]);
  }
  const sorted = Float64Array.from(starts).sort();
  const bytes = new Float64Array(refs.length);
  refs.forEach((ref, r) => {
    block.index.chunks(ref, list);
    for (let i = 0; i < list.count; i++) bytes[r] += distance(sorted, list.refs[i], block);
  });
  return bytes;
}

function distance(sorted: Float64Array, ref: number, block: Block): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= ref) low = middle + 1;
    else high = middle;
  }
  const next = low < sorted.length ? sorted[low] : Number.POSITIVE_INFINITY;
  return Math.min(next, block.chunks.segmentEnd(ref)) - ref;
}
