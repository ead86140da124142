import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { AggregateExpr } from "../parse/ast.js";
import { keepLabels, withoutLabels } from "./label-builder.js";
import type { Matrix } from "./matrix.js";
import { keyOn, keyWithout } from "./signatures.js";

/** Numbers the groups of an aggregation as their first row comes. */
export class Grouping {
  /** By group. */
  readonly labels: Labels[] = [];
  private readonly names: readonly string[];
  private readonly without: boolean;
  private readonly excluded: ReadonlySet<string>;
  private readonly ids = new Map<string, number>();

  constructor(expr: AggregateExpr) {
    this.names = [...new Set(expr.grouping)].sort();
    this.without = expr.without;
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
    return this.groupOfLabels(matrix.labelsOf(row));
  }

  groupOfLabels(labels: Labels): number {
    const key = this.without ? keyWithout(labels, this.excluded) : keyOn(labels, this.names);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.labels.length;
    this.ids.set(key, id);
    this.labels.push(this.without ? withoutLabels(labels, this.excluded) : keepLabels(labels, this.names));
    return id;
  }
}
