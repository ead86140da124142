/**
 * Budgets of series: those of the command line and those that the admin API set, which are kept in the data folder. Of
 * two with the same matcher that of the API holds.
 */
import { RefusalError } from "../base/errors.js";
import { SERIES_BUDGETS_MAX } from "../base/limits.js";
import type { BudgetLimit, BudgetUse, Policies } from "../db/policies.js";
import type { FileSystem } from "../io/file-system.js";
import type { Matcher } from "../model/matcher.js";
import { parseMetricSelector } from "../promql/parse/parser.js";

export interface BudgetText {
  /** A selector: `http_requests_total`, `{job="k6"}`. */
  readonly match: string;
  readonly series: number;
}

export interface BudgetState extends BudgetText {
  readonly used: number;
  readonly source: "flag" | "api";
}

/** Counts the series of the head that match, of refs below `seriesEnd`. */
export type CountSeries = (matchers: readonly (readonly Matcher[])[], seriesEnd: number) => Promise<number[]>;

const FILE = "budgets.json";
const SERIES_MAX = 2 ** 31;

export class Budgets {
  private readonly policies: Policies;
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly fromFlags: readonly BudgetText[];
  private readonly count: CountSeries;
  /** Resolves once no request uses what was there before. */
  private readonly quiesce: () => Promise<void>;
  private fromApi: BudgetText[] = [];
  private turn: Promise<void> = Promise.resolve();

  constructor(
    policies: Policies,
    fs: FileSystem,
    dir: string,
    fromFlags: readonly BudgetText[],
    count: CountSeries,
    quiesce: () => Promise<void>,
  ) {
    this.policies = policies;
    this.fs = fs;
    this.dir = dir;
    this.fromFlags = fromFlags;
    this.count = count;
    this.quiesce = quiesce;
  }

  /** Reads what the API set before, and makes all budgets hold. */
  async open(): Promise<void> {
    const path = `${this.dir}/${FILE}`;
    if (this.fs.exists(path)) this.fromApi = parseFile(path, this.fs.readFile(path));
    if (this.all().length > 0) await this.inTurn(() => this.apply());
  }

  list(): BudgetState[] {
    const use = new Map(this.policies.budgetUse().map((budget: BudgetUse) => [budget.match, budget]));
    return this.all().map(({ match, series }) => ({
      match,
      series,
      used: use.get(match)?.used ?? 0,
      source: this.fromApi.some((budget) => budget.match === match) ? "api" : "flag",
    }));
  }

  /** Sets one budget. Throws RefusalError("bad_data"); what is set is durable when this resolves. */
  async set(budget: BudgetText): Promise<void> {
    checkBudget(budget);
    await this.inTurn(async () => {
      const others = this.fromApi.filter(({ match }) => match !== budget.match);
      if (this.all().length >= SERIES_BUDGETS_MAX && others.length === this.fromApi.length) {
        throw new RefusalError("bad_data", `there are ${SERIES_BUDGETS_MAX} budgets already`);
      }
      this.write([...others, budget]);
      await this.apply();
    });
  }

  /** Takes away a budget that the API set. Throws RefusalError("not_found"). */
  async remove(match: string): Promise<void> {
    await this.inTurn(async () => {
      const others = this.fromApi.filter((budget) => budget.match !== match);
      if (others.length === this.fromApi.length) {
        const flag = this.fromFlags.some((budget) => budget.match === match);
        const why = flag ? "it was set by --limits.series-budget" : "there is none";
        throw new RefusalError("not_found", `no budget of the API for ${match}: ${why}`);
      }
      this.write(others);
      await this.apply();
    });
  }

  /** Counts anew: series have left the head. */
  recount(): Promise<void> {
    return this.all().length === 0 ? Promise.resolve() : this.inTurn(() => this.apply());
  }

  private all(): BudgetText[] {
    const flags = this.fromFlags.filter(
      ({ match }) => !this.fromApi.some((budget) => budget.match === match),
    );
    return [...flags, ...this.fromApi];
  }

  private async apply(): Promise<void> {
    const limits: BudgetLimit[] = this.all().map((budget) => ({
      ...budget,
      matchers: parseMetricSelector(budget.match),
    }));
    const { seriesEnd, release } = this.policies.setBudgets(limits);
    const counts = await this.count(
      limits.map(({ matchers }) => matchers),
      seriesEnd,
    );
    this.policies.settleBudgets(counts);
    await this.quiesce();
    release();
  }

  /** Written beside, synced and renamed: a crash leaves the one or the other. */
  private write(budgets: BudgetText[]): void {
    const { fs, dir } = this;
    const draft = `${dir}/${FILE}.tmp`;
    const fd = fs.open(draft, "w");
    try {
      const text = JSON.stringify(
        budgets.map(({ match, series }) => ({ match, series })),
        null,
        2,
      );
      fs.write(fd, new TextEncoder().encode(`${text}\n`), 0);
      fs.fsync(fd);
    } finally {
      fs.close(fd);
    }
    fs.rename(draft, `${dir}/${FILE}`);
    fs.fsyncDirectory(dir);
    this.fromApi = budgets;
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => {});
    return done;
  }
}

/** Throws RefusalError("bad_data") where it is none. */
export function checkBudget({ match, series }: BudgetText): void {
  if (!Number.isSafeInteger(series) || series < 0 || series > SERIES_MAX) {
    throw new RefusalError("bad_data", `invalid number of series ${JSON.stringify(String(series))}`);
  }
  parseMetricSelector(match);
}

function parseFile(path: string, bytes: Uint8Array): BudgetText[] {
  try {
    const raw: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!Array.isArray(raw)) throw new RefusalError("bad_data", "it is no list");
    return raw.map((entry: BudgetText) => {
      const budget = { match: String(entry.match), series: Number(entry.series) };
      checkBudget(budget);
      return budget;
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RefusalError("bad_data", `${path}: ${reason}`);
  }
}
