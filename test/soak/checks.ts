/** Questions to a soak's server whose answers the model knows. */
import { isDeepStrictEqual } from "node:util";
import { randomBelow } from "../support/random.js";
import { generationLabel, groupLabel, halfOf, type SoakModel, slotLabel } from "../support/soak-model.js";

const GROUPS = 50;
const HALVES = [0, 1];
/** How far back questions reach. */
const BACK_MS_MAX = 6 * 60_000;
export const LOOKBACK_MS = 10_000;

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

export class Checks {
  asked = 0;
  samplesCompared = 0;
  latencyMsMax = 0;
  /** Errors and wrong answers, the first few. */
  readonly problems: string[] = [];
  private readonly url: string;
  private readonly model: SoakModel;
  private readonly random: () => number;

  constructor(url: string, model: SoakModel, random: () => number) {
    this.url = url;
    this.model = model;
    this.random = random;
  }

  /** Asks one question of a random kind. */
  async ask(): Promise<void> {
    const kinds = [() => this.raw(), () => this.counts(), () => this.maxima(), () => this.columns()];
    this.asked++;
    await kinds[randomBelow(this.random, kinds.length)]!();
  }

  /** A group and an end of a window of `rangeMs` in which nothing more arrives. */
  private window(rangeMs: number): { group: number; endMs: number } | null {
    const group = randomBelow(this.random, GROUPS);
    const settledMs = this.model.settledMs(group) - 1;
    const oldestMs = Math.max(this.model.startMs + rangeMs, settledMs - BACK_MS_MAX);
    if (settledMs <= oldestMs) return null;
    return { group, endMs: oldestMs + randomBelow(this.random, settledMs - oldestMs) };
  }

  /** All samples of a slot, one by one. */
  private async raw(): Promise<void> {
    const rangeMs = 1000 + randomBelow(this.random, 60_000);
    const window = this.window(rangeMs);
    if (window === null) return;
    const slots = this.model.slotsOf(window.group);
    const slot = slots[randomBelow(this.random, slots.length)]!;
    const query = `soak{slot="${slotLabel(slot)}"}[${rangeMs}ms]`;
    const found = await this.query(query, window.endMs);
    if (found === null) return;
    const expected = new Map<string, [number, number][]>();
    for (const [generation, samples] of this.model.samples(slot, window.endMs - rangeMs, window.endMs)) {
      expected.set(
        generationLabel(generation),
        samples.map(({ timestampMs, value }) => [timestampMs, value]),
      );
      this.samplesCompared += samples.length;
    }
    const rows = found.map(({ metric, values = [] }): [string, [number, number][]] => [
      metric["gen"] ?? "",
      values.map(([seconds, value]) => [Math.round(seconds * 1000), Number(value)]),
    ]);
    this.compare(query, window.endMs, new Map(rows.sort()), new Map([...expected].sort()));
  }

  private async counts(): Promise<void> {
    await this.byHalf(
      (selector) => `sum by (half) (count_over_time(${selector}))`,
      (lists) => (lists.length === 0 ? null : lists.reduce((sum, values) => sum + values.length, 0)),
    );
  }

  private async maxima(): Promise<void> {
    await this.byHalf(
      (selector) => `max by (half) (max_over_time(${selector}))`,
      (lists) => (lists.length === 0 ? null : Math.max(...lists.flat())),
    );
  }

  private async byHalf(
    print: (selector: string) => string,
    fold: (lists: readonly (readonly number[])[]) => number | null,
  ): Promise<void> {
    const rangeMs = 1000 + randomBelow(this.random, 30_000);
    const window = this.window(rangeMs);
    if (window === null) return;
    const query = print(`soak{group="${groupLabel(window.group)}"}[${rangeMs}ms]`);
    const found = await this.query(query, window.endMs);
    if (found === null) return;
    const expected: [string, number][] = [];
    for (const half of HALVES) {
      const lists = this.model
        .slotsOf(window.group)
        .filter((slot) => halfOf(slot) === half)
        .flatMap((slot) => [...this.model.samples(slot, window.endMs - rangeMs, window.endMs).values()])
        .map((samples) => samples.map(({ value }) => value));
      const value = fold(lists);
      this.samplesCompared += lists.flat().length;
      if (value !== null) expected.push([String(half), value]);
    }
    const rows = found.map(({ metric, value }) => [metric["half"] ?? "", Number(value?.[1])]);
    this.compare(query, window.endMs, rows.sort(), expected);
  }

