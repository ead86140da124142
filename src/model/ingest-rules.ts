/** What becomes of label sets on their way in: URL templates, then relabelling, and what is done with series that become one. */
import { Labels, METRIC_NAME } from "./labels.js";
import type { Matcher } from "./matcher.js";
import { type RelabelRule, relabel } from "./relabel.js";
import { templateUrl } from "./url-template.js";

/** `last`: samples are appended as any sender's; of two at one time the first stays. The others: src/head/merge-table.ts. */
export const MERGE_WORDS = ["last", "counter", "sum", "max", "min"] as const;
export type MergeWord = (typeof MERGE_WORDS)[number];

export interface MergeRule {
  readonly matchers: readonly Matcher[];
  readonly as: MergeWord;
}

/** Plain data: it crosses threads. */
export interface IngestRules {
  /** Labels whose values are URLs. */
  readonly urlLabels: readonly string[];
  readonly rules: readonly RelabelRule[];
  /** The first that matches the resulting label set decides. */
  readonly merges: readonly MergeRule[];
}

export interface RuledLabels {
  readonly labels: Labels;
  /** A URL was templated. */
  readonly templated: boolean;
}

/** What the rules make of `labels`; null: dropped. */
export function applyIngestRules(labels: Labels, rules: IngestRules): RuledLabels | null {
  const templated = templateLabels(labels, rules.urlLabels);
  const made = relabel(templated, rules.rules);
  return made === null ? null : { labels: made, templated: templated !== labels };
}

function templateLabels(labels: Labels, names: readonly string[]): Labels {
  if (!names.some((name) => labels.has(name) && templateUrl(labels.get(name)) !== labels.get(name)))
    return labels;
  const pairs = [...labels.pairs];
  for (let i = 0; i < pairs.length; i += 2) {
    if (names.includes(pairs[i] as string)) pairs[i + 1] = templateUrl(pairs[i + 1] as string);
  }
  return new Labels(pairs);
}

/** How series that a URL template made one are merged where no rule says so: by the suffix of the metric name. */
export function mergeBySuffix(labels: Labels): MergeWord {
  const name = labels.get(METRIC_NAME);
  if (/_(?:total|count|sum|bucket)$/.test(name)) return "counter";
  return name.endsWith("_min") ? "min" : "max";
}
