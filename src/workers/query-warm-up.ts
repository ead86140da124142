/**
 * Code that ran a few times is many times slower than code that ran often, and a dashboard's queries come a few at a
 * time. So a new query thread asks itself the usual questions between its other work, about some of the series that
 * it has and about made-up ones while it has none, and throws the answers away: most of what selects, reads and
 * evaluates is compiled before the first query comes. What stands between a client and a thread is warmed by others
 * (`http/warm-up.ts`), whom the thread tells what to ask.
 */
import { systemClock } from "../base/clock.js";
import type { StoredParts } from "../db/query-thread.js";
import type { Queryable } from "../storage/queryable.js";
import { encodeData } from "../wire/prometheus-json.js";
import { type QueryAnswer, type QueryRequest, WARM_UP_ROUND_MS, WARM_UP_ROUNDS } from "./contract.js";
import { MadeUpSeries } from "./made-up-series.js";
import { questionsAbout, type Selection, subjectsOf, wideQuestion } from "./warm-up-questions.js";

/** What a query thread lends its warm-up. */
export interface WarmUpHost {
  /** Evaluates a request and makes its answer, as for a client. */
  answer(request: QueryRequest, queryable: Queryable, parts: StoredParts): void;
  /** Runs `work` on what is stored. */
  run(work: (queryable: Queryable, parts: StoredParts) => void): void;
}

/** Work of the first round, and of each other. */
const FIRST_BUDGET_MS = 1000;
const BUDGET_MS = 250;
/** Pauses are so many times as long as the piece before; what came in meanwhile goes first. */
const PAUSE = 3;
const RANGE_MS = 4 * 3_600_000;
const STEPS = 240;
/** Of the questions one is about many series. */
const WIDE_EVERY = 5;
const SMALL_RANGE_MS = 120_000;
const SMALL_STEPS = 4;
/** Stands for everything where nothing is stored. */
export const MADE_UP: Selection = {
  matchers: [{ name: "__name__", op: "=", value: "requests_total" }],
  label: "mode",
  value: "idle",
};

/** Begins in a while and ends by itself; nothing it does can fail a query. */
export function warmUp(host: WarmUpHost): void {
  detachOnce();
  for (let i = 0; i < WARM_UP_ROUNDS; i++) {
    const budgetMs = i === 0 ? FIRST_BUDGET_MS : BUDGET_MS;
    setTimeout(() => new Round(host).piece(budgetMs), WARM_UP_ROUND_MS * (i + 1)).unref();
  }
}

/**
 * Questions about next to nothing: all that runs once for a query, from taking it to sending the answer, has to run
 * often to be compiled, and would not among samples.
 */
export function smallQuestions({ head }: StoredParts): QueryAnswer {
  const nowMs = wholeSecond();
  const { selections, endMs } = subjectsOf(head, nowMs - RANGE_MS, nowMs);
  return encodeData(questionsAbout(selections, endMs, SMALL_RANGE_MS, SMALL_STEPS));
}

/**
 * V8 compiles as if no buffer ever lost its memory, until one does; then all code that reads arrays is thrown away.
 * An answer's buffer is handed over and loses its memory: that would be the first query, and all warmth gone with it.
 */
function detachOnce(): void {
  const buffer = new ArrayBuffer(1);
  structuredClone(buffer, { transfer: [buffer] });
}

class Round {
  private readonly host: WarmUpHost;
  private readonly nowMs = wholeSecond();
  private questions: readonly QueryRequest[] | null = null;
  /** Null where there are stored ones. */
  private madeUp: MadeUpSeries | null = null;
  private asked = 0;

  constructor(host: WarmUpHost) {
    this.host = host;
  }

  piece(budgetMs: number): void {
    const startMs = systemClock.monotonicMs();
    try {
      this.host.run((stored, parts) => this.ask(stored, parts));
    } catch {
      // The next query meets the same and says so.
    }
    const tookMs = systemClock.monotonicMs() - startMs;
    if (tookMs < budgetMs) setTimeout(() => this.piece(budgetMs - tookMs), PAUSE * tookMs).unref();
  }

  private ask(stored: Queryable, parts: StoredParts): void {
    this.questions ??= this.findQuestions(parts);
    const question = this.questions[this.asked++ % this.questions.length] as QueryRequest;
    this.host.answer(question, this.madeUp ?? stored, parts);
  }

  private findQuestions({ head }: StoredParts): QueryRequest[] {
    const { nowMs } = this;
    const { selections, endMs } = subjectsOf(head, nowMs - RANGE_MS, nowMs);
    if (selections.length === 0) this.madeUp = new MadeUpSeries(nowMs, RANGE_MS);
    const small = questionsAbout(selections.length === 0 ? [MADE_UP] : selections, endMs, RANGE_MS, STEPS);
    const wide = wideQuestion(head, endMs, RANGE_MS);
    const questions = wide === null ? small : small.map((one, i) => (i % WIDE_EVERY === 0 ? wide : one));
    // As they come from another thread: arrays that were made here are others to compiled code.
    return structuredClone(questions);
  }
}

function wholeSecond(): number {
  return Math.floor(systemClock.nowMs() / 1000) * 1000;
}