  /** A range query: what the series show at each step. */
  private async columns(): Promise<void> {
    const stepMs = 5000;
    const steps = 1 + randomBelow(this.random, 12);
    const window = this.window(stepMs * steps + LOOKBACK_MS);
    if (window === null) return;
    const query = `sum by (half) (soak{group="${groupLabel(window.group)}"})`;
    const startMs = window.endMs - stepMs * steps;
    const found = await this.query(query, window.endMs, { startMs, stepMs });
    if (found === null) return;
    const expected: [string, [number, number][]][] = [];
    for (const half of HALVES) {
      const slots = this.model.slotsOf(window.group).filter((slot) => halfOf(slot) === half);
      const points: [number, number][] = [];
      for (let timeMs = startMs; timeMs <= window.endMs; timeMs += stepMs) {
        const values = slots.flatMap((slot) => this.model.valuesAt(slot, timeMs, LOOKBACK_MS));
        this.samplesCompared += values.length;
        if (values.length > 0) points.push([timeMs, values.reduce((sum, value) => sum + value, 0)]);
      }
      if (points.length > 0) expected.push([String(half), points]);
    }
    const rows = found.map(({ metric, values = [] }): [string, [number, number][]] => [
      metric["half"] ?? "",
      values.map(([seconds, value]) => [Math.round(seconds * 1000), Number(value)]),
    ]);
    this.compare(query, window.endMs, rows.sort(), expected);
  }

  private compare(query: string, endMs: number, found: unknown, expected: unknown): void {
    if (isDeepStrictEqual(found, expected)) return;
    const print = (value: unknown): string =>
      JSON.stringify(value instanceof Map ? [...value] : value).slice(0, 600);
    this.problem(
      `${query} at ${endMs} (tick ${this.model.ticks})\n  found ${print(found)}\n  wanted ${print(expected)}`,
    );
  }

  private problem(text: string): void {
    if (this.problems.length < 20) this.problems.push(text);
  }

  private async query(
    query: string,
    endMs: number,
    range?: { readonly startMs: number; readonly stepMs: number },
  ): Promise<Series[] | null> {
    const params: Record<string, string> =
      range === undefined
        ? { query, time: (endMs / 1000).toFixed(3) }
        : {
            query,
            start: (range.startMs / 1000).toFixed(3),
            end: (endMs / 1000).toFixed(3),
            step: String(range.stepMs / 1000),
          };
    const startedAt = performance.now();
    const path = range === undefined ? "query" : "query_range";
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(params)}`);
    const text = await answer.text();
    this.latencyMsMax = Math.max(this.latencyMsMax, performance.now() - startedAt);
    if (answer.status !== 200) {
      this.problem(`${query}: ${answer.status} ${text.slice(0, 300)}`);
      return null;
    }
    return (JSON.parse(text) as { data: { result: Series[] } }).data.result;
  }

  /**
   * Deletes a piece of a random group's past. False where the server does not offer that. Nobody asks meanwhile.
   */
  async delete(): Promise<boolean> {
    const window = this.window(30_000);
    if (window === null) return true;
    const startMs = window.endMs - 1000 * (1 + randomBelow(this.random, 20));
    const range = { group: window.group, startMs, endMs: window.endMs };
    const params = new URLSearchParams({
      "match[]": `soak{group="${groupLabel(range.group)}"}`,
      start: (startMs / 1000).toFixed(3),
      end: (range.endMs / 1000).toFixed(3),
    });
    const path = "/api/v1/admin/tsdb/delete_series";
    const answer = await fetch(`${this.url}${path}?${params}`, { method: "POST" });
    const text = await answer.text();
    if (answer.status === 204) this.model.deleted.push(range);
    else if (answer.status === 404) return false;
    else this.problem(`${path}: ${answer.status} ${text.slice(0, 300)}`);
    return true;
  }
}
