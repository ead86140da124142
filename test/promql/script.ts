import { parseDuration } from "../../dist/model/duration.js";
import { unquoteOrNull } from "../../dist/model/go-text.js";
import type { Labels } from "../../dist/model/labels.js";
import { parseNumberOrNull } from "../../dist/promql/parse/scan-number.js";
import { parseSeriesDescription, type SequenceValue } from "../support/series-description.js";

/** The scripting language of Prometheus' promqltest (its README describes it). */

export interface LoadedSeries {
  readonly labels: Labels;
  readonly values: readonly SequenceValue[];
  /** Start timestamps as milliseconds relative to each sample; null where there is none. */
  readonly starts: readonly (number | null)[] | null;
}

export interface LoadCommand {
  readonly kind: "load";
  readonly stepMs: number;
  readonly withNhcb: boolean;
  readonly series: readonly LoadedSeries[];
}

export interface Expectation {
  /** Undefined: anything matches. */
  readonly message: string | undefined;
  readonly pattern: RegExp | undefined;
}

export interface ExpectedSeries {
  readonly labels: Labels;
  readonly values: readonly SequenceValue[];
  readonly position: number;
}

export interface EvalCommand {
  readonly kind: "eval";
  readonly line: number;
  readonly query: string;
  readonly range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number } | null;
  atMs: number;
  ordered: boolean;
  fail: Expectation[];
  warn: Expectation[];
  info: Expectation[];
  noWarn: boolean;
  noInfo: boolean;
  text: string | undefined;
  scalar: number | undefined;
  /** Times of an expected range vector. */
  vectorTimes: { readonly startMs: number; readonly endMs: number; readonly stepMs: number } | null;
  series: ExpectedSeries[];
}

export type Command = LoadCommand | EvalCommand | { readonly kind: "clear" };

const LOAD = /^load(_with_nhcb)?\s+(.+)$/;
const EVAL_INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+))?\s+(.+)$/;
const EVAL_RANGE = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s*(\S+)\s+(.+)$/;
const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/;
const EXPECT_RANGE = /^expect range vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/;
const ANYTHING: Expectation = { message: undefined, pattern: undefined };

export function parseScript(text: string): Command[] {
  const lines = text.split("\n").map((line) => (line.trim().startsWith("#") ? "" : line.trim()));
  const commands: Command[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i];
    let end = i + 1;
    if (line !== "") while (end < lines.length && lines[end] !== "") end++;
    const body = lines.slice(i + 1, end);
    if (line === "clear") {
      commands.push({ kind: "clear" });
      end = i + 1;
    } else if (line.startsWith("load")) commands.push(parseLoad(line, body));
    else if (line.startsWith("eval")) commands.push(parseEval(line, body, i + 1));
    else if (line !== "") throw new Error(`line ${i + 1}: invalid command "${line}"`);
    i = end;
  }
  return commands;
}

function parseLoad(line: string, body: readonly string[]): LoadCommand {
  const [, nhcb, step] = LOAD.exec(line) ?? [];
  // A series that is described twice has what is said last.
  const series = new Map<string, LoadedSeries>();
  let starts: (number | null)[] | null = null;
  for (const definition of body) {
    const startLine = /^(\S+)@st\s+(.+)$/.exec(definition);
    if (startLine !== null) {
      starts = startLine[2].split(/\s+/).flatMap(parseStart);
      continue;
    }
    const described = parseSeriesDescription(definition);
    series.set(described.labels.key, { ...described, starts });
    starts = null;
  }
  return {
    kind: "load",
    stepMs: parseDuration(step),
    withNhcb: nhcb !== undefined,
    series: [...series.values()],
  };
}

/** `-1m`, `-1mx3`, `-1m+10sx3`, `_`, `_x2` */
function parseStart(item: string): (number | null)[] {
  const [, none, times] = /^(_)(?:x(\d+))?$/.exec(item) ?? [];
  if (none !== undefined) return new Array<null>(Number(times ?? 1)).fill(null);
  const found = /^([+-]?)(\d+[a-wyz]+|0)(?:([+-])(\d+[a-wyz]+))?(?:x(\d+))?$/.exec(item);
  if (found === null) throw new Error(`bad start timestamp ${item}`);
  const [, sign, base, stepSign, step, repeat] = found;
  const first = parseDuration(base) * (sign === "-" ? -1 : 1);
  const delta = step === undefined ? 0 : parseDuration(step) * (stepSign === "-" ? -1 : 1);
  return Array.from({ length: Number(repeat ?? 0) + 1 }, (_, i) => first + i * delta);
}

