import type { QueryControl } from "../../storage/queryable.js";
import type { ParserOptions } from "../parse/modifiers.js";

/** How a query is evaluated. Everything has Prometheus' default. */
export interface EvaluationOptions extends ParserOptions {
  /** How old the newest sample of a series may be; default 5 minutes. */
  readonly lookbackDeltaMs?: number;
  /** Samples in memory at one time; default 50,000,000. */
  readonly maxSamples?: number;
  readonly control?: QueryControl;
  /** Count samples by step, for `stats` of the answer. */
  readonly countSamples?: boolean;
  /** `promql-delayed-name-removal` */
  readonly delayedNameRemoval?: boolean;
  /** `type-and-unit-labels` */
  readonly typeAndUnitLabels?: boolean;
  /** `use-start-timestamps` */
  readonly useStartTimestamps?: boolean;
  /** Step of subqueries that name none, in milliseconds; default one minute. */
  readonly noStepSubqueryIntervalMs?: number;
}

export const LOOKBACK_DELTA_MS_DEFAULT = 300_000;
export const SAMPLES_MAX_DEFAULT = 50_000_000;
export const SUBQUERY_INTERVAL_MS_DEFAULT = 60_000;
