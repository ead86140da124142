/** Rules and budgets of a running server: made to hold, kept in step with the head, and given back when replaced. */

import { Cancellation } from "../base/cancellation.js";
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { Logger } from "../base/log.js";
import type { Database } from "../db/database.js";
import { Policies } from "../db/policies.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { IngestRules } from "../model/ingest-rules.js";
import type { Matcher } from "../model/matcher.js";
import { Budgets, type BudgetText } from "./budgets.js";
import type { CardinalityContext } from "./cardinality-answers.js";
import type { QueryRequest } from "./contract.js";
import type { IngestPool } from "./ingest-pool.js";
import type { QueryPool } from "./query-pool.js";

export interface PolicyOptions {
  readonly dataPath: string;
  /** Budgets of the command line. */
  readonly seriesBudgets?: readonly BudgetText[];
  /** Rules for label sets on their way in; null: none. */
  readonly ingestRules?: IngestRules | null;
}

export class PolicyControl {
  readonly budgets: Budgets;
  private readonly db: Database;
  private readonly ingest: IngestPool;
  private readonly queries: QueryPool;
  private readonly options: PolicyOptions;
  private readonly log: Logger;
  private readonly policies: Policies;
  private renewing = false;
  private deadAtCount = 0;

  constructor(db: Database, ingest: IngestPool, queries: QueryPool, options: PolicyOptions, log: Logger) {
    this.db = db;
    this.ingest = ingest;
    this.queries = queries;
    this.options = options;
    this.log = log;
    this.policies = new Policies(db.kernel);
    this.budgets = new Budgets(
      this.policies,
      nodeFileSystem,
      options.dataPath,
      options.seriesBudgets ?? [],
      (matchers, seriesEnd) => this.countSeries(matchers, seriesEnd),
      () => this.ingest.barrier(),
    );
  }

  /** Once the head is rebuilt: from here on rules and budgets hold. */
  async open(): Promise<void> {
    const { ingestRules = null } = this.options;
    if (ingestRules !== null) this.policies.setRules(ingestRules);
    this.deadAtCount = this.db.kernel.deadSeries();
    await this.budgets.open();
  }

  async setRules(rules: IngestRules | null): Promise<void> {
    const release = this.policies.setRules(rules);
    await this.ingest.barrier();
    release();
  }

  /** Now and then: forgets spellings that fill their room, and counts budgets anew when series have left. */
  tick(): void {
    if (this.renewing) return;
    this.renewing = true;
    this.renew()
      .catch((error: unknown) => this.log.error("budgets cannot be counted", { err: String(error) }))
      .finally(() => {
        this.renewing = false;
      });
  }

  private async renew(): Promise<void> {
    const release = this.policies.renewRules();
    if (release !== null) {
      await this.ingest.barrier();
      release();
    }
    const dead = this.db.kernel.deadSeries();
    if (dead === this.deadAtCount) return;
    // Fewer dead ones are new series in their places, which are counted already.
    if (dead > this.deadAtCount) await this.budgets.recount();
    this.deadAtCount = dead;
  }

  /** Series of the head that match each set of matchers, counted on a query thread. */
  private async countSeries(budgets: readonly (readonly Matcher[])[], seriesEnd: number): Promise<number[]> {
    const context: CardinalityContext = { countBefore: 0, created: 0, windowMs: 0, budgets, seriesEnd };
    const request: QueryRequest = { kind: "count_series", params: [], context };
    const { body, release } = await this.queries.query(request, new Cancellation(), systemClock.nowMs());
    const answer = JSON.parse(new TextDecoder().decode(body)) as { data?: number[]; error?: string };
    release?.();
    if (answer.data === undefined)
      throw new RefusalError("unavailable", `series cannot be counted: ${answer.error}`);
    return answer.data;
  }
}
