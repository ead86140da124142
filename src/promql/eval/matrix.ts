import { worked } from "../../base/patience.js";
import type { Histogram } from "../../model/histogram.js";
import { Labels } from "../../model/labels.js";
import type { SeriesCells, SeriesSet } from "../../storage/queryable.js";
import { histogramSamples } from "../histogram/size.js";
import { arrayBytes, BYTES_PER_CELL, CELLS_FIRST, settleArrayBytes, takeCells } from "./array-budget.js";

/** What a cell of a matrix holds. */
export const ABSENT = 0;
export const FLOAT = 1;
export const HISTOGRAM = 2;

export const METADATA_LABELS: ReadonlySet<string> = new Set(["__name__", "__type__", "__unit__"]);

/** The labels without name, type and unit: what is left when a value is no longer that metric's. */
export function dropMetadata(labels: Labels): Labels {
  const { pairs } = labels;
  for (let i = 0; i < pairs.length; i += 2) {
    if (!METADATA_LABELS.has(pairs[i])) continue;
    const kept: string[] = [];
    for (let j = 0; j < pairs.length; j += 2) {
      if (!METADATA_LABELS.has(pairs[j])) kept.push(pairs[j], pairs[j + 1]);
    }
    return new Labels(kept);
  }
  return labels;
}

/** Takes one row; `floats`: how many of its cells hold one. */
export type RowVisit = (matrix: Matrix, row: number, floats: number) => void;

/** Of `worked`. */
const WORK_PER_ROW = 20;
const GROWTH = 2;

/**
 * Series over all steps of a frame: row r, step s lies in cell r * steps + s. Labels are decoded when asked.
 * Whoever gets a matrix owns it and may change it in place.
 */
export class Matrix {
  readonly steps: number;
  rows = 0;
  values: Float64Array;
  kinds: Uint8Array;
  /** By cell; null while there are floats only. */
  histograms: (Histogram | undefined)[] | null = null;
  /** All rows have the same metric name, so that dropping it cannot make two of them equal. */
  oneName = false;
  /** Whether `drop` removes labels now (the default) or at the end of the query. */
  delayedDrop = false;
  private readonly labelSets: (Labels | undefined)[] = [];
  private readonly drops: boolean[] = [];
  /** Whose series the rows are until their labels are set. */
  source: SeriesSet | null = null;
  /** Every row is a series of the source, each of them once. */
  private isOfSource = true;
  private sourceIndexes: Int32Array = new Int32Array(0);

  constructor(steps: number, rowCapacity: number) {
    this.steps = steps;
    const cells = rowCapacity === 0 ? 0 : Math.max(steps, Math.min(rowCapacity * steps, CELLS_FIRST));
    const { values, kinds } = takeCells(cells);
    this.values = values;
    this.kinds = kinds;
  }

  attach(source: SeriesSet): void {
    this.source = source;
  }

  /** `cells` as rows of `like`: row r is series `from` + r of `source`. */
  static ofCells(source: SeriesSet, from: number, cells: SeriesCells, like: Matrix): Matrix {
    const matrix = new Matrix(cells.steps, 0);
    matrix.source = source;
    matrix.oneName = like.oneName;
    matrix.delayedDrop = like.delayedDrop;
    matrix.values = cells.values;
    matrix.kinds = cells.kinds;
    matrix.rows = cells.rows;
    matrix.sourceIndexes = new Int32Array(cells.rows);
    for (let row = 0; row < cells.rows; row++) matrix.sourceIndexes[row] = from + row;
    return matrix;
  }

  /** Appends a row of absent cells; returns its first cell. */
  addRow(labels: Labels): number {
    const base = this.reserveRow();
    this.isOfSource = false;
    this.labelSets[this.rows] = labels;
    this.drops[this.rows] = false;
    this.rows++;
    return base;
  }

  addSourceRow(index: number): number {
    if (this.rows >= this.sourceIndexes.length) {
      const grown = new Int32Array(Math.max(16, this.rows * 2));
      grown.set(this.sourceIndexes);
      this.sourceIndexes = grown;
    }
    this.sourceIndexes[this.rows] = index;
    const base = this.reserveRow();
    this.labelSets[this.rows] = undefined;
    this.drops[this.rows++] = false;
    return base;
  }

  /** Takes back the last row; its cells are absent again. */
  removeLastRow(): void {
    this.rows--;
    this.labelSets[this.rows] = undefined;
    this.kinds.fill(ABSENT, this.rows * this.steps, (this.rows + 1) * this.steps);
  }

