/**
 * Rules and budgets, put where ingest threads find them (src/head/ingest-policy.ts). Runs on the main thread. What is
 * replaced stays until the caller knows that no request uses it any more, and says so by calling what was returned.
 */
import { assert } from "../base/assert.js";
import { RULE_SPELLING_BYTES_MAX } from "../base/limits.js";
import type { BudgetText } from "../head/ingest-policy.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { IngestRules } from "../model/ingest-rules.js";

export interface BudgetLimit extends BudgetText {
  /** Series that may be there; known ones are never refused. */
  readonly series: number;
}

export interface BudgetUse extends BudgetLimit {
  /** Series that are there. */
  readonly used: number;
}

/** Gives back the memory of what was replaced. */
export type Release = () => void;

interface Block {
  readonly at: number;
  readonly bytes: number;
  readonly textAt: number;
  readonly textBytes: number;
}

const NO_LIMIT = 0xffff_ffff;
/** From this share of their room on, spellings are forgotten all at once. */
const SPELLINGS_FULL = 0.9;
const NOTHING: Release = () => {};

export class Policies {
  private readonly kernel: Kernel;
  private rules: IngestRules | null = null;
  private rulesBlock: Block | null = null;
  private budgets: readonly BudgetLimit[] = [];
  private budgetsBlock: Block | null = null;
  private version = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** From the next request on these rules hold; null: none. `keepApproved`: the rules are the same as before. */
  setRules(rules: IngestRules | null, keepApproved = false): Release {
    const { kernel } = this;
    const before = this.rulesBlock;
    const block = rules === null ? null : this.makeRules(rules);
    // Series that leave and come under this lock take their approval back in one block only.
    kernel.exports.lockCreation();
    if (keepApproved && block !== null && before !== null) this.copyApproved(before, block);
    Atomics.store(kernel.u32(), (L.CTRL + L.C_RULES) >>> 2, block?.at ?? 0);
    kernel.exports.unlockCreation();
    this.rules = rules;
    this.rulesBlock = block;
    if (before === null) return NOTHING;
    return () => {
      const words = kernel.u32();
      const refs = words[(before.at + L.RULES_REFS) >>> 2];
      kernel.exports.freeSpellings(before.at);
      kernel.exports.free(words[(before.at + L.RULES_APPROVED) >>> 2], refs >>> 3);
      this.free(before);
    };
  }

  private makeRules(rules: IngestRules): Block {
    const { kernel } = this;
    const block = this.makeBlock(rules, L.RULES_BYTES);
    const refs = (kernel.u32()[(L.CTRL + L.C_SERIES_MAX) >>> 2] + 63) & ~63;
    const approved = this.alloc(refs >>> 3);
    kernel.u8().fill(0, approved, approved + (refs >>> 3));
    const words = kernel.u32();
    words[(block.at + L.RULES_APPROVED) >>> 2] = approved;
    words[(block.at + L.RULES_REFS) >>> 2] = refs;
    words[(block.at + L.RULES_USED) >>> 2] = 0;
    words[(block.at + L.RULES_SPELLING_BYTES) >>> 2] = 0;
    words[(block.at + L.RULES_SPELLING_BYTES_MAX) >>> 2] = RULE_SPELLING_BYTES_MAX;
    assert(kernel.exports.initRules(block.at) !== 0, "the heap has room for a table of spellings");
    return block;
  }

  private copyApproved(from: Block, to: Block): void {
    const words = this.kernel.u32();
    const bytes = words[(to.at + L.RULES_REFS) >>> 2] >>> 3;
    const known = words[(from.at + L.RULES_APPROVED) >>> 2];
    this.kernel.u8().copyWithin(words[(to.at + L.RULES_APPROVED) >>> 2], known, known + bytes);
  }

  /** Forgets spellings where they have filled their room; null: they have not. */
  renewRules(): Release | null {
    if (this.rulesBlock === null) return null;
    const used = this.kernel.u32()[(this.rulesBlock.at + L.RULES_SPELLING_BYTES) >>> 2];
    return used < SPELLINGS_FULL * RULE_SPELLING_BYTES_MAX ? null : this.setRules(this.rules, true);
  }

