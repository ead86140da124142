import { type Labels, METRIC_NAME } from "../../model/labels.js";
import type { BinaryExpr, VectorMatching } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { takeArrayBytes } from "./array-budget.js";
import { BinaryCells } from "./binary-cells.js";
import { keepLabels, showLabels, withLabel, withoutLabels } from "./label-builder.js";
import { ABSENT, dropMetadata, Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";
import { signaturesOf } from "./signatures.js";
import { StepNotes } from "./step-notes.js";

/** Arithmetic and comparison between two vectors, by match group. */
export function evalVectorVector(scope: Scope, expr: BinaryExpr): Matrix {
  const left = scope.vector(expr.left);
  const right = scope.vector(expr.right);
  const matching = expr.matching as VectorMatching;
  const fills = matching.fillLeft !== null || matching.fillRight !== null;
  const out = new Matrix(left.steps, Math.min(Math.max(left.rows, right.rows), 1024));
  out.delayedDrop = scope.state.delayedNameRemoval;
  if ((left.rows === 0 || right.rows === 0) && !fills) return out;
  new Matcher(scope, expr, matching, left, right, out).run();
  return out;
}

const WORK_PER_ROW = 200;
const NOT_MATCHED = -1;
const MULTIPLE = "multiple matches for labels:";
const MANY_TO_ONE = `${MULTIPLE} many-to-one matching must be explicit (group_left/group_right)`;

/** The "many" and the "one" side of a match: for group_right the sides change places. */
class Matcher {
  private readonly scope: Scope;
  private readonly expr: BinaryExpr;
  private readonly matching: VectorMatching;
  private readonly many: Matrix;
  private readonly one: Matrix;
  private readonly swapped: boolean;
  private readonly out: Matrix;
  private readonly notes: StepNotes;
  private readonly cells: BinaryCells;
  /** By cell of `out`: a pair was evaluated here, whether or not its result was kept. */
  private matched = new Uint8Array(0);
  private readonly rowOf = new Map<string, number>();
  /** By row of `out`: the match group it belongs to. */
  private readonly groupOf: number[] = [];
  private readonly ignored: ReadonlySet<string>;
  /** By step, for the group at hand: the row of the "one" side, and whether it was matched. */
  private readonly owner: Int32Array;
  private readonly taken: Uint8Array;
  private readonly fillOne: number | null;
  private readonly fillMany: number | null;
  /** Steps behind this one need no evaluation: `failure` came there. */
  private stepsEnd: number;
  private failure: string | null = null;

  constructor(
    scope: Scope,
    expr: BinaryExpr,
    matching: VectorMatching,
    left: Matrix,
    right: Matrix,
    out: Matrix,
  ) {
    this.scope = scope;
    this.expr = expr;
    this.matching = matching;
    this.swapped = matching.card === "one-to-many";
    this.many = this.swapped ? right : left;
    this.one = this.swapped ? left : right;
    // The fill values go with the sides as they are now, not as they were written.
    this.fillOne = matching.fillRight;
    this.fillMany = matching.fillLeft;
    this.out = out;
    this.stepsEnd = out.steps;
    this.notes = new StepNotes(out.steps);
    this.cells = new BinaryCells(this.notes, expr, this.many, this.one, this.swapped, out);
    this.ignored = new Set([METRIC_NAME, ...matching.labels]);
    this.owner = new Int32Array(out.steps);
    this.taken = new Uint8Array(out.steps);
  }

  run(): void {
    const { many, one } = this;
    const { leftIds, rightIds, count } = signaturesOf(this.scope.state, many, one, this.matching);
    const manyRows = new GroupedRows(leftIds, count);
    const oneRows = new GroupedRows(rightIds, count);
    if (oneRows.largest > 1) this.refuseDuplicates(rightIds, oneRows);
    for (let group = 0; group < count; group++) this.runGroup(group, manyRows.of(group), oneRows.of(group));
    if (this.failure !== null) this.scope.state.fail(this.failure);
    this.notes.report(this.scope.state.annotations, this.expr);
  }

  private runGroup(group: number, manyRows: Int32Array, oneRows: Int32Array): void {
    if (manyRows.length === 0 && this.fillMany === null) return;
    const { one, owner, taken } = this;
    owner.fill(-1);
    taken.fill(0);
    for (const row of oneRows) {
      const from = row * one.steps;
      for (let s = 0; s < one.steps; s++) if (one.kinds[from + s] !== ABSENT) owner[s] = row;
    }
    this.scope.state.did(oneRows.length * (one.steps + WORK_PER_ROW));
    for (const row of manyRows) {
      this.scope.state.did(10 * one.steps + WORK_PER_ROW);
      this.runRow(group, row);
    }
    if (this.fillMany !== null) for (const row of oneRows) this.runReverseFill(group, row);
  }

  /** Prometheus goes step by step: of several failures that of the earliest step counts. */
  private failAt(step: number, message: string): void {
    if (step >= this.stepsEnd) return;
    this.stepsEnd = step;
    this.failure = message;
  }

  private outRow(group: number, labels: Labels): number {
    const key = labels.key;
    let row = this.rowOf.get(key);
    if (row === undefined) {
      this.out.addRow(labels);
      row = this.out.rows - 1;
      this.rowOf.set(key, row);
      this.groupOf[row] = group;
      this.out.setDropped(row, this.expr.returnBool);
    }
    const cells = this.out.rows * this.out.steps;
    if (this.matched.length < cells) {
      const length = Math.max(cells, 2 * this.matched.length);
      takeArrayBytes(length - this.matched.length);
      const grown = new Uint8Array(length);
      grown.set(this.matched);
      this.matched = grown;
    }
    return row;
  }

  /** Matches one row of the "many" side with the row that the "one" side has at each step, or its fill value. */
  private runRow(group: number, manyRow: number): void {
    const { many, one, owner, fillOne } = this;
    const { steps } = many;
    const from = manyRow * steps;
    let matchedRow = -2;
    let row = -1;
    for (let s = 0; s < this.stepsEnd; s++) {
      const oneRow = owner[s];
      if (many.kinds[from + s] === ABSENT || (oneRow < 0 && fillOne === null)) continue;
      if (oneRow !== matchedRow) {
        const labels = many.labelsOf(manyRow);
        const other = oneRow < 0 ? this.matchLabels(labels) : one.labelsOf(oneRow);
        row = this.outRow(group, this.resultLabels(labels, other));
        matchedRow = oneRow;
      }
      const cell = row * steps + s;
      this.notes.at(s, manyRow);
      const before = this.clearMatched(cell);
      const combined =
        oneRow < 0
          ? this.cells.combineFilled(cell, from + s, fillOne as number, true)
          : this.cells.combine(cell, from + s, oneRow * steps + s);
      if (before !== NOT_MATCHED) this.settleSecond(before, combined, group, row, s);
      else if (combined) this.mark(s, cell);
    }
  }

  /** The rows of the "one" side that nothing matched, with the fill value of the other side. */
  private runReverseFill(group: number, oneRow: number): void {
    const { one } = this;
    const from = oneRow * one.steps;
    let row = -1;
    for (let s = 0; s < this.stepsEnd; s++) {
      if (one.kinds[from + s] === ABSENT || this.taken[s] === 1) continue;
      if (row < 0) {
        const labels = one.labelsOf(oneRow);
        row = this.outRow(group, this.resultLabels(this.matchLabels(labels), labels));
      }
      const cell = row * one.steps + s;
      this.notes.at(s, this.many.rows + oneRow);
      const before = this.clearMatched(cell);
      const combined = this.cells.combineFilled(cell, from + s, this.fillMany as number, false);
      if (before !== NOT_MATCHED) this.settleSecond(before, combined, group, row, s);
      else if (combined) this.matched[cell] = 1;
    }
  }

  private mark(step: number, cell: number): void {
    this.matched[cell] = 1;
    if (this.taken[step] === 1 && this.matching.card === "one-to-one") this.failAt(step, MANY_TO_ONE);
    this.taken[step] = 1;
  }

  /** What a pair left in a cell, which is cleared for a second one; NOT_MATCHED where there was no pair yet. */
  private clearMatched(cell: number): number {
    if (this.matched[cell] !== 1) return NOT_MATCHED;
    const kind = this.out.kinds[cell];
    this.out.kinds[cell] = ABSENT;
    return kind;
  }

  /** A second pair for a cell where the first one left `before`: fails where both count. */
  private settleSecond(before: number, combined: boolean, group: number, row: number, step: number): void {
    const cell = row * this.out.steps + step;
    const { kinds } = this.out;
    const written = kinds[cell] !== ABSENT;
    if (!written) kinds[cell] = before;
    if (!combined) return;
    if (this.groupOf[row] !== group) {
      if (before === ABSENT || !written) return;
      this.failAt(step, "vector cannot contain metrics with the same labelset");
    } else if (this.matching.card === "one-to-one") this.failAt(step, MANY_TO_ONE);
    else this.failAt(step, `${MULTIPLE} grouping labels must ensure unique matches`);
  }

  /** The labels that a group matches on. */
  private matchLabels(labels: Labels): Labels {
    return this.matching.on ? keepLabels(labels, this.matching.labels) : withoutLabels(labels, this.ignored);
  }

  private resultLabels(many: Labels, one: Labels): Labels {
    const { matching, expr } = this;
    const filters = isComparison(expr.op) || expr.op === "</" || expr.op === ">/";
    const drops = !filters || (expr.returnBool && !this.scope.state.delayedNameRemoval);
    let labels = drops ? dropMetadata(many) : many;
    if (matching.card === "one-to-one") {
      labels = matching.on
        ? keepLabels(labels, matching.labels)
        : withoutLabels(labels, new Set(matching.labels));
    }
    for (const name of matching.include) labels = withLabel(labels, name, one.get(name));
    return labels;
  }

  /** Where the other side is empty nothing is matched, and duplicates do no harm. */
  private manySideHas(step: number): boolean {
    const { many } = this;
    if (this.fillOne !== null || this.fillMany !== null) return true;
    for (let row = 0; row < many.rows; row++) if (many.kinds[row * many.steps + step] !== ABSENT) return true;
    return false;
  }

  /** Fails at the first step where two rows of the "one" side are in one group. */
  private refuseDuplicates(ids: Int32Array, oneRows: GroupedRows): void {
    const { one } = this;
    const suspects: number[] = [];
    for (let row = 0; row < one.rows; row++) if (oneRows.of(ids[row]).length > 1) suspects.push(row);
    const owners = new Map<number, number>();
    for (let s = 0; s < one.steps; s++) {
      owners.clear();
      this.scope.state.did(suspects.length);
      for (const row of suspects) {
        if (one.kinds[row * one.steps + s] === ABSENT) continue;
        const owner = owners.get(ids[row]);
        if (owner === undefined) owners.set(ids[row], row);
        else if (this.manySideHas(s)) return this.failAt(s, this.duplicates(row, owner));
      }
    }
  }

  private duplicates(row: number, owner: number): string {
    const { one } = this;
    // The one that was met later comes first.
    const pair = [showLabels(one.labelsOf(row)), showLabels(one.labelsOf(owner))];
    const group = showLabels(this.matchLabels(one.labelsOf(row)));
    const side = this.swapped ? "left" : "right";
    return (
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
      `[${pair.join(", ")}];many-to-many matching not allowed: matching labels must be unique on one side`
    );
  }
}

/** The rows of each match group, one group behind the other: no object for a group. */
class GroupedRows {
  /** Rows of the largest group. */
  readonly largest: number;
  private readonly starts: Int32Array;
  private readonly rows: Int32Array;

  constructor(ids: Int32Array, count: number) {
    const starts = new Int32Array(count + 1);
    for (const id of ids) starts[id + 1]++;
    let largest = 0;
    for (let group = 0; group < count; group++) {
      largest = Math.max(largest, starts[group + 1]);
      starts[group + 1] += starts[group];
    }
    const next = starts.slice(0, count);
    const rows = new Int32Array(ids.length);
    for (let row = 0; row < ids.length; row++) rows[next[ids[row]]++] = row;
    this.largest = largest;
    this.starts = starts;
    this.rows = rows;
  }

  /** In their order. */
  of(group: number): Int32Array {
    return this.rows.subarray(this.starts[group], this.starts[group + 1]);
  }
}
