import { functionSignatures } from "../promql/parse/function-signatures.js";
import { aggregatorSet } from "../promql/parse/token.js";
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

const OPERATORS: readonly string[] = [
  ...(["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", "<=", ">", ">=", "=~", "!~"] as const),
  ...(["and", "or", "unless", "@", "</", ">/"] as const),
];
const EXPERIMENTAL_AGGREGATORS: readonly string[] = ["limitk", "limit_ratio"];

/** Functions and operators of PromQL by name, and whether they may be used. */
export function wordsOf({ experimentalFunctions }: QueryLanguage): {
  readonly functions: Readonly<Record<string, boolean>>;
  readonly operators: Readonly<Record<string, boolean>>;
} {
  const operators = [...OPERATORS, ...aggregatorSet].map(
    (name) => [name, experimentalFunctions || !EXPERIMENTAL_AGGREGATORS.includes(name)] as const,
  );
  const functions = [...functionSignatures.values()].map(
    ({ name, experimental }) => [name, experimentalFunctions || !experimental] as const,
  );
  return { functions: Object.fromEntries(functions), operators: Object.fromEntries(operators) };
}
