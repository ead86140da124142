import { worked } from "../../base/patience.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { SeriesSet } from "../../storage/queryable.js";
import type { AggregateExpr } from "../parse/ast.js";
import { keepLabels, withoutLabels } from "./label-builder.js";
import { type Matrix, METADATA_LABELS } from "./matrix.js";
import { WORK_PER_KEY } from "./query-state.js";
import { keyOn, keyWithout } from "./signatures.js";

/** Numbers the groups of an aggregation as their first row comes. */
export class Grouping {
  /** By group. */
  readonly labels: Labels[] = [];
  private readonly names: readonly string[];
  private readonly without: boolean;
  /** Names that a function may have dropped are not those of the source any more. */
  private readonly byNumber: boolean;
  private readonly excluded: ReadonlySet<string>;
  private readonly ids = new Map<string, number>();
  /** Numbers for the values of `names` of the series of `numbered`, and the groups of those met so far. */
  private numbered: SeriesSet | null = null;
  private numbers: Uint32Array | null = null;
  private readonly idOfNumber = new Map<number, number>();

  constructor(expr: AggregateExpr) {
    this.names = [...new Set(expr.grouping)].sort();
    this.without = expr.without;
    this.byNumber = !this.without && !this.names.some((name) => METADATA_LABELS.has(name));
    this.excluded = new Set([METRIC_NAME, ...expr.grouping]);
  }

  get count(): number {
    return this.labels.length;
  }

  /** The group of a row. `excluded` holds the name too: it never tells groups apart under `without`. */
  groupOf(matrix: Matrix, row: number): number {
    if (!this.without && this.names.length === 0) {
      if (this.labels.length === 0) this.labels.push(Labels.EMPTY);
      return 0;
    }
    const number = this.byNumber ? this.numberOf(matrix, row) : -1;
    if (number < 0) return this.groupOfLabels(matrix.labelsOf(row));
    const known = this.idOfNumber.get(number);
    if (known !== undefined) return known;
    const id = this.groupOfLabels(matrix.labelsOf(row));
    this.idOfNumber.set(number, id);
    return id;
  }

  /** The number that the row's source has for its values of `names`; -1 where it has none. */
  private numberOf(matrix: Matrix, row: number): number {
    const { source } = matrix;
    if (source !== this.numbered) {
      this.numbered = source;
      this.numbers = source?.groupBy?.(this.names) ?? null;
      this.idOfNumber.clear();
    }
    if (this.numbers === null) return -1;
    const index = matrix.sourceIndexOf(row);
    return index < 0 ? -1 : this.numbers[index];
  }

  groupOfLabels(labels: Labels): number {
    worked(WORK_PER_KEY);
    const key = this.without ? keyWithout(labels, this.excluded) : keyOn(labels, this.names);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.labels.length;
    this.ids.set(key, id);
    this.labels.push(this.without ? withoutLabels(labels, this.excluded) : keepLabels(labels, this.names));
    return id;
  }
}