  private reserveRow(): number {
    const base = this.rows * this.steps;
    if (base + this.steps > this.values.length) {
      const cells = Math.max(Math.ceil(GROWTH * this.values.length), base + this.steps);
      const { values, kinds } = takeCells(cells);
      values.set(this.values);
      kinds.set(this.kinds);
      settleArrayBytes(arrayBytes() - BYTES_PER_CELL * this.values.length);
      this.values = values;
      this.kinds = kinds;
    }
    return base;
  }

  setHistogram(cell: number, histogram: Histogram): void {
    this.histograms ??= [];
    this.histograms[cell] = histogram;
    this.kinds[cell] = HISTOGRAM;
  }

  histogramAt(cell: number): Histogram {
    return this.histograms?.[cell] as Histogram;
  }

  /** As they count in the query now: without the name where it was dropped, unless removal is delayed. */
  labelsOf(row: number): Labels {
    const raw = this.rawLabelsOf(row);
    if (!this.drops[row] || this.delayedDrop) return raw;
    const dropped = dropMetadata(raw);
    this.labelSets[row] = dropped;
    return dropped;
  }

  rawLabelsOf(row: number): Labels {
    const known = this.labelSets[row];
    if (known !== undefined) return known;
    const labels = this.source?.labels(this.sourceIndexes[row]) ?? Labels.EMPTY;
    this.labelSets[row] = labels;
    return labels;
  }

  /** The series that a row still is, as an index of the source; -1 where its labels are known. */
  sourceIndexOf(row: number): number {
    return this.source === null || this.labelSets[row] !== undefined ? -1 : this.sourceIndexes[row];
  }

  /** True where it is known that no two rows have the same labels without name, type and unit. */
  isDistinctWithoutName(): boolean {
    return this.isOfSource && (this.source?.isDistinctWithoutName?.() ?? false);
  }

  setLabels(row: number, labels: Labels): void {
    this.isOfSource = false;
    this.labelSets[row] = labels;
  }

  isDropped(row: number): boolean {
    return this.drops[row];
  }

  setDropped(row: number, dropped: boolean): void {
    this.drops[row] = dropped;
  }

  /** The labels as the query's answer has them. */
  finalLabelsOf(row: number): Labels {
    const raw = this.rawLabelsOf(row);
    return this.drops[row] ? dropMetadata(raw) : raw;
  }

  /** Of its arrays. */
  get bytes(): number {
    return BYTES_PER_CELL * this.values.length;
  }

  /** Cells of one row that hold a float. */
  countFloats(row: number): number {
    const { steps, kinds } = this;
    let count = 0;
    for (let i = row * steps; i < (row + 1) * steps; i++) if (kinds[i] === FLOAT) count++;
    return count;
  }

  /** Cells that hold something. */
  countPresent(): number {
    let count = 0;
    const end = this.rows * this.steps;
    const { kinds } = this;
    for (let i = 0; i < end; i++) if (kinds[i] !== ABSENT) count++;
    return count;
  }

  /** The same as `--query.max-samples` counts them. */
  countSamples(): number {
    let count = this.countPresent();
    if (this.histograms === null) return count;
    const end = this.rows * this.steps;
    for (let i = 0; i < end; i++) {
      if (this.kinds[i] === HISTOGRAM) count += histogramSamples(this.histogramAt(i)) - 1;
    }
    return count;
  }

  /** Appends row `from` of `cells`, whose source is this one's. */
  takeCells(cells: Matrix, from: number): void {
    const { steps } = this;
    const base = this.addSourceRow(cells.sourceIndexes[from]);
    for (let s = 0; s < steps; s++) {
      this.values[base + s] = cells.values[from * steps + s];
      this.kinds[base + s] = cells.kinds[from * steps + s];
    }
  }

  /** Copies the cells of row `from` of `other` behind each other into a new row with the same labels. */
  copyRow(other: Matrix, from: number): number {
    worked(this.steps + WORK_PER_ROW);
    const base = this.addRow(other.rawLabelsOf(from));
    this.drops[this.rows - 1] = other.drops[from];
    const start = from * other.steps;
    this.values.set(other.values.subarray(start, start + this.steps), base);
    this.kinds.set(other.kinds.subarray(start, start + this.steps), base);
    if (other.histograms !== null) {
      for (let s = 0; s < this.steps; s++) {
        if (other.kinds[start + s] === HISTOGRAM) this.setHistogram(base + s, other.histogramAt(start + s));
      }
    }
    return base;
  }
}
