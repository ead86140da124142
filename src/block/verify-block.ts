import { CorruptionError } from "../base/errors.js";
import { chunkSampleCount } from "../chunk/chunk-header.js";
import { isAscending } from "../chunk/merge-columns.js";
import type { FileSystem } from "../io/file-system.js";
import { compareLabels, compareUtf8, type Labels } from "../model/labels.js";
import { SampleColumns } from "../storage/columns.js";
import { damageOf } from "./block-folder.js";
import { INDEX_FILE, META_FILE } from "./block-format.js";
import { type Block, openBlock } from "./block-reader.js";
import { ChunkList } from "./index-reader.js";
import { PageCache } from "./page-cache.js";

/** Something wrong in a block, and the times whose samples cannot be trusted because of it. */
export interface BlockProblem {
  readonly file: string;
  /** Byte offset in `file`; 0 where it is the file as a whole. */
  readonly offset: number;
  readonly reason: string;
  /** Milliseconds, both inclusive; the whole block's range where it is not known more closely. */
  readonly mint: number;
  readonly maxt: number;
}

export interface BlockVerification {
  readonly problems: readonly BlockProblem[];
  /** More were found than are listed. */
  readonly truncated: boolean;
  readonly series: number;
  readonly chunks: number;
  readonly samples: number;
}

const PROBLEMS_MAX = 1000;
const CACHE_BYTES = 4 * 1024 * 1024;

/**
 * Reads everything in a block: every checksum, the order of symbols, series and postings, that every series is
 * found under each of its labels and nowhere else, that chunks lie in their block's range, do not overlap, hold
 * the samples that the index says, and that meta.json counts right.
 */
export function verifyBlock(fs: FileSystem, dir: string): BlockVerification {
  let block: Block;
  try {
    block = openBlock(fs, dir, new PageCache(CACHE_BYTES));
  } catch (error) {
    const reason = error instanceof CorruptionError ? error.reason : damageOf(error);
    const [file, offset] = error instanceof CorruptionError ? [error.file, error.offset] : [dir, 0];
    const problem = { file, offset, reason, mint: Number.NEGATIVE_INFINITY, maxt: Number.POSITIVE_INFINITY };
    return { problems: [problem], truncated: false, series: 0, chunks: 0, samples: 0 };
  }
  try {
    return new Verifier(block).run();
  } finally {
    block.close();
  }
}

/** How many series have a label pair, and a sum over their refs: compared between series and postings. */
interface PairSum {
  count: number;
  sum: number;
}

class Verifier {
  private readonly block: Block;
  private readonly problems: BlockProblem[] = [];
  private found = 0;
  private series = 0;
  private chunks = 0;
  private samples = 0;
  private readonly pairs = new Map<string, PairSum>();
  private readonly columns: SampleColumns = new SampleColumns(1024);
  private readonly symbolCache = new Map<number, string>();

  constructor(block: Block) {
    this.block = block;
  }

  run(): BlockVerification {
    this.attempt(() => this.checkSymbols());
    this.attempt(() => this.checkSeries());
    this.attempt(() => this.checkPostings());
    this.checkStats();
    const { problems, series, chunks, samples } = this;
    return { problems, truncated: this.found > PROBLEMS_MAX, series, chunks, samples };
  }

  private report(file: string, offset: number, reason: string, mint?: number, maxt?: number): void {
    const { minTime, maxTime } = this.block.meta;
    const problem = { file, offset, reason, mint: mint ?? minTime, maxt: maxt ?? maxTime - 1 };
    if (this.found++ < PROBLEMS_MAX) this.problems.push(problem);
  }

