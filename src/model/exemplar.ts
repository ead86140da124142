import type { Labels } from "./labels.js";

/** One observation that a sender singled out, usually with the trace it belongs to. */
export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  readonly timestampMs: number;
}
