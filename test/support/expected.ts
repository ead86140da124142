/** From what a sender wrote to what a server must answer. */
import * as assert from "node:assert/strict";
import { STALE_BITS, type WrittenSeries } from "./naive-remote-write.js";
import { type RawSeries, rawSeries, type SeriesKey } from "./prometheus-api.js";

/** The first and last time of everything written. */
export function timesOf(written: ReadonlyMap<SeriesKey, WrittenSeries>): { firstMs: number; lastMs: number } {
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { samples, histograms } of written.values()) {
    for (const { timeMs } of [...samples, ...histograms]) {
      firstMs = Math.min(firstMs, timeMs);
      lastMs = Math.max(lastMs, timeMs);
    }
  }
  return { firstMs, lastMs };
}

/**
 * Asserts that the server holds exactly what was written for `selector`: every series, time and value, every
 * histogram's count and sum, and nothing else. Stale markers are written, but no query shows them.
 */
export async function assertHolds(
  url: string,
  selector: string,
  written: ReadonlyMap<SeriesKey, WrittenSeries>,
): Promise<void> {
  const { firstMs, lastMs } = timesOf(written);
  const found = await rawSeries(url, selector, lastMs, lastMs - firstMs + 1);
  const wrong: string[] = [];
  for (const [key, series] of written) {
    const samples = expectedSamples(series);
    const histograms = expectedHistograms(series);
    if (samples.size + histograms.size > 0) compareSeries(key, found.get(key), samples, histograms, wrong);
  }
  for (const key of found.keys()) if (!written.has(key)) wrong.push(`unexpected ${key}`);
  assert.equal(wrong.length, 0, `${wrong.length} differences, first ${wrong.slice(0, 5).join("; ")}`);
}

/** Where one time was written twice, the first stays. */
function expectedSamples({ samples }: WrittenSeries): Map<number, number> {
  const expected = new Map<number, number>();
  for (const { timeMs, value, bits } of samples) {
    if (bits !== STALE_BITS && !expected.has(timeMs)) expected.set(timeMs, value);
  }
  return expected;
}

function expectedHistograms({ histograms }: WrittenSeries): Map<number, { count: number; sum: number }> {
  const expected = new Map<number, { count: number; sum: number }>();
  for (const { timeMs, count, sum } of histograms) {
    if (!expected.has(timeMs)) expected.set(timeMs, { count, sum });
  }
  return expected;
}

function compareSeries(
  key: SeriesKey,
  found: RawSeries | undefined,
  samples: ReadonlyMap<number, number>,
  histograms: ReadonlyMap<number, { count: number; sum: number }>,
  wrong: string[],
): void {
  if (found === undefined) {
    wrong.push(`missing ${key}`);
    return;
  }
  for (const [timeMs, value] of samples) {
    const answer = found.samples.get(timeMs);
    if (answer === undefined || !Object.is(numberOf(answer), value)) {
      wrong.push(`${key} at ${timeMs}: ${answer} instead of ${value}`);
    }
  }
  for (const [timeMs, { count, sum }] of histograms) {
    const answer = found.histograms.get(timeMs) as { count: string; sum: string } | undefined;
    if (answer === undefined || numberOf(answer.count) !== count || !Object.is(numberOf(answer.sum), sum)) {
      wrong.push(`${key} at ${timeMs}: ${JSON.stringify(answer)} instead of count ${count}, sum ${sum}`);
    }
  }
  const more = found.samples.size + found.histograms.size - samples.size - histograms.size;
  if (more !== 0) wrong.push(`${key} has ${more} samples too many`);
}

/** A number as Prometheus prints it. */
export function numberOf(printed: string): number {
  if (printed === "+Inf") return Number.POSITIVE_INFINITY;
  if (printed === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(printed);
}
