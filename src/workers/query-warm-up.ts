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
/** And one about made-up ones, which have what stored ones may lack: a late beginning, counters that fell, counters near zero. */
const MADE_UP_EVERY = 4;
const SMALL_RANGE_MS = 120_000;
const SMALL_STEPS = 4;
/** Stands for everything where nothing is stored. */
export const MADE_UP: Selection = {
  matchers: [{ name: "__name__", op: "=", value: "requests_total" }],
  label: "mode",
  value: "idle",
  hasFewValues: true,
};

/** Begins in a while and ends by itself; nothing it does can fail a query. */
export function warmUp(host: WarmUpHost): void {
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

class Round {
  private readonly host: WarmUpHost;
  private readonly nowMs = wholeSecond();
  private readonly madeUp = new MadeUpSeries(this.nowMs, RANGE_MS);
  private readonly aboutMadeUp = new Turns(questionsAbout([MADE_UP], this.nowMs, RANGE_MS, STEPS));
  /** Null before the first question. */
  private aboutStored: Turns | null = null;
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
    this.aboutStored ??= new Turns(this.storedQuestions(parts));
    const isMadeUp = this.aboutStored.isEmpty || this.asked % MADE_UP_EVERY === 0;
    this.asked++;
    if (isMadeUp) this.host.answer(this.aboutMadeUp.next(), this.madeUp, parts);
    else this.host.answer(this.aboutStored.next(), stored, parts);
  }

  /** [] where nothing is stored. */
  private storedQuestions({ head }: StoredParts): QueryRequest[] {
    const { selections, endMs } = subjectsOf(head, this.nowMs - RANGE_MS, this.nowMs);
    const questions = questionsAbout(selections, endMs, RANGE_MS, STEPS);
    const wide = wideQuestion(head, endMs, RANGE_MS);
    return wide === null ? questions : questions.map((one, i) => (i % WIDE_EVERY === 1 ? wide : one));
  }
}

/** Questions, one after the other and again from the first. */
class Turns {
  private readonly questions: readonly QueryRequest[];
  private asked = 0;

  constructor(questions: readonly QueryRequest[]) {
    // As they come from another thread: arrays that were made here are others to compiled code.
    this.questions = structuredClone(questions);
  }

  get isEmpty(): boolean {
    return this.questions.length === 0;
  }

  next(): QueryRequest {
    return this.questions[this.asked++ % this.questions.length] as QueryRequest;
  }
}

function wholeSecond(): number {
  return Math.floor(systemClock.nowMs() / 1000) * 1000;
}
