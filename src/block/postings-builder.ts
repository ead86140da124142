import { assert } from "../base/assert.js";

/** Symbols are numbered below this, so that a pair of them is one exact number. */
const SYMBOLS_MAX = 2 ** 26;

class GrowingUint32 {
  length = 0;
  private values = new Uint32Array(1024);

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }

  increment(index: number): void {
    this.values[index]++;
  }

  view(): Uint32Array {
    return this.values.subarray(0, this.length);
  }
}

/**
 * Collects which series has which label pair and gives the postings of every pair, pairs in order. Memory: four
 * bytes for each label of each series while collecting, as many again for the result.
 */
export class PostingsBuilder {
  private readonly pairIds = new Map<number, number>();
  /** Series refs, how many labels each has, and the pair ids of all labels one behind the other. */
  private readonly refs = new GrowingUint32();
  private readonly labelCounts = new GrowingUint32();
  private readonly pairs = new GrowingUint32();
  private readonly pairCounts = new GrowingUint32();

  startSeries(ref: number): void {
    this.refs.push(ref);
    this.labelCounts.push(0);
  }

  addLabel(nameSymbol: number, valueSymbol: number): void {
    assert(nameSymbol < SYMBOLS_MAX && valueSymbol < SYMBOLS_MAX, "too many symbols for one block");
    const key = nameSymbol * SYMBOLS_MAX + valueSymbol;
    let id = this.pairIds.get(key);
    if (id === undefined) {
      id = this.pairIds.size;
      this.pairIds.set(key, id);
      this.pairCounts.push(0);
    }
    this.pairs.push(id);
    this.pairCounts.increment(id);
    this.labelCounts.increment(this.labelCounts.length - 1);
  }

  get pairCount(): number {
    return this.pairIds.size;
  }

  allRefs(): Uint32Array {
    return this.refs.view();
  }

  /** Visits every pair, ascending by name symbol, then value symbol. */
  visit(visit: (nameSymbol: number, valueSymbol: number, refs: Uint32Array) => void): void {
    const keys = Float64Array.from(this.pairIds.keys()).sort();
    const starts = new Uint32Array(keys.length + 1);
    const counts = this.pairCounts.view();
    for (let id = 0; id < keys.length; id++) starts[id + 1] = starts[id] + counts[id];
    const sorted = this.distribute(starts.slice());
    for (const key of keys) {
      const id = this.pairIds.get(key) as number;
      const list = sorted.subarray(starts[id], starts[id + 1]);
      visit(Math.floor(key / SYMBOLS_MAX), key % SYMBOLS_MAX, list);
    }
  }

  /** Counting sort: series come in order, so each pair's refs ascend. */
  private distribute(next: Uint32Array): Uint32Array {
    const refs = this.refs.view();
    const labelCounts = this.labelCounts.view();
    const pairs = this.pairs.view();
    const sorted = new Uint32Array(pairs.length);
    let at = 0;
    for (let series = 0; series < refs.length; series++) {
      for (let i = 0; i < labelCounts[series]; i++) sorted[next[pairs[at++]]++] = refs[series];
    }
    return sorted;
  }
}
