/**
 * What one ingest thread asks in the middle of a request: what the rules make of a label set (`judge`), and whether a
 * budget lets a new series in (`admit`). Rules and budgets lie as JSON in the shared memory, where the main thread
 * replaces them; a thread reads them again when it meets another block.
 */
import { EXPLODING_COUNTS_MS, EXPLODING_SERIES_MAX, REFUSED_SERIES_COUNTED_MAX } from "../base/limits.js";
import { type CompiledMatcher, compileMatchers, matchesLabels } from "../index/matcher.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel, KernelHooks } from "../kernel/kernel.js";
import { applyIngestRules, type IngestRules, type MergeWord, mergeBySuffix } from "../model/ingest-rules.js";
import { type Labels, METRIC_NAME } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { type LabelCount, LabelSketch } from "./exploding-labels.js";
import { decodeLabels, encodeKey, encodeLabels } from "./label-bytes.js";
import { MERGE_KINDS, type MergeKind, MergeTable, seriesName } from "./merge-table.js";

/** A budget as it stands in the shared memory. */
export interface BudgetText {
  /** As its owner wrote it. */
  readonly match: string;
  readonly matchers: readonly Matcher[];
}

interface Budget {
  readonly match: string;
  readonly matchers: readonly CompiledMatcher[];
  /** Words of {series, most}. */
  readonly entry: number;
  sketch: LabelSketch | null;
  sketchedMs: number;
}

interface Merging {
  readonly matchers: readonly CompiledMatcher[];
  readonly as: MergeWord;
}

/** A budget that refused series of a request. */
export interface ExceededBudget {
  readonly match: string;
  readonly series: number;
  readonly most: number;
  /** The label with the most values first. */
  readonly labels: readonly LabelCount[];
}

/** What a dry run would make. */
export interface DryRun {
  readonly newSeries: Labels[];
  /** By budget: new series that it would let in. */
  readonly admitted: number[];
}

/** A block of rules or budgets that was read. */
interface ReadBlock {
  readonly at: number;
  readonly version: number;
}

