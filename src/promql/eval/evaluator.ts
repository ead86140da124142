import { absent } from "../functions/absent.js";
import { scalarFunctions, vectorFunctions } from "../functions/instant-functions.js";
import { multiply } from "../histogram/arithmetic.js";
import { FloatHistogram } from "../histogram/float-histogram.js";
import type { AggregateExpr, BinaryExpr, CallExpr, Expr, UnaryExpr } from "../parse/ast.js";
import { typeOf } from "../parse/ast.js";
import { isSetOperator } from "../parse/token.js";
import { evalAggregate } from "./aggregate.js";
import { evalAggregateK } from "./aggregate-k.js";
import { arrayBytes, settleArrayBytes } from "./array-budget.js";
import { evalCountValues } from "./count-values.js";
import { dropNames, refuseDuplicates } from "./duplicates.js";
import type { Frame } from "./frame.js";
import { ABSENT, HISTOGRAM, Matrix, type RowVisit } from "./matrix.js";
import type { QueryState } from "./query-state.js";
import { evalRangeCall, rangeArgument } from "./range-call.js";
import { SampleStats } from "./sample-stats.js";
import type { Scope } from "./scope.js";
import { evalSelector } from "./selector.js";
import { evalSetOperator } from "./set-operators.js";
import { evalSmoothed } from "./smoothed.js";
import { evalVectorVector } from "./vector-match.js";
import { evalScalarScalar, evalVectorScalar } from "./vector-scalar.js";

/** Evaluates prepared expressions over the steps of one frame, a column for each series. */
export class Evaluator implements Scope {
  readonly state: QueryState;
  readonly frame: Frame;
  private readonly invariant: ReadonlySet<Expr>;

  constructor(state: QueryState, frame: Frame, invariant: ReadonlySet<Expr>) {
    this.state = state;
    this.frame = frame;
    this.invariant = invariant;
  }

  within(frame: Frame): Scope {
    return new Evaluator(this.state, frame, this.invariant);
  }

  vector(expr: Expr): Matrix {
    if (this.frame.count === 0) return new Matrix(0, 0);
    if (this.isOnce(expr)) return this.once(expr);
    const before = this.state.samples;
    const bytesBefore = arrayBytes();
    const matrix = this.evalVector(expr);
    settleArrayBytes(bytesBefore + matrix.bytes);
    // What the operands held is gone; the result stays.
    this.state.samples = before;
    this.state.hold(matrix.countSamples());
    return matrix;
  }

  /** Of a range query, even of one step: what is evaluated once, an instant query's, does without its warnings. */
  private isOnce(expr: Expr): boolean {
    return (this.frame.count > 1 || this.frame.ranges === true) && this.invariant.has(expr);
  }

  /** Evaluates an expression that does not change from step to step. */
  private once(expr: Expr): Matrix {
    const { startMs, stepMs, count } = this.frame;
    const one = this.counted(() => this.within({ startMs, stepMs, count: 1 }).vector(expr));
    const matrix = new Matrix(count, one.rows);
    matrix.oneName = one.oneName;
    matrix.delayedDrop = one.delayedDrop;
    for (let row = 0; row < one.rows; row++) {
      this.state.did(2 * count);
      const base = matrix.addRow(one.rawLabelsOf(row));
      matrix.setDropped(row, one.isDropped(row));
      this.state.hold(count - 1);
      if (one.kinds[row] === ABSENT) continue;
      matrix.values.fill(one.values[row], base, base + count);
      matrix.kinds.fill(one.kinds[row], base, base + count);
      if (one.kinds[row] !== HISTOGRAM) continue;
      for (let s = 0; s < count; s++) matrix.setHistogram(base + s, one.histogramAt(row));
    }
    return matrix;
  }

  /** Runs what is evaluated once for all steps; its samples count for each of them. */
  private counted<T>(evaluate: () => T): T {
    const { state } = this;
    const { stats } = state;
    if (stats === null) return evaluate();
    const once = new SampleStats(1);
    state.stats = once;
    const result = evaluate();
    stats.addInvariant(once);
    state.stats = stats;
    return result;
  }