  get spellings(): number {
    return this.rulesBlock === null ? 0 : this.kernel.u32()[(this.rulesBlock.at + L.RULES_USED) >>> 2];
  }

  /**
   * Budgets in place of those before. A new one refuses nothing until `settleBudgets` tells how many series there were:
   * the caller counts those with a ref below `seriesEnd`; later ones are counted already.
   */
  setBudgets(budgets: readonly BudgetLimit[]): { readonly seriesEnd: number; readonly release: Release } {
    const { kernel } = this;
    const before = this.budgetsBlock;
    const texts = budgets.map(({ match, matchers }) => ({ match, matchers }));
    const block = budgets.length === 0 ? null : this.makeBlock(texts, L.BUDGET_ENTRIES + 8 * budgets.length);
    kernel.exports.lockCreation();
    const words = kernel.u32();
    budgets.forEach(({ match, series }, i) => {
      const known = this.budgets.findIndex((other) => other.match === match);
      const entry = block === null ? 0 : (block.at + L.BUDGET_ENTRIES + 8 * i) >>> 2;
      words[entry] = known < 0 ? 0 : (this.usedOf(known) ?? 0);
      words[entry + 1] = known < 0 ? NO_LIMIT : series;
    });
    Atomics.store(words, (L.CTRL + L.C_BUDGETS) >>> 2, block?.at ?? 0);
    const seriesEnd = kernel.seriesCount();
    this.budgets = budgets;
    this.budgetsBlock = block;
    // A series that another thread makes once the lock is given back is counted, and has a ref from seriesEnd on.
    this.usedAtSet = budgets.map((_, i) => this.usedOf(i) ?? 0);
    kernel.exports.unlockCreation();
    return { seriesEnd, release: before === null ? NOTHING : () => this.free(before) };
  }

  private usedAtSet: readonly number[] = [];

  /** `counts`: for each budget, the series below `seriesEnd` that match. */
  settleBudgets(counts: readonly number[]): void {
    const { kernel, budgetsBlock: block } = this;
    if (block === null) return;
    kernel.exports.lockCreation();
    const words = kernel.u32();
    this.budgets.forEach(({ series }, i) => {
      const entry = (block.at + L.BUDGET_ENTRIES + 8 * i) >>> 2;
      words[entry] = (counts[i] ?? 0) + words[entry] - (this.usedAtSet[i] ?? 0);
      words[entry + 1] = series;
    });
    kernel.exports.unlockCreation();
  }

  budgetUse(): BudgetUse[] {
    return this.budgets.map((budget, i) => ({ ...budget, used: this.usedOf(i) ?? 0 }));
  }

  private usedOf(index: number): number | undefined {
    const block = this.budgetsBlock;
    return block === null ? undefined : this.kernel.u32()[(block.at + L.BUDGET_ENTRIES + 8 * index) >>> 2];
  }

  /** A block of `bytes` that begins with its POLICY_* words, `content` as JSON among them. */
  private makeBlock(content: unknown, bytes: number): Block {
    const text = new TextEncoder().encode(JSON.stringify(content));
    const textAt = this.alloc(text.length);
    this.kernel.u8().set(text, textAt);
    const at = this.alloc(bytes);
    const words = this.kernel.u32();
    words[(at + L.POLICY_TEXT) >>> 2] = textAt;
    words[(at + L.POLICY_TEXT_LEN) >>> 2] = text.length;
    words[(at + L.POLICY_VERSION) >>> 2] = ++this.version;
    return { at, bytes, textAt, textBytes: text.length };
  }

  private alloc(bytes: number): number {
    const at = this.kernel.exports.alloc(bytes) >>> 0;
    assert(at !== 0, "the heap has room for rules and budgets");
    return at;
  }

  private free({ at, bytes, textAt, textBytes }: Block): void {
    this.kernel.exports.free(textAt, textBytes);
    this.kernel.exports.free(at, bytes);
    this.kernel.exports.settleLiveBytes();
  }
}
