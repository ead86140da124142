/** Where the head's series are: counts by metric name, label name and label pair, of all series or of some, for one query thread. */
import { RefusalError } from "../base/errors.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import { METRIC_NAME } from "../model/labels.js";
import type { HeadPostings } from "./head-postings.js";

export interface CountedName {
  readonly name: string;
  readonly value: number;
}

/** Each list descends. */
export interface Cardinality {
  readonly seriesCount: number;
  readonly labelPairCount: number;
  /** Series by metric name. */
  readonly metrics: CountedName[];
  /** Distinct values by label name. */
  readonly labelNames: CountedName[];
  /** Series by `name=value`. */
  readonly labelPairs: CountedName[];
  /** Series by value of the label that was asked for. */
  readonly labelValues: CountedName[];
}

const REFS_AT_ONCE = 65_536;
const TABLE_SLOTS: number = 1 << 22;

export class HeadCardinality {
  private readonly kernel: Kernel;
  private readonly index: HeadPostings;
  private readonly scratch: number;

  constructor(kernel: Kernel, index: HeadPostings, scratch: number) {
    this.kernel = kernel;
    this.index = index;
    this.scratch = scratch;
  }

  /** Of the whole head. `label`: whose values are counted, "" none. */
  whole(limit: number, label: string, checkpoint: () => void): Cardinality {
    const lists = new Lists(this.index, limit, label);
    const { kernel } = this;
    this.index.eachName((name, at) => {
      checkpoint();
      const words = kernel.u32();
      let pair = Atomics.load(words, (at + L.NAME_PAIRS) >>> 2);
      lists.beginName(name);
      while (pair !== 0) {
        const current = kernel.u32();
        lists.pair(pair, Atomics.load(current, (pair + L.PAIR_COUNT) >>> 2));
        pair = Atomics.load(current, (pair + L.PAIR_NEXT) >>> 2);
      }
      lists.endName();
    });
    return lists.take(kernel.seriesCount() - kernel.deadSeries());
  }

  /** Of the series `refs`. */
  of(refs: Uint32Array, limit: number, label: string, checkpoint: () => void): Cardinality {
    const { kernel, scratch } = this;
    const table = scratch + L.Q_T;
    const work = scratch + L.Q_TMP;
    kernel.u8().fill(0, table, table + 8 * TABLE_SLOTS);
    let used = 0;
    for (let at = 0; at < refs.length; at += REFS_AT_ONCE) {
      checkpoint();
      const part = refs.subarray(at, at + REFS_AT_ONCE);
      kernel.u32().set(part, work >>> 2);
      used = kernel.exports.countPairs(work, part.length, table, TABLE_SLOTS, used);
      if (used < 0) throw new RefusalError("limit_reached", "the series have too many label pairs to count");
    }
    const byName = this.pairsByName(table);
    const lists = new Lists(this.index, limit, label);
    for (const [nameAt, pairs] of byName) {
      checkpoint();
      lists.beginName(this.index.textAt(nameAt));
      for (let i = 0; i < pairs.length; i += 2) lists.pair(pairs[i] as number, pairs[i + 1] as number);
      lists.endName();
    }
    return lists.take(refs.length);
  }

  /** {pair, series} one behind the other, by the address of the label name. */
  private pairsByName(table: number): Map<number, number[]> {
    const byName = new Map<number, number[]>();
    const words = this.kernel.u32();
    for (let slot = table >>> 2; slot < (table >>> 2) + 2 * TABLE_SLOTS; slot += 2) {
      const pair = words[slot];
      if (pair === 0) continue;
      const nameAt = words[(pair + L.PAIR_NAME) >>> 2];
      const list = byName.get(nameAt);
      if (list === undefined) byName.set(nameAt, [pair, words[slot + 1]]);
      else list.push(pair, words[slot + 1]);
    }
    return byName;
  }

  /** Live series among `refs` below `end`. */
  live(refs: Uint32Array, end: number): number {
    const work = this.scratch + L.Q_TMP;
    let live = 0;
    for (let at = 0; at < refs.length; at += REFS_AT_ONCE) {
      const part = refs.subarray(at, at + REFS_AT_ONCE);
      this.kernel.u32().set(part, work >>> 2);
      live += this.kernel.exports.countLive(work, part.length, end);
    }
    return live;
  }

  /** Series made since there were `count` of them, as far as they are alive. */
  since(count: number): Uint32Array {
    const end = this.kernel.seriesCount();
    const from = Math.min(count, end);
    const refs = new Uint32Array(end - from);
    for (let i = 0; i < refs.length; i++) refs[i] = from + i;
    return refs;
  }
}

/** The largest counts; texts are made for those only that stay. */
class Largest {
  private readonly limit: number;
  private items: { readonly at: number; readonly value: number }[] = [];
  private least = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(at: number, value: number): void {
    if (value <= this.least) return;
    this.items.push({ at, value });
    if (this.items.length >= 2 * this.limit + 64) this.cut();
  }

  private cut(): void {
    this.items = this.items.sort((a, b) => b.value - a.value).slice(0, this.limit);
    if (this.items.length === this.limit) this.least = this.items[this.limit - 1].value;
  }

  take(): readonly { readonly at: number; readonly value: number }[] {
    this.cut();
    return this.items;
  }
}

class Lists {
  private readonly index: HeadPostings;
  private readonly label: string;
  private readonly limit: number;
  private readonly metrics: Largest;
  private readonly pairs: Largest;
  private readonly values: Largest;
  private readonly names: CountedName[] = [];
  private pairCount = 0;
  private name = "";
  private valueCount = 0;

  constructor(index: HeadPostings, limit: number, label: string) {
    this.index = index;
    this.label = label;
    this.limit = limit;
    this.metrics = new Largest(limit);
    this.pairs = new Largest(limit);
    this.values = new Largest(limit);
  }

  beginName(name: string): void {
    this.name = name;
    this.valueCount = 0;
  }

  pair(at: number, series: number): void {
    if (series === 0) return;
    this.valueCount++;
    this.pairs.push(at, series);
    if (this.name === METRIC_NAME) this.metrics.push(at, series);
    if (this.name === this.label) this.values.push(at, series);
  }

  endName(): void {
    if (this.valueCount === 0) return;
    this.pairCount += this.valueCount;
    this.names.push({ name: this.name, value: this.valueCount });
  }

  take(seriesCount: number): Cardinality {
    const texts = (largest: Largest, text: (at: number) => string): CountedName[] =>
      sorted(largest.take().map(({ at, value }) => ({ name: text(at), value })));
    const { index } = this;
    return {
      seriesCount,
      labelPairCount: this.pairCount,
      metrics: texts(this.metrics, (at) => index.textAt(at)),
      labelNames: sorted(this.names).slice(0, this.limit),
      labelPairs: texts(this.pairs, (at) => `${index.nameOfPair(at)}=${index.textAt(at)}`),
      labelValues: texts(this.values, (at) => index.textAt(at)),
    };
  }
}

/** Descending, equal ones by name. */
export function sorted(counts: CountedName[]): CountedName[] {
  return counts.sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1));
}
