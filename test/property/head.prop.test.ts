import { test } from "node:test";
import * as fc from "fast-check";
import { FakeClock } from "../support/fake-clock.js";
import { HeadAndModel, operations } from "../support/head-operations.js";

const HOUR_MS = 3_600_000;
const START_MS = new FakeClock().nowMs();
const RUNS = Number(process.env["RUNS"] ?? 100);
const SEED = Number(process.env["SEED"] ?? 22);

test("the head does what the model does: one thread, any requests, restarts between", () =>
  fc.assert(
    fc.asyncProperty(operations(START_MS, { threads: 1, spreadMs: 30 * HOUR_MS }), (list) =>
      new HeadAndModel({ chunkSamplesMax: 120 }).run(list),
    ),
    { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
  ));

test("the same with small chunks, three threads and records that reach the log in another order", () =>
  fc.assert(
    fc.asyncProperty(operations(START_MS, { threads: 3, spreadMs: 30 * HOUR_MS }), (list) =>
      new HeadAndModel({ chunkSamplesMax: 4, ingestThreads: 3 }).run(list),
    ),
    { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
  ));

test("the same with a window of a minute and none at all", () =>
  fc.assert(
    fc.asyncProperty(
      operations(START_MS, { threads: 2, spreadMs: 30 * HOUR_MS }),
      fc.constantFrom(0, 60_000),
      (list, windowMs) => new HeadAndModel({ chunkSamplesMax: 4, ingestThreads: 2 }, { windowMs }).run(list),
    ),
    { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
  ));

test("the same where closed chunks leave memory at once", () =>
  fc.assert(
    fc.asyncProperty(operations(START_MS, { threads: 2, spreadMs: 5 * HOUR_MS }), (list) =>
      new HeadAndModel({ chunkSamplesMax: 4, ingestThreads: 2, headMemoryLimitBytes: 1_066_000 }).run(list),
    ),
    { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
  ));

// A late sample that waits for a look into the log is judged by the window behind the samples of its request: the
// model judges it before them, so that the last one has a window in which that is the same.
for (const [what, options, windows] of [
  ["", { chunkSamplesMax: 120 }, [24 * HOUR_MS, 60_000]],
  [", with small chunks", { chunkSamplesMax: 4, ingestThreads: 3 }, [24 * HOUR_MS, 60_000]],
  [
    ", where closed chunks leave memory at once",
    { chunkSamplesMax: 4, headMemoryLimitBytes: 1_066_000 },
    [24 * HOUR_MS],
  ],
] as const) {
  test(`the same with deletions${what}`, () =>
    fc.assert(
      fc.asyncProperty(
        operations(START_MS, { threads: 1, spreadMs: 5 * HOUR_MS, deletions: true }),
        fc.constantFrom(...windows),
        (list, windowMs) => new HeadAndModel(options, { windowMs }).run(list),
      ),
      { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
    ));
}
