/** A selection of the head's series that a query reads where they lie: nothing is kept, labels are decoded on demand. */
import { worked } from "../base/patience.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { Labels } from "../model/labels.js";
import type { SampleColumns } from "../storage/columns.js";
import type { SeriesCells, SeriesSet } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";
import { encodeKey } from "./label-bytes.js";

/** Of `worked`. */
const WORK_PER_ROW = 5;

/** What a set needs of its reader. */
export interface HeadSource {
  readonly kernel: Kernel;
  readonly scratch: number;
  labels(ref: number): Labels;
  readSeries(ref: number, mint: number, maxt: number, columns: SampleColumns): void;
  viewSeries(ref: number, mint: number, maxt: number, view: SampleView): boolean;
}

export class HeadSeriesSet implements SeriesSet {
  readonly count: number;
  readonly sorted = false;
  private readonly head: HeadSource;
  private readonly refs: Uint32Array;
  private readonly mint: number;
  private readonly maxt: number;

  /** Samples outside [mint, maxt] are not shown. */
  constructor(head: HeadSource, refs: Uint32Array, mint: number, maxt: number) {
    this.head = head;
    this.refs = refs;
    this.count = refs.length;
    this.mint = mint;
    this.maxt = maxt;
  }

  labels(index: number): Labels {
    return this.head.labels(this.refs[index]);
  }

  read(index: number, mint: number, maxt: number, columns: SampleColumns): void {
    this.head.readSeries(this.refs[index], Math.max(mint, this.mint), Math.min(maxt, this.maxt), columns);
  }

  view(index: number, mint: number, maxt: number, view: SampleView): boolean {
    return this.head.viewSeries(this.refs[index], Math.max(mint, this.mint), Math.min(maxt, this.maxt), view);
  }

  fillCells(from: number, cells: SeriesCells): void {
    const { kernel, scratch } = this.head;
    const { steps, firstMs, strideMs, lookbackMs } = cells;
    if (steps > L.CELLS_MAX) {
      cells.rows = 1;
      cells.filled = Int32Array.of(-1);
      return;
    }
    const wanted = this.load(from, Math.floor(L.CELLS_MAX / steps));
    const rows = kernel.exports.fillCells(scratch, wanted, firstMs, strideMs, steps, lookbackMs);
    const results = (scratch + L.Q_ROW_RESULTS) >>> 2;
    const values = (scratch + L.Q_CELLS) >>> 3;
    const kinds = scratch + L.Q_CELL_KINDS;
    cells.rows = rows;
    cells.filled = Int32Array.from(kernel.u32().subarray(results, results + rows));
    cells.values = kernel.f64().slice(values, values + rows * steps);
    cells.kinds = kernel.u8().slice(kinds, kinds + rows * steps);
    worked(WORK_PER_ROW * rows);
  }

  groupBy(names: readonly string[]): Uint32Array | null {
    let groups = new Uint32Array(this.count);
    for (const [i, name] of names.entries()) {
      const values = this.valuesOf(name);
      if (values === null) return null;
      groups = i === 0 ? values : pairUp(groups, values);
    }
    return groups;
  }

  isDistinctWithoutName(): boolean {
    const { kernel, scratch } = this.head;
    kernel.exports.beginRows(scratch);
    let used = 0;
    for (let from = 0; from < this.count && used >= 0; ) {
      const rows = this.load(from, L.CELL_ROWS_MAX);
      used = kernel.exports.countDistinct(scratch, rows, used);
      from += rows;
    }
    return used >= 0;
  }

  /** For every series a number that is equal where the value of label `name` is; null: too many values. */
  private valuesOf(name: string): Uint32Array<ArrayBuffer> | null {
    const { kernel, scratch } = this.head;
    const key = encodeKey(name);
    const numbers = new Uint32Array(this.count);
    const results = (scratch + L.Q_ROW_RESULTS) >>> 2;
    kernel.exports.beginRows(scratch);
    kernel.u8().set(key, scratch + L.Q_TMP);
    let used = 0;
    for (let from = 0; from < this.count; ) {
      const rows = this.load(from, L.CELL_ROWS_MAX);
      used = kernel.exports.groupRows(scratch, rows, key.length, used);
      if (used < 0) return null;
      numbers.set(kernel.u32().subarray(results, results + rows), from);
      from += rows;
    }
    return numbers;
  }

  /** Puts the refs from index `from` on, at most `max` of them, where the kernel looks for them; returns how many. */
  private load(from: number, max: number): number {
    const portion = this.refs.subarray(from, from + Math.min(max, L.CELL_ROWS_MAX));
    this.head.kernel.u32().set(portion, (this.head.scratch + L.Q_ROW_REFS) >>> 2);
    worked(WORK_PER_ROW * portion.length);
    return portion.length;
  }
}

/** Numbers that are equal where those of both are. */
function pairUp(first: Uint32Array, second: Uint32Array): Uint32Array<ArrayBuffer> {
  const known = new Map<number, number>();
  const numbers = new Uint32Array(first.length);
  for (let i = 0; i < first.length; i++) {
    const pair = first[i] * 2 ** 21 + second[i];
    let number = known.get(pair);
    if (number === undefined) {
      number = known.size;
      known.set(pair, number);
    }
    numbers[i] = number;
  }
  return numbers;
}
