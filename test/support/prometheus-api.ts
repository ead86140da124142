/** Reads raw samples over the Prometheus HTTP API, so that two servers' answers can be compared. */
import * as assert from "node:assert/strict";

/** A label set as one string: equal strings are equal sets. */
export type SeriesKey = string;

export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds → the value as the server printed it. */
  readonly samples: ReadonlyMap<number, string>;
  /** Milliseconds → a native histogram as the server printed it. */
  readonly histograms: ReadonlyMap<number, unknown>;
}

interface MatrixAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values?: readonly (readonly [number, string])[];
      readonly histograms?: readonly (readonly [number, unknown])[];
    }[];
  };
}

/**
 * Every sample that is stored for a selector in (endMs - rangeMs, endMs]. Stale markers never show.
 * A selector without a limit, e.g. `{job="node"}`.
 */
export async function rawSeries(
  url: string,
  selector: string,
  endMs: number,
  rangeMs: number,
): Promise<Map<SeriesKey, RawSeries>> {
  const body = new URLSearchParams({ query: `${selector}[${rangeMs}ms]`, time: (endMs / 1000).toFixed(3) });
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body });
  const text = await response.text();
  assert.equal(response.status, 200, `${selector}: ${text.slice(0, 500)}`);
  const { data } = JSON.parse(text) as MatrixAnswer;
  assert.equal(data.resultType, "matrix");
  const found = new Map<SeriesKey, RawSeries>();
  for (const { metric, values = [], histograms = [] } of data.result) {
    const key = seriesKey(metric);
    assert.ok(!found.has(key), `the answer has ${key} twice`);
    found.set(key, {
      labels: metric,
      samples: new Map(values.map(([seconds, value]) => [Math.round(seconds * 1000), value])),
      histograms: new Map(histograms.map(([seconds, value]) => [Math.round(seconds * 1000), value])),
    });
  }
  return found;
}

export function seriesKey(labels: Readonly<Record<string, string>>): SeriesKey {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Asserts that two servers answered the same: series, times, values, histograms. Names the first differences. */
export function assertSameSeries(
  actual: ReadonlyMap<SeriesKey, RawSeries>,
  expected: ReadonlyMap<SeriesKey, RawSeries>,
): void {
  const wrong: string[] = [];
  for (const [key, { samples, histograms }] of expected) {
    const found = actual.get(key);
    if (found === undefined) wrong.push(`missing ${key}`);
    else {
      compareMaps(key, found.samples, samples, wrong);
      compareMaps(key, found.histograms, histograms, wrong);
    }
  }
  for (const key of actual.keys()) if (!expected.has(key)) wrong.push(`unexpected ${key}`);
  assert.equal(wrong.length, 0, `${wrong.length} differences: ${wrong.slice(0, 5).join("; ")}`);
}

function compareMaps(
  key: SeriesKey,
  actual: ReadonlyMap<number, unknown>,
  expected: ReadonlyMap<number, unknown>,
  wrong: string[],
): void {
  for (const [timeMs, value] of expected) {
    const found = actual.get(timeMs);
    if (!isSame(found, value)) {
      wrong.push(`${key} at ${timeMs}: ${JSON.stringify(found)} instead of ${JSON.stringify(value)}`);
    }
  }
  for (const timeMs of actual.keys()) {
    if (!expected.has(timeMs)) wrong.push(`${key} has a sample of its own at ${timeMs}`);
  }
}

/** Numbers as text are the same where they are the same number: programs print them differently. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string") return a === b || Object.is(Number(a), Number(b));
  return JSON.stringify(a) === JSON.stringify(b);
}
