import type { Labels } from "../../dist/model/labels.js";
import type { MatrixSeries, QueryResult, QueryValue, VectorSample } from "../../dist/model/query-result.js";
import { type EvaluationOptions, evaluateInstant, evaluateRange } from "../../dist/promql/query.js";
import type { Queryable } from "../../dist/storage/queryable.js";
import type { MemorySample } from "../support/memory-queryable.js";
import { atVariant } from "./at-variant.js";
import { checkResult } from "./check-result.js";
import { NhcbConverter } from "./nhcb.js";
import {
  type EvalCommand,
  type Expectation,
  type LoadCommand,
  matchesExpectation,
  parseScript,
} from "./script.js";

/** What scripts run against; `clear` gives a new, empty one. */
export interface ScriptStorage {
  readonly queryable: Queryable;
  append(labels: Labels, samples: readonly MemorySample[]): void | Promise<void>;
  clear(): void | Promise<void>;
}

export interface ScriptReport {
  passed: number;
  readonly failures: string[];
}

/** As Prometheus' own test engine: everything on, few samples allowed. */
const SCRIPT_OPTIONS: EvaluationOptions = {
  experimentalFunctions: true,
  durationExpressions: true,
  extendedSelectors: true,
  fillModifiers: true,
  delayedNameRemoval: true,
  useStartTimestamps: true,
  maxSamples: 10_000,
};

/** Runs one script; `name` begins the line of each failure. */
export async function runScript(
  name: string,
  text: string,
  storage: ScriptStorage,
  report: ScriptReport,
  options: EvaluationOptions = SCRIPT_OPTIONS,
): Promise<void> {
  await storage.clear();
  for (const command of parseScript(text)) {
    if (command.kind === "clear") await storage.clear();
    else if (command.kind === "load") await load(command, storage);
    else {
      try {
        runEval(command, storage.queryable, options);
        report.passed++;
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        report.failures.push(`${name}:${command.line}: ${command.query}: ${what}`);
      }
    }
  }
}

async function load({ stepMs, series, withNhcb }: LoadCommand, storage: ScriptStorage): Promise<void> {
  const converter = new NhcbConverter();
  for (const { labels, values, starts } of series) {
    const samples: MemorySample[] = [];
    values.forEach(({ value, omitted, stale, histogram }, i) => {
      if (omitted) return;
      const t = i * stepMs;
      const start = starts?.[i];
      samples.push({
        t,
        value,
        ...(stale ? { stale } : {}),
        ...(histogram === undefined ? {} : { histogram }),
        ...(start === undefined || start === null ? {} : { startMs: t + start }),
      });
    });
    await storage.append(labels, samples);
    if (withNhcb) converter.add(labels, samples);
  }
  for (const { labels, samples } of converter.series()) await storage.append(labels, samples);
}

function runEval(command: EvalCommand, queryable: Queryable, options: EvaluationOptions): void {
  if (command.range !== null) {
    const { startMs, endMs, stepMs } = command.range;
    attempt(command, () => evaluateRange(command.query, queryable, startMs, endMs, stepMs, options));
    return;
  }
  runInstant(command, command.query, command.atMs, queryable, options);
  const variant = atVariant(command.query, command.atMs, options);
  if (variant === null) return;
  const at = command.atMs;
  const times = at === 0 ? [-1000, 0, 1000] : [-10 * at, 0, Math.trunc(at / 5), at, 10 * at];
  for (const time of times) runInstant(command, variant, time, queryable, options);
}

/** Runs a query and checks what it gives or how it fails; undefined where it failed as expected. */
function attempt(command: EvalCommand, run: () => QueryResult): QueryResult | undefined {
  let result: QueryResult;
  try {
    result = run();
  } catch (error) {
    const { message } = error as Error;
    if (command.fail.length === 0) throw error;
    if (!command.fail.some((expectation) => matchesExpectation(expectation, message))) {
      throw new Error(`expected another error, got: ${message}`);
    }
    return undefined;
  }
  if (command.fail.length > 0) throw new Error("expected an error but got none");
  checkAnnotations("warn", command.warn, command.noWarn, result.warnings);
  checkAnnotations("info", command.info, command.noInfo, result.infos);
  checkResult(command, result.value);
  return result;
}

function checkAnnotations(
  level: string,
  expected: readonly Expectation[],
  none: boolean,
  found: readonly string[],
): void {
  if (none && found.length > 0) throw new Error(`unexpected ${level}: ${found.join("; ")}`);
  if (expected.length === 0) return;
  for (const expectation of expected) {
    if (!found.some((text) => matchesExpectation(expectation, text))) {
      const wanted = expectation.message ?? String(expectation.pattern ?? "any");
      throw new Error(`expected ${level} ${wanted}, found: ${found.join("; ") || "none"}`);
    }
  }
  for (const text of found) {
    if (!expected.some((expectation) => matchesExpectation(expectation, text))) {
      throw new Error(`unexpected ${level}: ${text}`);
    }
  }
}

function runInstant(
  command: EvalCommand,
  query: string,
  timeMs: number,
  queryable: Queryable,
  options: EvaluationOptions,
): void {
  const where = query === command.query ? "" : ` [as ${query} at ${timeMs}]`;
  try {
    const result = attempt(command, () => evaluateInstant(query, queryable, timeMs, options));
    if (result === undefined || command.vectorTimes !== null || command.text !== undefined) return;
    if (/(start|end|range|step)\(\)/.test(query)) return;
    // The middle step of a range query must be the same.
    const ranged = evaluateRange(query, queryable, timeMs - 60_000, timeMs + 60_000, 60_000, options);
    if (!command.ordered) checkResult(command, middleOf(ranged.value, result.value, timeMs));
  } catch (error) {
    throw new Error(`${(error as Error).message}${where}`);
  }
}

function middleOf(ranged: QueryValue, instant: QueryValue, timeMs: number): QueryValue {
  const series: readonly MatrixSeries[] = ranged.type === "matrix" ? ranged.series : [];
  const samples: VectorSample[] = [];
  for (const { labels, timestamps, values, histograms } of series) {
    const at = timestamps.indexOf(timeMs);
    if (at < 0) continue;
    samples.push({ labels, timestampMs: timeMs, value: values[at], histogram: histograms?.[at] });
  }
  if (instant.type === "scalar") return { type: "scalar", timestampMs: timeMs, value: samples[0].value };
  return { type: "vector", samples };
}
