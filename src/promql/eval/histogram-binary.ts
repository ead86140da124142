import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";
import type { BinaryExpr } from "../parse/ast.js";
import type { Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

export interface CombinedCell {
  readonly value: number | Histogram;
  /** False where a comparison filters the result out. */
  readonly keep: boolean;
}

/** One cell of an operation with a histogram on either side; null where the operation gives nothing. */
export function combineHistograms(
  _scope: Scope,
  _expr: BinaryExpr,
  _left: number | Histogram,
  _right: number | Histogram,
): CombinedCell | null {
  throw new RefusalError("unsupported", "operators on native histograms are not supported yet");
}

export function histogramWithScalar(
  _scope: Scope,
  _matrix: Matrix,
  _scalars: Float64Array,
  _expr: BinaryExpr,
  _scalarLeft: boolean,
): void {
  throw new RefusalError("unsupported", "operators on native histograms are not supported yet");
}