  rows(expr: Expr, visit: RowVisit, countsOnly = false): void {
    if (this.frame.count === 0) return;
    if (!this.isOnce(expr)) {
      if (expr.kind === "vector" && !expr.smoothed) {
        evalSelector(this.state, this.frame, expr, visit, countsOnly ? "presence" : "value");
        return;
      }
      const selector = expr.kind === "call" ? rangeArgument(expr) : null;
      // One name: no two rows can be equal, which is all that has to be known about the other rows.
      if (expr.kind === "call" && selector?.kind === "matrix" && canStream(expr, selector.vector.name)) {
        evalRangeCall(this, expr, selector, visit);
        return;
      }
    }
    const matrix = this.vector(expr);
    for (let row = 0; row < matrix.rows; row++) visit(matrix, row, matrix.countFloats(row));
    this.state.release(matrix.countSamples());
  }

  scalar(expr: Expr): Float64Array {
    const { count } = this.frame;
    if (expr.kind === "number" || expr.kind === "call") this.state.hold(count);
    if (count > 1 && this.invariant.has(expr)) {
      const { startMs, stepMs } = this.frame;
      const [value] = this.counted(() => this.within({ startMs, stepMs, count: 1 }).scalar(expr));
      return new Float64Array(count).fill(value);
    }
    switch (expr.kind) {
      case "number":
        return new Float64Array(count).fill(expr.value);
      case "paren":
        return this.scalar(expr.expr);
      case "unary": {
        const values = this.scalar(expr.expr);
        if (expr.op === "-") for (let s = 0; s < count; s++) values[s] = -values[s];
        return values;
      }
      case "binary":
        return evalScalarScalar(this, expr);
      default:
        return scalarFunctions.get((expr as CallExpr).fn.name)?.(this, expr as CallExpr) as Float64Array;
    }
  }

  private evalVector(expr: Expr): Matrix {
    switch (expr.kind) {
      case "paren":
        return this.vector(expr.expr);
      case "vector":
        return expr.smoothed ? evalSmoothed(this, expr) : evalSelector(this.state, this.frame, expr);
      case "unary":
        return this.evalUnary(expr);
      case "binary":
        return this.evalBinary(expr);
      case "aggregate":
        return this.evalAggregation(expr);
      default:
        return this.evalCall(expr as CallExpr);
    }
  }

  private evalUnary(expr: UnaryExpr): Matrix {
    const matrix = this.vector(expr.expr);
    if (expr.op === "+") return matrix;
    const { values, kinds } = matrix;
    for (let i = 0; i < matrix.rows * matrix.steps; i++) {
      if (kinds[i] === HISTOGRAM)
        matrix.setHistogram(i, multiply(FloatHistogram.from(matrix.histogramAt(i)), -1));
      else values[i] = -values[i];
    }
    return dropNames(this.state, matrix);
  }

  private evalBinary(expr: BinaryExpr): Matrix {
    if (isSetOperator(expr.op)) return evalSetOperator(this, expr);
    if (typeOf(expr.left) === "scalar" || typeOf(expr.right) === "scalar") {
      return evalVectorScalar(this, expr);
    }
    return evalVectorVector(this, expr);
  }

  private evalAggregation(expr: AggregateExpr): Matrix {
    switch (expr.op) {
      case "topk":
      case "bottomk":
      case "limitk":
      case "limit_ratio":
        return evalAggregateK(this, expr);
      case "count_values":
        return evalCountValues(this, expr);
      default:
        return evalAggregate(this, expr);
    }
  }

  private evalCall(expr: CallExpr): Matrix {
    const selector = rangeArgument(expr);
    if (selector === null) {
      const fn = vectorFunctions.get(expr.fn.name);
      return (fn as NonNullable<typeof fn>)(this, expr);
    }
    if (expr.fn.name === "absent_over_time") {
      return absent(this, expr);
    }
    const matrix = evalRangeCall(this, expr, selector, null);
    if (!matrix.oneName && !this.state.delayedNameRemoval) refuseDuplicates(this.state, matrix);
    return matrix;
  }
}

function canStream(call: CallExpr, name: string): boolean {
  return call.fn.name !== "absent_over_time" && name !== "";
}
