import { compareUtf8, type Labels, METRIC_NAME } from "../../model/labels.js";
import type { BinaryExpr, VectorMatching } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { BinaryCells } from "./binary-cells.js";
import { keepLabels, showLabels, withLabel, withoutLabels } from "./label-builder.js";
import { ABSENT, dropMetadata, Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";
import { signaturesOf } from "./signatures.js";

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

const MULTIPLE = "multiple matches for labels:";

/** The "many" and the "one" side of a match: for group_right the sides change places. */
class Matcher {
  private readonly scope: Scope;
  private readonly expr: BinaryExpr;
  private readonly matching: VectorMatching;
  private readonly many: Matrix;
  private readonly one: Matrix;
  private readonly swapped: boolean;
  private readonly out: Matrix;
  private readonly cells: BinaryCells;
  /** By cell of `out`: a pair was evaluated here, whether or not its result was kept. */
  private matched = new Uint8Array(0);
  private readonly rowOf = new Map<string, number>();
  /** By row of `out`: the match group it belongs to. */
  private readonly groupOf: number[] = [];
  private readonly ignored: ReadonlySet<string>;
  private readonly fillOne: number | null;
  private readonly fillMany: number | null;

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
    this.cells = new BinaryCells(scope, expr, this.many, this.one, this.swapped, out);
    this.ignored = new Set([METRIC_NAME, ...matching.labels]);
  }

  run(): void {
    const { many, one } = this;
    const { leftIds, rightIds, count } = signaturesOf(many, one, this.matching);
    const manyRows = groupRows(leftIds, count);
    const oneRows = groupRows(rightIds, count);
    if (oneRows.some((rows) => rows.length > 1)) this.refuseDuplicates(rightIds, oneRows);
    for (let group = 0; group < count; group++) {
      this.scope.state.did((manyRows[group].length + oneRows[group].length) * many.steps);
      this.runGroup(group, manyRows[group], oneRows[group]);
    }
  }

  private runGroup(group: number, manyRows: readonly number[], oneRows: readonly number[]): void {
    const { steps } = this.many;
    const matchedSteps = this.fillMany === null ? null : new Uint8Array(steps);
    for (const row of manyRows) {
      for (const oneRow of oneRows) {
        this.runPair(group, row, oneRow, matchedSteps);
      }
      if (this.fillOne !== null) this.runFill(group, row, oneRows, matchedSteps);
    }
    if (this.fillMany === null || matchedSteps === null) return;
    for (const row of oneRows) this.runReverseFill(group, row, matchedSteps);
  }

  private outRow(group: number, labels: Labels): number {
    const key = labels.key;
    let row = this.rowOf.get(key);
    if (row === undefined) {
      this.out.addRow(labels);
      row = this.out.rows - 1;
      this.rowOf.set(key, row);
      this.groupOf[row] = group;
      this.out.setDropped(row, this.dropsName());
    }
    const cells = this.out.rows * this.out.steps;
    if (this.matched.length < cells) {
      const grown = new Uint8Array(Math.max(cells, 2 * this.matched.length));
      grown.set(this.matched);
      this.matched = grown;
    }
    return row;
  }

  private dropsName(): boolean {
    return this.expr.returnBool;
  }

  private runPair(group: number, manyRow: number, oneRow: number, matchedSteps: Uint8Array | null): void {
    const { many, one } = this;
    const labels = this.resultLabels(many.labelsOf(manyRow), one.labelsOf(oneRow));
    const row = this.outRow(group, labels);
    const fromMany = manyRow * many.steps;
    const fromOne = oneRow * one.steps;
    const base = row * many.steps;
    for (let s = 0; s < many.steps; s++) {
      if (many.kinds[fromMany + s] === ABSENT || one.kinds[fromOne + s] === ABSENT) continue;
      this.combine(group, row, base + s, fromMany + s, fromOne + s);
      if (matchedSteps !== null) matchedSteps[s] = 1;
    }
    this.markOneToOne(group, row);
  }

  /** One cell: refuses what two pairs would write into it. */
  private combine(group: number, row: number, cell: number, manyCell: number, oneCell: number): void {
    if (this.matched[cell] === 1) this.refuseSecond(group, row, cell);
    if (this.cells.combine(cell, manyCell, oneCell)) this.matched[cell] = 1;
  }

  private refuseSecond(group: number, row: number, cell: number): void {
    const { state } = this.scope;
    if (this.groupOf[row] !== group) {
      if (this.out.kinds[cell] === ABSENT) return;
      state.fail("vector cannot contain metrics with the same labelset");
    }
    if (this.matching.card === "one-to-one") {
      state.fail(`${MULTIPLE} many-to-one matching must be explicit (group_left/group_right)`);
    }
    state.fail(`${MULTIPLE} grouping labels must ensure unique matches`);
  }

  /** In one-to-one matching two rows of one group must not meet at a step even if their results differ. */
  private markOneToOne(group: number, row: number): void {
    if (this.matching.card !== "one-to-one") return;
    const { steps } = this.out;
    if (this.groupSteps.group !== group) {
      this.groupSteps = { group, rows: new Int32Array(steps).fill(-1) };
    }
    const { rows } = this.groupSteps;
    for (let s = 0; s < steps; s++) {
      if (this.matched[row * steps + s] !== 1) continue;
      if (rows[s] !== -1 && rows[s] !== row) this.refuseSecond(this.groupOf[row], row, row * steps + s);
      rows[s] = row;
    }
  }
  private groupSteps: { group: number; rows: Int32Array } = { group: -1, rows: new Int32Array(0) };

  private runFill(
    group: number,
    manyRow: number,
    oneRows: readonly number[],
    matchedSteps: Uint8Array | null,
  ): void {
    const { many, one } = this;
    const from = manyRow * many.steps;
    let row = -1;
    for (let s = 0; s < many.steps; s++) {
      if (many.kinds[from + s] === ABSENT) continue;
      if (oneRows.some((oneRow) => one.kinds[oneRow * one.steps + s] !== ABSENT)) continue;
      if (row < 0) {
        const labels = many.labelsOf(manyRow);
        row = this.outRow(group, this.resultLabels(labels, this.matchLabels(labels)));
      }
      const cell = row * many.steps + s;
      if (this.matched[cell] === 1) this.refuseSecond(group, row, cell);
      if (this.cells.combineFilled(cell, from + s, this.fillOne as number, true)) this.matched[cell] = 1;
      if (matchedSteps !== null) matchedSteps[s] = 1;
    }
    if (row >= 0) this.markOneToOne(group, row);
  }

  private runReverseFill(group: number, oneRow: number, matchedSteps: Uint8Array): void {
    const { one } = this;
    const from = oneRow * one.steps;
    let row = -1;
    for (let s = 0; s < one.steps; s++) {
      if (one.kinds[from + s] === ABSENT || matchedSteps[s] === 1) continue;
      if (row < 0) {
        const labels = one.labelsOf(oneRow);
        row = this.outRow(group, this.resultLabels(this.matchLabels(labels), labels));
      }
      const cell = row * one.steps + s;
      if (this.matched[cell] === 1) this.refuseSecond(group, row, cell);
      if (this.cells.combineFilled(cell, from + s, this.fillMany as number, false)) this.matched[cell] = 1;
    }
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

  /** Throws at the first step where two rows of the "one" side are in one group. */
  private refuseDuplicates(ids: Int32Array, oneRows: readonly (readonly number[])[]): void {
    const { one } = this;
    const suspects: number[] = [];
    for (let row = 0; row < one.rows; row++) if (oneRows[ids[row]].length > 1) suspects.push(row);
    const owners = new Map<number, number>();
    for (let s = 0; s < one.steps; s++) {
      owners.clear();
      this.scope.state.did(suspects.length);
      for (const row of suspects) {
        if (one.kinds[row * one.steps + s] === ABSENT) continue;
        const owner = owners.get(ids[row]);
        if (owner === undefined) owners.set(ids[row], row);
        else if (this.manySideHas(s)) this.failOfDuplicates(row, owner);
      }
    }
  }

  private failOfDuplicates(row: number, owner: number): never {
    const { one } = this;
    const pair = [showLabels(one.labelsOf(row)), showLabels(one.labelsOf(owner))].sort(compareUtf8);
    const group = showLabels(this.matchLabels(one.labelsOf(row)));
    const side = this.swapped ? "left" : "right";
    return this.scope.state.fail(
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
        `[${pair.join(", ")}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }
}

function groupRows(ids: Int32Array, count: number): number[][] {
  const rows: number[][] = Array.from({ length: count }, () => []);
  ids.forEach((id, row) => {
    rows[id].push(row);
  });
  return rows;
}
