/**
 * Where the head's series are: counts by metric name, label name and label pair, of all series or of some, for one
 * query thread.
 */
import { RefusalError } from "../base/errors.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import { METRIC_NAME, utf8Bytes } from "../model/labels.js";
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
  /** Bytes of a label in memory, over all series that have it, as Prometheus' label sets take them; by label name. */
  readonly labelBytes: CountedName[];
  /** Series by `name=value`. */
  readonly labelPairs: CountedName[];
  /** Series by value of the label that was asked for. */
  readonly labelValues: CountedName[];
}

const REFS_AT_ONCE = 65_536;
const PAIRS_AT_ONCE = 65_536;
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
    const { kernel } = this;
    return this.listed(0, 0, limit, label, checkpoint).take(kernel.seriesCount() - kernel.deadSeries());
  }

  /** Of the series `refs`. */
  of(refs: Uint32Array, limit: number, label: string, checkpoint: () => void): Cardinality {
    // To ask every pair for its series costs what asking one series in eight for its pairs does.
    const many = refs.length > this.kernel.seriesCount() >>> 3;
    const lists = many
      ? this.listedOf(refs, limit, label, checkpoint)
      : this.countedOf(refs, limit, label, checkpoint);
    return lists.take(refs.length);
  }

  private listedOf(refs: Uint32Array, limit: number, label: string, checkpoint: () => void): Lists {
    const { kernel } = this;
    const bits = this.scratch + L.Q_T;
    const count = kernel.seriesCount();
    kernel.u8().fill(0, bits, bits + (count >>> 3) + 1);
    const bytes = kernel.u8();
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i];
      bytes[bits + (ref >>> 3)] |= 1 << (ref & 7);
    }
    return this.listed(bits, count, limit, label, checkpoint);
  }

  /** Goes through every pair of the index. `bits`: as `listPairs` of the kernel has it. */
  private listed(
    bits: number,
    bitCount: number,
    limit: number,
    label: string,
    checkpoint: () => void,
  ): Lists {
    const { kernel } = this;
    const lists = new Lists(this.index, limit, label);
    const rows = this.scratch + L.Q_TMP;
    this.index.eachName((name, at) => {
      lists.beginName(at, name);
      let pair = Atomics.load(kernel.u32(), (at + L.NAME_PAIRS) >>> 2);
      while (pair !== 0) {
        checkpoint();
        const count = kernel.exports.listPairs(pair, PAIRS_AT_ONCE, bits, bitCount, rows);
        const words = kernel.u32();
        const end = (rows >>> 2) + 3 * count;
        for (let row = rows >>> 2; row < end; row += 3)
          lists.pair(words[row], words[row + 1], words[row + 2]);
        pair = Atomics.load(words, (words[end - 3] + L.PAIR_NEXT) >>> 2);
      }
      lists.endName();
    });
    return lists;
  }

  private countedOf(refs: Uint32Array, limit: number, label: string, checkpoint: () => void): Lists {
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
    const words = kernel.u32();
    for (const [nameAt, pairs] of byName) {
      checkpoint();
      lists.beginName(nameAt, this.index.textAt(nameAt));
      for (let i = 0; i < pairs.length; i += 2) {
        const pair = pairs[i] as number;
        lists.pair(pair, pairs[i + 1] as number, words[(pair + L.KEY_TEXT) >>> 2]);
      }
      lists.endName();
    }
    return lists;
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
  private readonly metrics: Largest;
  private readonly pairs: Largest;
  private readonly values: Largest;
  private readonly names: Largest;
  private readonly bytes: Largest;
  private pairCount = 0;
  private nameAt = 0;
  private nameBytes = 0;
  private isMetric = false;
  private isLabel = false;
  private valueCount = 0;
  private valueBytes = 0;

  constructor(index: HeadPostings, limit: number, label: string) {
    this.index = index;
    this.label = label;
    this.metrics = new Largest(limit);
    this.names = new Largest(limit);
    this.bytes = new Largest(limit);
    this.pairs = new Largest(limit);
    this.values = new Largest(limit);
  }

  beginName(at: number, name: string): void {
    this.nameAt = at;
    this.nameBytes = textBytesInMemory(utf8Bytes(name));
    this.isMetric = name === METRIC_NAME;
    this.isLabel = name === this.label;
    this.valueCount = 0;
    this.valueBytes = 0;
  }

  /** `bytes`: of its value. A pair that no series has any more stays in the index, and does not count. */
  pair(at: number, series: number, bytes: number): void {
    if (series === 0) return;
    this.valueCount++;
    this.valueBytes += (this.nameBytes + textBytesInMemory(bytes)) * series;
    this.pairs.push(at, series);
    if (this.isMetric) this.metrics.push(at, series);
    if (this.isLabel) this.values.push(at, series);
  }

  endName(): void {
    if (this.valueCount === 0) return;
    this.pairCount += this.valueCount;
    this.names.push(this.nameAt, this.valueCount);
    this.bytes.push(this.nameAt, this.valueBytes);
  }

  take(seriesCount: number): Cardinality {
    const { index } = this;
    const textOf = (at: number): string => index.textAt(at);
    const texts = (largest: Largest, text: (at: number) => string): CountedName[] =>
      sorted(largest.take().map(({ at, value }) => ({ name: text(at), value })));
    return {
      seriesCount,
      labelPairCount: this.pairCount,
      metrics: texts(this.metrics, textOf),
      labelNames: texts(this.names, textOf),
      labelBytes: texts(this.bytes, textOf),
      labelPairs: texts(this.pairs, (at) => `${index.nameOfPair(at)}=${index.textAt(at)}`),
      labelValues: texts(this.values, textOf),
    };
  }
}

/** A name or a value in Prometheus' memory: its bytes, and its length before them in one byte or in four. */
function textBytesInMemory(bytes: number): number {
  return bytes + (bytes < 255 ? 1 : 4);
}

/** Descending, equal ones by name. */
export function sorted(counts: CountedName[]): CountedName[] {
  return counts.sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1));
}
