import type { Histogram } from "../../model/histogram.js";
import { ResetHint } from "../../model/histogram.js";
import { FloatHistogram } from "../histogram/float-histogram.js";
import type { SubqueryExpr } from "../parse/ast.js";
import { type Frame, frameEnd, frameOf } from "./frame.js";
import type { Matrix } from "./matrix.js";
import { SampleStats } from "./sample-stats.js";
import type { Scope } from "./scope.js";

/** The times at which a subquery evaluates its expression: multiples of its step inside all its windows. */
export function subqueryFrame(scope: Scope, subquery: SubqueryExpr): Frame {
  const { frame, state } = scope;
  const first = (subquery.atMs ?? frame.startMs) - subquery.offsetMs;
  const last = (subquery.atMs ?? frameEnd(frame)) - subquery.offsetMs;
  const stepMs = subquery.stepMs > 0 ? subquery.stepMs : state.subqueryIntervalMs;
  const from = first - subquery.rangeMs;
  let startMs = stepMs * Math.trunc(from / stepMs);
  if (startMs <= from) startMs += stepMs;
  return frameOf(startMs, last, stepMs);
}

/**
 * Evaluates the expression of a subquery at all the times its windows need. What that read counts for the steps
 * whose windows it is in; its samples are counted where they are used.
 */
export function evalSubquery(scope: Scope, subquery: SubqueryExpr): Matrix {
  const { state } = scope;
  const frame = subqueryFrame(scope, subquery);
  state.hold(frame.count);
  state.release(frame.count);
  const outer = state.stats;
  if (outer === null) return scope.within(frame).vector(subquery.expr);
  const inner = new SampleStats(frame.count);
  state.stats = inner;
  const matrix = scope.within(frame).vector(subquery.expr);
  state.stats = outer;
  const times = { startMs: frame.startMs + subquery.offsetMs, stepMs: frame.stepMs };
  outer.addSubquery(inner, times, scope.frame, subquery.rangeMs);
  return matrix;
}

/** A subquery may skip samples or show one twice: what a hint says about the sample before is void. */
export function withoutHint(histogram: Histogram): Histogram {
  const { resetHint } = histogram;
  if (resetHint !== ResetHint.RESET && resetHint !== ResetHint.NO_RESET) return histogram;
  const copy = FloatHistogram.from(histogram);
  copy.resetHint = ResetHint.UNKNOWN;
  return copy;
}
