import type { EvaluationOptions } from "../promql/query.js";

/** Which parts of PromQL the server speaks. */
export type QueryLanguage = Pick<
  EvaluationOptions,
  | "experimentalFunctions"
  | "durationExpressions"
  | "extendedSelectors"
  | "fillModifiers"
  | "delayedNameRemoval"
  | "typeAndUnitLabels"
  | "useStartTimestamps"
> & {
  /** `stats=all` counts samples by step, too. */
  readonly perStepStats: boolean;
};

/** `features`: values of `--enable-feature`, in Prometheus' names. What Prometheus has on by default is on. */
export function languageOf(features: readonly string[]): QueryLanguage {
  return {
    durationExpressions: true,
    experimentalFunctions: features.includes("promql-experimental-functions"),
    extendedSelectors: features.includes("promql-extended-range-selectors"),
    fillModifiers: features.includes("promql-binop-fill-modifiers"),
    delayedNameRemoval: features.includes("promql-delayed-name-removal"),
    typeAndUnitLabels: features.includes("type-and-unit-labels"),
    perStepStats: features.includes("promql-per-step-stats"),
    useStartTimestamps: features.includes("use-start-timestamps"),
  };
}