const NO_BLOCK: ReadBlock = { at: 0, version: 0 };
const JUDGED_SAME = 0;
const JUDGED_DROP = -1;
const CANON_BYTES_MAX: number = L.CANON_BYTES_MAX;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class IngestPolicy implements KernelHooks {
  /** Set while a dry run is under way. */
  dry: DryRun | null = null;
  readonly merges: MergeTable;
  private readonly kernel: Kernel;
  private readonly scratch: number;
  private rulesRead = NO_BLOCK;
  private rules: IngestRules | null = null;
  private merging: readonly Merging[] = [];
  private budgetsRead = NO_BLOCK;
  private budgets: readonly Budget[] = [];
  private refused: { readonly budget: Budget; readonly labels: Labels }[] = [];
  private exceeded = new Set<Budget>();

  constructor(kernel: Kernel, scratch: number, merges: SharedArrayBuffer) {
    this.kernel = kernel;
    this.scratch = scratch;
    this.merges = new MergeTable(merges);
  }

  /** To be called before each request. */
  begin(): void {
    if (this.refused.length > 0) this.refused = [];
    if (this.exceeded.size > 0) this.exceeded = new Set();
    const at = this.kernel.exports.beginRules() >>> 0;
    if (this.isAt(at, this.rulesRead)) return;
    this.rulesRead = this.blockAt(at);
    this.rules = at === 0 ? null : (this.readText(at) as IngestRules);
    this.merging = (this.rules?.merges ?? []).map(({ matchers, as }) => ({
      matchers: compileMatchers(matchers),
      as,
    }));
  }

  private blockAt(at: number): ReadBlock {
    return at === 0 ? NO_BLOCK : { at, version: this.kernel.u32()[(at + L.POLICY_VERSION) >>> 2] };
  }

  private isAt(at: number, read: ReadBlock): boolean {
    return at === read.at && (at === 0 || this.kernel.u32()[(at + L.POLICY_VERSION) >>> 2] === read.version);
  }

  private readText(block: number): unknown {
    const words = this.kernel.u32();
    const at = words[(block + L.POLICY_TEXT) >>> 2];
    const bytes = words[(block + L.POLICY_TEXT_LEN) >>> 2];
    return JSON.parse(decoder.decode(this.kernel.u8().slice(at, at + bytes)));
  }

  judge(scratch: number, length: number): number {
    if (this.rules === null) return JUDGED_SAME;
    const from = decodeLabels(this.kernel.u8(), scratch + L.R_CANON, length);
    const made = applyIngestRules(from, this.rules);
    if (made === null || made.labels.size === 0) return JUDGED_DROP;
    if (made.labels === from) return JUDGED_SAME;
    const why = this.wrongWith(made.labels);
    if (why !== 0) return -why;
    const bytes = encodeLabels(made.labels);
    if (bytes.length > CANON_BYTES_MAX) return -L.WHY_VALUE_LENGTH;
    const source = this.sourceOf(from, made.labels, made.templated);
    if (source < 0) return -L.WHY_SOURCES;
    this.kernel.u8().set(bytes, scratch + L.R_CLOSED);
    this.kernel.u32()[(scratch + L.R_SOURCE) >>> 2] = source;
    return bytes.length;
  }

  /** A rule's result is held to the limits that senders are held to. */
  private wrongWith(labels: Labels): number {
    const words = this.kernel.u32();
    const limit = (offset: number): number => words[(L.CTRL + offset) >>> 2];
    if (!labels.has(METRIC_NAME)) return L.WHY_NO_NAME;
    if (labels.size > limit(L.C_LABELS_MAX)) return L.WHY_LABELS_LIMIT;
    for (const [name, value] of labels) {
      if (encoder.encode(name).length > limit(L.C_NAME_MAX)) return L.WHY_NAME_LENGTH;
      if (encoder.encode(value).length > limit(L.C_VALUE_MAX)) return L.WHY_VALUE_LENGTH;
    }
    return 0;
  }

  /** Place of the source in the merge table plus one, 0: it is not merged, -1: the table is full. */
  private sourceOf(from: Labels, target: Labels, templated: boolean): number {
    const rule = this.merging.find(({ matchers }) => matchesLabels(matchers, target));
    const as = rule?.as ?? (templated ? mergeBySuffix(target) : "last");
    if (as === "last") return 0;
    if (this.dry !== null) return 0;
    const kind = MERGE_KINDS.indexOf(as as MergeKind);
    const source = seriesName(target, kind, from);
    const name = seriesName(target, kind);
    const index = this.merges.lock(() => this.merges.source(source, name, kind));
    return index < 0 ? -1 : index + 1;
  }

  admit(at: number, length: number): number {
    const block = Atomics.load(this.kernel.u32(), (L.CTRL + L.C_BUDGETS) >>> 2);
    if (!this.isAt(block, this.budgetsRead)) this.readBudgets(block);
    if (this.budgets.length === 0 && this.dry === null) return 0;
    const labels = decodeLabels(this.kernel.u8(), at, length);
    const words = this.kernel.u32();
    const matching: number[] = [];
    for (let i = 0; i < this.budgets.length; i++) {
      const budget = this.budgets[i] as Budget;
      if (!matchesLabels(budget.matchers, labels)) continue;
      const more = this.dry?.admitted[i] ?? 0;
      if (words[budget.entry] + more >= words[budget.entry + 1]) {
        this.exceeded.add(budget);
        if (this.refused.length < REFUSED_SERIES_COUNTED_MAX) this.refused.push({ budget, labels });
        return L.WHY_BUDGET;
      }
      matching.push(i);
    }
    for (const i of matching) {
      if (this.dry !== null) this.dry.admitted[i] = (this.dry.admitted[i] ?? 0) + 1;
      else words[(this.budgets[i] as Budget).entry]++;
    }
    this.dry?.newSeries.push(labels);
    return 0;
  }

  private readBudgets(block: number): void {
    this.budgetsRead = this.blockAt(block);
    const known = new Map(this.budgets.map((budget) => [budget.match, budget]));
    const texts = block === 0 ? [] : (this.readText(block) as BudgetText[]);
    this.budgets = texts.map(({ match, matchers }, i) => ({
      match,
      matchers: compileMatchers(matchers),
      entry: (block + L.BUDGET_ENTRIES + 8 * i) >>> 2,
      sketch: known.get(match)?.sketch ?? null,
      sketchedMs: known.get(match)?.sketchedMs ?? 0,
    }));
  }

  /** The budgets that refused series of the last request, with the labels that explode. Call behind `finish`. */
  exceededBudgets(nowMs: number): ExceededBudget[] {
    const words = this.kernel.u32();
    const list = [...this.exceeded];
    for (const budget of list) this.freshen(budget, nowMs);
    for (const { budget, labels } of this.refused) budget.sketch?.add(labels);
    return list.map((budget) => ({
      match: budget.match,
      series: words[budget.entry],
      most: words[budget.entry + 1],
      labels: budget.sketch?.ranking() ?? [],
    }));
  }

  /** Counts begin with the newest series of the budget, so that the first refusal knows what the last one does. */
  private freshen(budget: Budget, nowMs: number): void {
    if (budget.sketch !== null && nowMs - budget.sketchedMs < EXPLODING_COUNTS_MS) return;
    budget.sketch = new LabelSketch();
    budget.sketchedMs = nowMs;
    let left = EXPLODING_SERIES_MAX;
    let looks = 8 * EXPLODING_SERIES_MAX;
    for (const ref of this.newestRefs(budget)) {
      if (left === 0 || looks-- === 0) return;
      const labels = this.labels(ref);
      if (labels === null || !matchesLabels(budget.matchers, labels)) continue;
      budget.sketch.add(labels);
      left--;
    }
  }

  /** Refs that may belong to a budget, newest first: of the rarest label pair that it asks for, else of all. */
  private *newestRefs(budget: Budget): IterableIterator<number> {
    const { kernel, scratch } = this;
    const end = kernel.seriesCount();
    let rarest = 0;
    let count = L.R_CLOSED_MAX;
    for (const { name, accepted } of budget.matchers) {
      if (accepted?.length !== 1 || accepted[0] === "") continue;
      const key = encodeKey(name, accepted[0]);
      kernel.u8().set(key, scratch + L.R_CLOSED);
      const pair = kernel.exports.findKey(scratch + L.R_CLOSED, key.length) >>> 0;
      if (pair === 0) return;
      const series = Atomics.load(kernel.u32(), (pair + L.PAIR_COUNT) >>> 2);
      if (series < count) {
        count = series;
        rarest = pair;
      }
    }
    if (rarest === 0) {
      for (let ref = end - 1; ref >= 0; ref--) yield ref;
      return;
    }
    const found = kernel.exports.readPostings(rarest, end, scratch + L.R_CLOSED);
    for (let i = found - 1; i >= 0; i--) yield kernel.u32()[((scratch + L.R_CLOSED) >>> 2) + i];
  }

  private labels(ref: number): Labels | null {
    const words = this.kernel.u32();
    const series = this.kernel.seriesAt(ref) >>> 2;
    const bytes = words[series + (L.S_LABELS_LEN >>> 2)];
    return bytes === 0 ? null : decodeLabels(this.kernel.u8(), words[series + (L.S_LABELS >>> 2)], bytes);
  }
}