  private attempt(check: () => void, mint?: number, maxt?: number): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.report(error.file, error.offset, error.reason, mint, maxt);
    }
  }

  private get indexPath(): string {
    return `${this.block.dir}/${INDEX_FILE}`;
  }

  private checkSymbols(): void {
    let last: string | null = null;
    let number = 0;
    for (const symbol of this.block.index.symbols) {
      if (last !== null && compareUtf8(last, symbol) >= 0) {
        this.report(this.indexPath, 0, `symbol ${number} is not above the one before`);
      }
      last = symbol;
      number++;
    }
  }

  private checkSeries(): void {
    const { index } = this.block;
    let last: Labels | null = null;
    let lastRef = -1;
    const list = new ChunkList();
    for (const ref of index.allPostings()) {
      if (ref <= lastRef) this.report(this.indexPath, 0, `series ref ${ref} is not above the one before`);
      lastRef = ref;
      this.series++;
      this.attempt(() => {
        if (this.symbolCache.size > 100_000) this.symbolCache.clear();
        const labels = index.labels(ref, this.symbolCache);
        if (last !== null && compareLabels(last, labels) >= 0) {
          this.report(this.indexPath, ref * 16, `series ${labels} is not above the one before`);
        }
        last = labels;
        this.addLabels(ref, labels);
        index.chunks(ref, list);
        this.checkChunks(ref, list);
      });
    }
  }

  private addLabels(ref: number, labels: Labels): void {
    const { pairs } = labels;
    for (let i = 0; i < pairs.length; i += 2) {
      if (i > 0 && compareUtf8(pairs[i - 2], pairs[i]) >= 0) {
        this.report(this.indexPath, ref * 16, `label ${pairs[i]} is not above the one before`);
      }
      const key = `${pairs[i]}\xff${pairs[i + 1]}`;
      const sum = this.pairs.get(key);
      if (sum === undefined) this.pairs.set(key, { count: 1, sum: mix(ref) });
      else {
        sum.count++;
        sum.sum = (sum.sum + mix(ref)) | 0;
      }
    }
  }

  private checkChunks(ref: number, list: ChunkList): void {
    const { minTime, maxTime } = this.block.meta;
    let end = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < list.count; i++) {
      const mint = list.mint[i];
      const maxt = list.maxt[i];
      const where = ref * 16;
      if (mint <= end) this.report(this.indexPath, where, "chunk overlaps the one before", mint, maxt);
      if (mint < minTime || maxt >= maxTime) {
        this.report(this.indexPath, where, "chunk outside of the block's range", mint, maxt);
      }
      end = maxt;
      this.attempt(() => this.checkChunk(list.refs[i], mint, maxt), mint, maxt);
    }
  }

  private checkChunk(ref: number, mint: number, maxt: number): void {
    const { columns } = this;
    const { chunks } = this.block;
    columns.clear();
    chunks.decode(ref, columns, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    this.chunks++;
    this.samples += columns.count;
    const { count, timestamps } = columns;
    const problem =
      count !== chunkSampleCount(chunks.bytes) || count === 0
        ? `${count} samples in a chunk of ${chunkSampleCount(chunks.bytes)}`
        : timestamps[0] !== mint || timestamps[count - 1] !== maxt
          ? `samples from ${timestamps[0]} to ${timestamps[count - 1]}, index says ${mint} to ${maxt}`
          : isAscending(columns)
            ? null
            : "timestamps do not ascend";
    if (problem !== null) this.report(`${this.block.dir}/chunks`, ref, problem, mint, maxt);
  }

  private checkPostings(): void {
    const { index } = this.block;
    const left = new Map(this.pairs);
    for (const name of index.table.labelNames()) {
      let last: string | null = null;
      const values: string[] = [];
      index.table.walk(name, "", (value) => values.push(value) > 0);
      for (const value of values) {
        if (last !== null && compareUtf8(last, value) >= 0) {
          this.report(this.indexPath, 0, `value ${name}="${value}" is not above the one before`);
        }
        last = value;
        const key = `${name}\xff${value}`;
        this.attempt(() => this.checkList(name, value, index.postings(name, value), left.get(key)));
        left.delete(key);
      }
    }
    for (const key of left.keys()) {
      this.report(this.indexPath, 0, `no postings for ${key.replace("\xff", "=")}`);
    }
  }

  private checkList(name: string, value: string, refs: Uint32Array, expected: PairSum | undefined): void {
    let sum = 0;
    let ascending = true;
    for (let i = 0; i < refs.length; i++) {
      sum = (sum + mix(refs[i])) | 0;
      if (i > 0 && refs[i] <= refs[i - 1]) ascending = false;
    }
    if (!ascending) this.report(this.indexPath, 0, `postings of ${name}="${value}" do not ascend`);
    if (expected === undefined || expected.count !== refs.length || expected.sum !== sum) {
      this.report(this.indexPath, 0, `postings of ${name}="${value}" are not the series that have it`);
    }
  }

  private checkStats(): void {
    if (this.found > 0) return;
    const { stats } = this.block.meta;
    const file = `${this.block.dir}/${META_FILE}`;
    const counts: [string, number, number][] = [
      ["numSeries", stats.numSeries, this.series],
      ["numChunks", stats.numChunks, this.chunks],
      ["numSamples", stats.numSamples, this.samples],
    ];
    for (const [name, said, counted] of counts) {
      if (said !== counted) this.report(file, 0, `${name} is ${said}, counted ${counted}`);
    }
  }
}

/** Spreads refs over 32 bits, so that two wrong lists hardly have the same sum. */
function mix(ref: number): number {
  let x = Math.imul(ref ^ (ref >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  return x ^ (x >>> 16);
}
