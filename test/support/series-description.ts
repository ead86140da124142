import { parseDuration } from "../../dist/model/duration.js";
import { unquoteOrNull } from "../../dist/model/go-text.js";
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, ResetHint } from "../../dist/model/histogram.js";
import { Labels, METRIC_NAME } from "../../dist/model/labels.js";
import { combine } from "../../dist/promql/histogram/arithmetic.js";
import { FloatHistogram } from "../../dist/promql/histogram/float-histogram.js";
import { parseNumberOrNull } from "../../dist/promql/parse/scan-number.js";

/** One position of a sequence: a float, a histogram, the stale marker or nothing. */
export interface SequenceValue {
  readonly value: number;
  readonly omitted: boolean;
  readonly stale: boolean;
  readonly histogram: Histogram | undefined;
  /** The script names a counter reset hint: it is compared, too. */
  readonly hintSet: boolean;
}

export interface SeriesDescription {
  readonly labels: Labels;
  readonly values: readonly SequenceValue[];
}

function floatValue(value: number): SequenceValue {
  return { value, omitted: false, stale: false, histogram: undefined, hintSet: false };
}

const OMITTED: SequenceValue = { ...floatValue(0), omitted: true };
const STALE: SequenceValue = { ...floatValue(Number.NaN), stale: true };

/** `metric{label="value"} 1 2+3x2 _ stale {{schema:1 sum:3}}` */
export function parseSeriesDescription(line: string): SeriesDescription {
  const scanner = new Scanner(line);
  const labels = scanner.metric();
  const values: SequenceValue[] = [];
  for (;;) {
    scanner.spaces();
    if (scanner.atEnd()) return { labels, values };
    values.push(...scanner.item());
  }
}

class Scanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  private fail(what: string): never {
    throw new Error(`${what} at column ${this.at + 1} of "${this.text}"`);
  }

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  spaces(): void {
    this.take(/\s*/y);
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.at += found.length;
    return found;
  }

  private expect(pattern: RegExp, what: string): string {
    return this.take(pattern) ?? this.fail(`expected ${what}`);
  }

  metric(): Labels {
    const pairs: [string, string][] = [];
    const name = this.take(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
    if (this.text[this.at] === "{" && !this.text.startsWith("{{", this.at)) {
      this.at++;
      this.labelPairs(pairs);
    }
    if (name !== null) pairs.push([METRIC_NAME, name]);
    return Labels.from(pairs);
  }

  private quoted(): string {
    const text = this.expect(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/y, "a string");
    return unquoteOrNull(text) ?? this.fail("bad string");
  }

  private labelPairs(pairs: [string, string][]): void {
    for (;;) {
      this.spaces();
      if (this.take(/\}/y) !== null) return;
      const isQuoted = "\"'`".includes(this.text[this.at] ?? "");
      const name = isQuoted ? this.quoted() : this.expect(/[a-zA-Z_][a-zA-Z0-9_]*/y, "a label name");
      this.spaces();
      if (this.take(/=/y) === null) pairs.push([METRIC_NAME, name]);
      else {
        this.spaces();
        pairs.push([name, this.quoted()]);
      }
      this.spaces();
      if (this.take(/,/y) === null && this.text[this.at] !== "}") this.fail("expected , or }");
    }
  }

  item(): SequenceValue[] {
    if (this.take(/_/y) !== null) return new Array<SequenceValue>(this.times() ?? 1).fill(OMITTED);
    if (this.text.startsWith("{{", this.at)) return this.histogramItem();
    if (this.take(/stale/y) !== null) return new Array<SequenceValue>((this.times() ?? 0) + 1).fill(STALE);
    const first = this.number();
    const step = /[+-]/.test(this.text[this.at] ?? "") ? this.number() : null;
    const times = this.times();
    if (step === null) return new Array<SequenceValue>((times ?? 0) + 1).fill(floatValue(first));
    if (times === null) this.fail("expected x");
    const values: SequenceValue[] = [];
    let value = first;
    for (let i = 0; i <= (times as number); i++) {
      values.push(floatValue(value));
      value += step;
    }
    return values;
  }

  private times(): number | null {
    if (this.take(/x/y) === null) return null;
    return Number(this.expect(/\d+/y, "a number of repetitions"));
  }

  private number(): number {
    const sign = this.take(/[+-]/y);
    const text = this.expect(/inf|nan|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-wyz]*/iy, "a number");
    const value = parseNumberOrNull(text) ?? parseDuration(text) / 1000;
    return sign === "-" ? -value : value;
  }

  private histogramItem(): SequenceValue[] {
    const first = this.histogram();
    const sign = this.take(/[+-](?=\{\{)/y);
    const step = sign === null ? null : this.histogram();
    const times = this.times() ?? 0;
    const values = [first];
    for (let i = 1; i <= times; i++) {
      const next = FloatHistogram.from(values[i - 1].histogram as Histogram);
      if (step !== null) combine(next, step.histogram as Histogram, sign === "+" ? 1 : -1);
      values.push({ ...first, histogram: next, hintSet: step === null ? first.hintSet : step.hintSet });
    }
    return values;
  }

  private histogram(): SequenceValue {
    this.expect(/\{\{/y, "{{");
    const fields = new Map<string, string>();
    for (;;) {
      this.spaces();
      if (this.take(/\}\}/y) !== null) break;
      const key = this.expect(/[a-z_]+(?=:)/y, "a key");
      this.at++;
      fields.set(key, this.expect(/\[[^\]]*\]|[^\s}]+/y, "a value"));
    }
    return { ...floatValue(0), histogram: histogramOf(fields), hintSet: fields.has("counter_reset_hint") };
  }
}

const HINTS: Readonly<Record<string, ResetHint>> = {
  unknown: ResetHint.UNKNOWN,
  reset: ResetHint.RESET,
  not_reset: ResetHint.NO_RESET,
  gauge: ResetHint.GAUGE,
};

function histogramOf(fields: ReadonlyMap<string, string>): Histogram {
  const number = (key: string): number => {
    const text = fields.get(key) ?? "0";
    const sign = text.startsWith("-") ? -1 : 1;
    return sign * (parseNumberOrNull(text.replace(/^[+-]/, "")) ?? Number.NaN);
  };
  const list = (key: string): number[] => {
    const text = (fields.get(key) ?? "[]").slice(1, -1).trim();
    if (text === "") return [];
    return text.split(/\s+/).map((part) => (part.toLowerCase() === "inf" ? Infinity : Number(part)));
  };
  const spans = (offset: number, length: number): { offset: number; length: number }[] =>
    length === 0 ? [] : [{ offset, length }];
  const positive = list("buckets");
  const negative = list("n_buckets");
  return {
    float: true,
    resetHint: HINTS[fields.get("counter_reset_hint") ?? "unknown"] as ResetHint,
    schema: number("schema"),
    zeroThreshold: number("z_bucket_w"),
    zeroCount: number("z_bucket"),
    count: number("count"),
    sum: number("sum"),
    positiveSpans: spans(number("offset"), positive.length),
    negativeSpans: spans(number("n_offset"), negative.length),
    positiveBuckets: positive,
    negativeBuckets: negative,
    customValues: number("schema") === CUSTOM_BUCKETS_SCHEMA ? list("custom_values") : [],
  };
}
