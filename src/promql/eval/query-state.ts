import { RefusalError } from "../../base/errors.js";
import type { Queryable, QueryControl } from "../../storage/queryable.js";
import { Annotations } from "./annotations.js";
import { openArrayBudget, TOO_MANY_SAMPLES } from "./array-budget.js";
import {
  type EvaluationOptions,
  LOOKBACK_DELTA_MS_DEFAULT,
  SAMPLES_MAX_DEFAULT,
  SUBQUERY_INTERVAL_MS_DEFAULT,
} from "./options.js";
import type { SampleStats } from "./sample-stats.js";

const NO_CONTROL: QueryControl = { checkpoint: () => {} };
/** Units of work (about a sample each) between two looks at the control, as often as in `base/patience.ts`. */
const WORK_PER_CHECKPOINT = 20_000;
/** About what it costs to decode a label set and look it up. */
export const WORK_PER_KEY = 200;

/** What the evaluation of one query shares over all its nodes and frames. */
export class QueryState {
  readonly queryable: Queryable;
  readonly annotations: Annotations = new Annotations();
  readonly lookbackMs: number;
  readonly samplesMax: number;
  readonly subqueryIntervalMs: number;
  readonly delayedNameRemoval: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly useStartTimestamps: boolean;
  /** Samples that live now. */
  samples = 0;
  /** The most that ever lived at one time. */
  samplesPeak = 0;
  /** Samples that came from storage. */
  samplesRead = 0;
  /** Of the frame at hand; null where nobody asked. */
  stats: SampleStats | null = null;
  private readonly control: QueryControl;
  private work = 0;

  constructor(queryable: Queryable, options: EvaluationOptions) {
    openArrayBudget();
    this.queryable = queryable;
    this.lookbackMs = options.lookbackDeltaMs ?? LOOKBACK_DELTA_MS_DEFAULT;
    this.samplesMax = options.maxSamples ?? SAMPLES_MAX_DEFAULT;
    this.subqueryIntervalMs = options.noStepSubqueryIntervalMs ?? SUBQUERY_INTERVAL_MS_DEFAULT;
    this.delayedNameRemoval = options.delayedNameRemoval ?? false;
    this.typeAndUnitLabels = options.typeAndUnitLabels ?? false;
    this.useStartTimestamps = options.useStartTimestamps ?? false;
    this.control = options.control ?? NO_CONTROL;
  }

  /** Counts samples that came to life. Throws RefusalError("execution") over the limit. */
  hold(count: number): void {
    this.samples += count;
    if (this.samples > this.samplesPeak) this.samplesPeak = this.samples;
    if (this.samples > this.samplesMax) {
      throw new RefusalError("execution", TOO_MANY_SAMPLES);
    }
  }

  release(count: number): void {
    this.samples -= count;
  }

  /** Counts work done; now and then asks whether anybody still waits. */
  did(work: number): void {
    this.work += work;
    if (this.work < WORK_PER_CHECKPOINT) return;
    this.work = 0;
    this.control.checkpoint(this.samplesRead);
  }

  fail(message: string): never {
    throw new RefusalError("execution", message);
  }
}
