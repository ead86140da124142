import type { Expr } from "../parse/ast.js";
import type { Frame } from "./frame.js";
import type { Matrix, RowVisit } from "./matrix.js";
import type { QueryState } from "./query-state.js";

/** What operators and functions see of the evaluator: the frame they work in and how to evaluate operands. */
export interface Scope {
  readonly state: QueryState;
  readonly frame: Frame;
  /** Evaluates an expression of type instant vector over all steps. */
  vector(expr: Expr): Matrix;
  /**
   * The same row by row: the matrix given to `visit` may hold one row at a time. `countsOnly`: of floats, only
   * whether a cell has one is wanted.
   */
  rows(expr: Expr, visit: RowVisit, countsOnly?: boolean): void;
  /** Evaluates an expression of type scalar: a value for each step. */
  scalar(expr: Expr): Float64Array;
  /** The same query in another frame. */
  within(frame: Frame): Scope;
}
