/** What a write request would do, without doing it: the answer of `POST /api/v1/write?dry_run=1`. */
import { DRY_RUN_SERIES_MAX } from "../base/limits.js";
import type { HeadWriter, Refusal } from "../head/head-writer.js";
import type { ExceededBudget } from "../head/ingest-policy.js";
import { encodeKey } from "../head/label-bytes.js";
import { REASON_TEXTS } from "../head/reasons.js";
import * as L from "../kernel/assembly/layout.js";
import { type Labels, METRIC_NAME } from "../model/labels.js";
import { decodeHistogram } from "../wire/remote-write-histogram.js";
import { budgetTexts, refusalMessage } from "./outcome.js";

const EXAMPLES_MAX = 3;
const METRICS_MAX = 100;

export interface NewLabel {
  readonly label: string;
  /** Distinct values among the new series, and those of them that no series had before. */
  readonly values: number;
  readonly newValues: number;
}

export interface NewSeries {
  readonly metric: string;
  readonly series: number;
  /** The label that makes them new. */
  readonly explodingLabel: string;
  readonly labels: readonly NewLabel[];
  readonly examples: readonly string[];
}

export interface DryRunAnswer {
  /** What the request would be answered with. */
  readonly status: number;
  readonly message: string;
  readonly samples: number;
  readonly histograms: number;
  /** Of the samples, those that are there already. */
  readonly duplicates: number;
  /** Dropped by relabelling rules. */
  readonly dropped: number;
  readonly knownSeries: number;
  readonly newSeries: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly refusals: readonly Refusal[];
  readonly budgets: readonly ExceededBudget[];
  /** By metric name, the most new series first. */
  readonly metrics: readonly NewSeries[];
}

/** Describes what `writer.probe` found; call it once, behind that. */
export function describeProbe(writer: HeadWriter, nowMs: number): DryRunAnswer {
  const made = writer.policy.dry?.newSeries ?? [];
  const { known, histograms } = readRequest(writer);
  const budgets = writer.policy.exceededBudgets(nowMs);
  writer.policy.dry = null;
  const reasons = Array.from({ length: L.WHY_COUNT }, (_, why) => writer.result(L.RES_REASONS + 4 * why));
  const refused = writer.result(L.RES_REFUSED);
  const texts = budgetTexts(budgets);
  const refusals = writer.refusals(texts);
  const samples = writer.result(L.RES_SAMPLES);
  const fresh = new Map(made.map((labels) => [labels.key, labels]));
  return {
    status: refused === 0 ? 204 : 400,
    message:
      refused === 0
        ? ""
        : refusalMessage(reasons, texts, refused, samples + histograms + refused, refusals[0]),
    samples,
    histograms,
    duplicates: writer.result(L.RES_DUPLICATES),
    dropped: writer.result(L.RES_DROPPED),
    knownSeries: known,
    newSeries: fresh.size,
    refused: Object.fromEntries(
      reasons.flatMap((count, why) => (count === 0 ? [] : [[REASON_TEXTS[why] ?? `reason ${why}`, count]])),
    ),
    refusals,
    budgets,
    metrics: byMetric(writer, [...fresh.values()].slice(0, DRY_RUN_SERIES_MAX)),
  };
}

/** Series of the request that are there, and its histograms; those that are none are refused. */
function readRequest(writer: HeadWriter): { known: number; histograms: number } {
  const refs = new Set<number>();
  const words = writer.kernel.u32();
  const column = (writer.scratch + L.R_REF) >>> 2;
  const total = writer.result(L.RES_TOTAL);
  for (let i = 0; i < total; i++) refs.add(words[column + i]);
  let histograms = 0;
  writer.eachCold((kind, ref, at, length) => {
    if (kind !== L.COLD_HISTOGRAM) return;
    refs.add(ref);
    const decoded = decodeHistogram(writer.kernel.u8(), at, at + length);
    if (typeof decoded === "string") writer.refuse(L.WHY_HISTOGRAM, ref < L.WOULD_BE_NEW ? ref : L.NONE, 0);
    else histograms++;
  });
  for (const ref of [L.NONE, L.WOULD_BE_NEW, L.DROPPED]) refs.delete(ref);
  return { known: refs.size, histograms };
}

function byMetric(writer: HeadWriter, fresh: readonly Labels[]): NewSeries[] {
  const groups = new Map<string, Labels[]>();
  for (const labels of fresh) {
    const metric = labels.get(METRIC_NAME);
    const group = groups.get(metric);
    if (group === undefined) groups.set(metric, [labels]);
    else group.push(labels);
  }
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, METRICS_MAX)
    .map(([metric, group]) => {
      const labels = countLabels(writer, group);
      return {
        metric,
        series: group.length,
        explodingLabel: labels[0]?.label ?? "",
        labels,
        examples: group.slice(0, EXAMPLES_MAX).map(String),
      };
    });
}

/** The label with the most values that nobody had before comes first, then that with the most values. */
function countLabels(writer: HeadWriter, group: readonly Labels[]): NewLabel[] {
  const values = new Map<string, Set<string>>();
  for (const labels of group) {
    for (const [name, value] of labels) {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  return [...values]
    .map(([label, distinct]) => ({
      label,
      values: distinct.size,
      newValues: [...distinct].filter((value) => !isKnown(writer, label, value)).length,
    }))
    .sort((a, b) => b.newValues - a.newValues || b.values - a.values || (a.label < b.label ? 1 : -1));
}

function isKnown({ kernel, scratch }: HeadWriter, name: string, value: string): boolean {
  const key = encodeKey(name, value);
  kernel.u8().set(key, scratch + L.R_CLOSED);
  return kernel.exports.findKey(scratch + L.R_CLOSED, key.length) !== 0;
}