function parseEval(line: string, body: readonly string[], lineNumber: number): EvalCommand {
  const instant = EVAL_INSTANT.exec(line);
  const range = instant === null ? EVAL_RANGE.exec(line) : null;
  if (instant === null && range === null) throw new Error(`line ${lineNumber}: invalid eval "${line}"`);
  const modifier = (instant ?? range)?.[1];
  const command: EvalCommand = {
    kind: "eval",
    line: lineNumber,
    query: (instant === null ? range?.[5] : instant[3]) as string,
    range:
      range === null
        ? null
        : {
            startMs: parseDuration(range[2]),
            endMs: parseDuration(range[3]),
            stepMs: parseDuration(range[4]),
          },
    atMs: instant === null ? 0 : parseDuration(instant[2] ?? "0"),
    ordered: modifier === "ordered",
    fail: modifier === "fail" ? [ANYTHING] : [],
    warn: modifier === "warn" ? [ANYTHING] : [],
    info: modifier === "info" ? [ANYTHING] : [],
    noWarn: false,
    noInfo: false,
    text: undefined,
    scalar: undefined,
    vectorTimes: null,
    series: [],
  };
  let position = 0;
  for (const definition of body) if (parseExpected(definition, command, position + 1)) position++;
  return command;
}

/** One line under an eval; true where it describes a series. */
function parseExpected(line: string, command: EvalCommand, position: number): boolean {
  if (line.startsWith("expected_fail_message")) {
    command.fail = [{ message: line.slice("expected_fail_message".length).trim(), pattern: undefined }];
    return false;
  }
  if (line.startsWith("expected_fail_regexp")) {
    const pattern = new RegExp(line.slice("expected_fail_regexp".length).trim());
    command.fail = [{ message: undefined, pattern }];
    return false;
  }
  const times = EXPECT_RANGE.exec(line);
  if (times !== null) {
    const [startMs, endMs, stepMs] = times.slice(1).map(parseDuration);
    command.vectorTimes = { startMs, endMs, stepMs };
    command.atMs = endMs;
    return false;
  }
  if (line.startsWith("expect string ")) {
    command.text = unquoteOrNull(line.slice("expect string ".length)) ?? undefined;
    if (command.text === undefined) throw new Error(`bad string in "${line}"`);
    return false;
  }
  if (line.split(" ")[0] === "expect") {
    parseExpectation(line, command);
    return false;
  }
  const number = parseSignedNumber(line);
  if (number !== null) {
    command.scalar = number;
    return false;
  }
  command.series.push({ ...parseSeriesDescription(line), position });
  return true;
}

function parseSignedNumber(text: string): number | null {
  const value = parseNumberOrNull(text.replace(/^[+-]/, ""));
  return value === null ? null : text.startsWith("-") ? -value : value;
}

function parseExpectation(line: string, command: EvalCommand): void {
  const [, type, match, text] = EXPECT.exec(line) ?? [];
  if (type === undefined) throw new Error(`invalid expect line "${line}"`);
  let expectation = ANYTHING;
  if (match === "msg") expectation = { message: text.trim(), pattern: undefined };
  if (match === "regex") expectation = { message: undefined, pattern: new RegExp(text.trim()) };
  if (type === "ordered") command.ordered = true;
  else if (type === "no_warn") command.noWarn = true;
  else if (type === "no_info") command.noInfo = true;
  else command[type as "fail" | "warn" | "info"].push(expectation);
}

/** What follows an annotation's text once its position is known; scripts may leave it out. */
const DETAILS = /(?:, from buckets .*| \(\d+ occurrences\))? \(\d+:\d+\)$/;

export function matchesExpectation({ message, pattern }: Expectation, text: string): boolean {
  const bare = text.replace(DETAILS, "");
  if (message !== undefined) return message === text || message === bare;
  return pattern === undefined || pattern.test(text) || pattern.test(bare);
}
