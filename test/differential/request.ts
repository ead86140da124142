/** A query with its times, and what a server answers to it. */

import type { Dice } from "./dice.js";
import { BEGIN_MS, END_MS, INTERVAL_MS } from "./span.js";
import type { Metric } from "./vocabulary.js";

export type QueryTimes =
  | { readonly kind: "instant"; readonly timeMs: number }
  | { readonly kind: "range"; readonly startMs: number; readonly endMs: number; readonly stepMs: number };

export interface QueryRequest {
  readonly query: string;
  readonly times: QueryTimes;
}

/** A number as both print it: `NaN`, `+Inf` and `-Inf` beside digits. */
type NumberText = string;

export interface HistogramAnswer {
  readonly count: NumberText;
  readonly sum: NumberText;
  readonly buckets?: readonly (readonly [
    rule: number,
    lower: NumberText,
    upper: NumberText,
    count: NumberText,
  ])[];
}

export interface SeriesAnswer {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, NumberText];
  readonly values?: readonly (readonly [number, NumberText])[];
  readonly histogram?: readonly [number, HistogramAnswer];
  readonly histograms?: readonly (readonly [number, HistogramAnswer])[];
}

export interface Answer {
  readonly httpStatus: number;
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data?: {
    readonly resultType: "vector" | "matrix" | "scalar" | "string";
    readonly result: readonly SeriesAnswer[] | readonly [number, string];
  };
}

/** Mostly while `metric` (null: none) has samples, now and then before or behind everything. */
export function randomTimes(dice: Dice, kind: "instant" | "range", metric: Metric | null): QueryTimes {
  const instant = (): number => {
    const anywhere = metric === null || dice.chance(0.15);
    const timeMs = anywhere
      ? dice.between(BEGIN_MS - 120_000, END_MS + 400_000)
      : dice.between(metric.firstMs, metric.lastMs + 120_000);
    return dice.chance(0.6) ? timeMs - (timeMs % INTERVAL_MS) : timeMs;
  };
  if (kind === "instant") return { kind, timeMs: instant() };
  const stepMs = dice.pick([
    15_000, 15_000, 30_000, 60_000, 60_000, 60_000, 120_000, 300_000, 7000, 1500, 601_000,
  ]);
  const steps = dice.weighted([
    [4, 10],
    [4, 30],
    [2, 60],
    [1, 1],
    [1, 3],
    [0.5, 0],
  ]);
  const startMs = instant();
  return {
    kind,
    startMs,
    endMs: startMs + steps * stepMs + (dice.chance(0.3) ? dice.between(0, stepMs - 1) : 0),
    stepMs,
  };
}

export function parametersOf({ query, times }: QueryRequest): URLSearchParams {
  const seconds = (ms: number): string => String(ms / 1000);
  if (times.kind === "instant") return new URLSearchParams({ query, time: seconds(times.timeMs) });
  const { startMs, endMs, stepMs } = times;
  return new URLSearchParams({ query, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) });
}

export async function ask(url: string, request: QueryRequest): Promise<Answer> {
  const path = request.times.kind === "instant" ? "query" : "query_range";
  const response = await fetch(`${url}/api/v1/${path}`, { method: "POST", body: parametersOf(request) });
  const text = await response.text();
  try {
    return { httpStatus: response.status, ...(JSON.parse(text) as Omit<Answer, "httpStatus">) };
  } catch {
    return { httpStatus: response.status, status: "not JSON", error: text.slice(0, 300) };
  }
}
