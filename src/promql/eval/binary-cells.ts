import type { BinaryExpr } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { combineHistograms } from "./histogram-binary.js";
import { FLOAT, type Matrix } from "./matrix.js";
import type { StepNotes } from "./step-notes.js";
import { scalarOp } from "./vector-scalar.js";

/** Computes single cells of a vector-vector operation. */
export class BinaryCells {
  private readonly notes: StepNotes;
  private readonly expr: BinaryExpr;
  private readonly many: Matrix;
  private readonly one: Matrix;
  private readonly swapped: boolean;
  private readonly out: Matrix;
  private readonly comparison: boolean;
  private readonly trims: boolean;

  constructor(notes: StepNotes, expr: BinaryExpr, many: Matrix, one: Matrix, swapped: boolean, out: Matrix) {
    this.notes = notes;
    this.expr = expr;
    this.many = many;
    this.one = one;
    this.swapped = swapped;
    this.out = out;
    this.comparison = isComparison(expr.op);
    this.trims = expr.op === "</" || expr.op === ">/";
  }

  /** Writes many[manyCell] op one[oneCell]; false where the two kinds do not go together. */
  combine(cell: number, manyCell: number, oneCell: number): boolean {
    const { many, one } = this;
    if (many.kinds[manyCell] === FLOAT && one.kinds[oneCell] === FLOAT && !this.trims) {
      this.combineFloats(cell, many.values[manyCell], one.values[oneCell]);
      return true;
    }
    const a = many.kinds[manyCell] === FLOAT ? many.values[manyCell] : many.histogramAt(manyCell);
    const b = one.kinds[oneCell] === FLOAT ? one.values[oneCell] : one.histogramAt(oneCell);
    return this.combineAny(cell, a, b);
  }

  /** The same with a fill value on the side that is missing. */
  combineFilled(cell: number, from: number, fill: number, fillsOne: boolean): boolean {
    const side = fillsOne ? this.many : this.one;
    const value = side.kinds[from] === FLOAT ? side.values[from] : side.histogramAt(from);
    if (typeof value === "number" && !this.trims) {
      this.combineFloats(cell, fillsOne ? value : fill, fillsOne ? fill : value);
      return true;
    }
    return this.combineAny(cell, fillsOne ? value : fill, fillsOne ? fill : value);
  }

  private combineFloats(cell: number, many: number, one: number): void {
    const a = this.swapped ? one : many;
    const b = this.swapped ? many : one;
    const result = scalarOp(this.expr.op, a, b);
    if (!this.comparison || this.expr.returnBool) {
      this.out.values[cell] = result;
      this.out.kinds[cell] = FLOAT;
    } else if (result === 1) {
      this.out.values[cell] = a;
      this.out.kinds[cell] = FLOAT;
    }
  }

  private combineAny(
    cell: number,
    many: Parameters<typeof combineHistograms>[2],
    one: Parameters<typeof combineHistograms>[2],
  ): boolean {
    const [a, b] = this.swapped ? [one, many] : [many, one];
    const result = combineHistograms(this.notes, this.expr, a, b);
    if (result === null) return false;
    if (this.expr.returnBool) {
      this.out.values[cell] = result.keep ? 1 : 0;
      this.out.kinds[cell] = FLOAT;
    } else if (result.keep) {
      if (typeof result.value === "number") {
        this.out.values[cell] = result.value;
        this.out.kinds[cell] = FLOAT;
      } else {
        this.out.setHistogram(cell, result.value);
      }
    }
    return true;
  }
}
