/**
 * Prometheus' text exposition format and OpenMetrics text, line by line. What is accepted is what Prometheus' own
 * parsers accept (model/textparse/promlex.l and openmetricslex.l have the grammar), except for line feeds inside
 * quotes, which only its older format takes. A bad line costs that line only.
 */
import { Labels, METRIC_NAME } from "../model/labels.js";
import type { LineVisitor } from "./text-lines.js";

export type ExpositionFormat = "prometheus" | "openmetrics";

/** Hears what the lines say. `Series` is whatever the handler knows a series by. */
export interface ExpositionHandler<Series> {
  /** Called for each spelling of a label set that was not seen lately. */
  series(labels: Labels): Series;
  /** `timestampMs`: NaN where the line names none. */
  sample(series: Series, value: number, timestampMs: number, line: number): void;
  /** Of the last sample. `timestampMs`: NaN where it has none of its own. */
  exemplar(labels: Labels, value: number, timestampMs: number, line: number): void;
  metadata(kind: "type" | "help" | "unit", metricName: string, text: string): void;
  problem(reason: string, line: number): void;
}

/** Spellings of series that are remembered; beyond, all are forgotten. */
const SPELLINGS_MAX = 500_000;

const METRIC_NAME_HEAD = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** Go's ParseFloat, as far as Prometheus lets it: neither hexadecimal nor underscores. */
const FLOAT = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)$/;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** A number as Go reads it, null where it is none. Overflow is an error there, and here. */
export function parseGoFloatOrNull(text: string): number | null {
  if (FLOAT.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : null;
  }
  if (INFINITY.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^nan$/i.test(text) ? Number.NaN : null;
}

class LineError extends Error {}

export class ExpositionParser<Series> implements LineVisitor {
  /** True once `# EOF` was read. */
  ended = false;
  private readonly openMetrics: boolean;
  private readonly handler: ExpositionHandler<Series>;
  private spellings = new Map<string, Series>();
  private text = "";
  private at = 0;

  constructor(format: ExpositionFormat, handler: ExpositionHandler<Series>) {
    this.openMetrics = format === "openmetrics";
    this.handler = handler;
  }

  line(text: string, number: number): void {
    this.text = text;
    this.at = 0;
    try {
      if (this.ended) {
        if (text !== "") throw new LineError("unexpected data after # EOF");
      } else if (text.startsWith("#")) this.comment();
      else if (this.openMetrics || !/^[ \t]*$/.test(text)) this.sample(number);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.handler.problem(error.message, number);
    }
  }

  unreadable(reason: string, number: number): void {
    this.handler.problem(reason, number);
  }

  private comment(): void {
    if (this.openMetrics) {
      if (this.text === "# EOF") {
        this.ended = true;
        return;
      }
      if (!/^# (?:HELP|TYPE|UNIT) /.test(this.text)) {
        throw new LineError(`expected a valid start token, got ${quoteShort(this.text)}`);
      }
    }
    const parts =
      /^#[ \t]+(HELP|TYPE|UNIT)[ \t]+("(?:\\.|[^\\"])*"|[a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t](.*))?$/.exec(
        this.text,
      );
    if (parts === null) {
      // Other comments mean nothing; ones that begin like metadata are broken metadata.
      if (!this.openMetrics && !/^#[ \t]+(?:HELP|TYPE)[ \t]/.test(this.text)) return;
      throw new LineError(`expected metric name after ${this.text.slice(0, 6).trim()}`);
    }
    const [, word = "", quoted = "", text = ""] = parts;
    if (this.openMetrics && parts[3] === undefined) throw new LineError(`expected text in ${word}`);
    if (word === "UNIT" && !this.openMetrics) return;
    const name = quoted.startsWith('"') ? unescapeText(quoted.slice(1, -1)) : quoted;
    const kind = word.toLowerCase() as "type" | "help" | "unit";
    const known = this.openMetrics ? OPENMETRICS_TYPES : PROMETHEUS_TYPES;
    if (kind === "type" && !known.has(text.trim())) {
      throw new LineError(`invalid metric type ${quoteShort(text.trim())}`);
    }
    this.handler.metadata(kind, name, kind === "type" ? text.trim() : unescapeText(text));
  }

  private sample(line: number): void {
    const end = this.seriesEnd();
    const spelling = this.text.slice(0, end);
    let series = this.spellings.get(spelling);
    if (series === undefined) {
      series = this.handler.series(this.parseSeries(end));
      if (this.spellings.size >= SPELLINGS_MAX) this.spellings = new Map();
      this.spellings.set(spelling, series);
    }
    this.at = end;
    const value = this.number("value after metric");
    let timestampMs = Number.NaN;
    let hasExemplar = false;
    if (this.openMetrics) {
      if (this.at < this.text.length && !this.text.startsWith(" # {", this.at)) {
        timestampMs = this.seconds("timestamp");
      }
      hasExemplar = this.text.startsWith(" # {", this.at);
    } else {
      this.blanks();
      if (this.at < this.text.length) timestampMs = this.milliseconds();
      this.blanks();
    }
    if (!hasExemplar && this.at < this.text.length) {
      throw new LineError(`expected next entry after timestamp, got ${quoteShort(this.text.slice(this.at))}`);
    }
    const exemplar = hasExemplar ? this.exemplar() : null;
    this.handler.sample(series, value, timestampMs, line);
    if (exemplar !== null) this.handler.exemplar(exemplar.labels, exemplar.value, exemplar.timestampMs, line);
  }

  /** Index behind the name or the closing brace of the series that the line begins with. */
  private seriesEnd(): number {
    const { text } = this;
    let i = 0;
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === OPEN) break;
      if (unit === SPACE || unit === TAB) {
        // The older format takes blanks between a name and its brace.
        let next = i;
        while (text.charCodeAt(next) === SPACE || text.charCodeAt(next) === TAB) next++;
        if (this.openMetrics || text.charCodeAt(next) !== OPEN) return i;
        i = next;
        break;
      }
    }
    for (i++; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === CLOSE) return i + 1;
      if (unit !== QUOTE) continue;
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) {
        if (text.charCodeAt(i) === BACKSLASH) i++;
      }
    }
    return text.length;
  }

  private parseSeries(end: number): Labels {
    this.at = 0;
    let name = "";
    if (this.text.charCodeAt(0) !== OPEN) {
      name = this.match(METRIC_NAME_HEAD);
      if (name === "") throw new LineError(`expected a valid start token, got ${quoteShort(this.text)}`);
      if (this.at < end) this.blanksInBraces();
    }
    const pairs: [string, string][] = [];
    if (this.at < end) name = this.labelPairs(pairs, name);
    if (this.at !== end)
      throw new LineError(`expected value after metric, got ${quoteShort(this.text.slice(this.at))}`);
    if (name === "") throw new LineError(`metric name not set while parsing: ${quoteShort(this.text)}`);
    if (pairs.some(([label]) => label === METRIC_NAME))
      throw new LineError(`label ${METRIC_NAME} is given twice`);
    return labelsOf([[METRIC_NAME, name], ...pairs]);
  }

  /** Reads `{…}`; returns the metric name, which may stand quoted among the labels. */
  private labelPairs(pairs: [string, string][], metricName: string | null): string {
    let name = metricName;
    this.expect("{", "expected label name");
    for (;;) {
      this.blanksInBraces();
      if (this.skip("}")) return name ?? "";
      const isQuoted = this.text.charCodeAt(this.at) === QUOTE;
      const label = isQuoted ? this.quoted() : this.match(LABEL_NAME);
      if (label === "" && !isQuoted) throw new LineError(this.unexpected("expected label name"));
      this.blanksInBraces();
      const next = this.text.charCodeAt(this.at);
      if (isQuoted && name !== null && (next === COMMA || next === CLOSE)) {
        if (name !== "")
          throw new LineError(`metric name already set while parsing: ${quoteShort(this.text)}`);
        name = label;
        this.skip(",");
        continue;
      }
      this.expect("=", "expected equal");
      this.blanksInBraces();
      if (this.text.charCodeAt(this.at) !== QUOTE)
        throw new LineError(this.unexpected("expected label value"));
      pairs.push([label, this.quoted()]);
      this.blanksInBraces();
      if (!this.skip(",") && this.openMetrics && this.text.charCodeAt(this.at) !== CLOSE) {
        throw new LineError(this.unexpected("expected comma or brace close"));
      }
    }
  }

  private exemplar(): { labels: Labels; value: number; timestampMs: number } {
    this.at += 3;
    const pairs: [string, string][] = [];
    this.labelPairs(pairs, null);
    const value = this.number("value after exemplar labels");
    const timestampMs = this.at < this.text.length ? this.seconds("exemplar timestamp") : Number.NaN;
    if (this.at < this.text.length)
      throw new LineError(this.unexpected("expected next entry after exemplar timestamp"));
    return { labels: labelsOf(pairs), value, timestampMs };
  }

  /** A blank and the word behind it. */
  private word(what: string): string {
    if (this.openMetrics) {
      if (this.text.charCodeAt(this.at) !== SPACE) throw new LineError(this.unexpected(`expected ${what}`));
      this.at++;
    } else this.blanks();
    let end = this.at;
    for (; end < this.text.length; end++) {
      const unit = this.text.charCodeAt(end);
      if (unit === SPACE || (!this.openMetrics && (unit === TAB || unit === OPEN))) break;
    }
    const word = this.text.slice(this.at, end);
    if (word === "") {
      throw new LineError(this.unexpected(`expected ${what}`));
    }
    this.at = end;
    return word;
  }

  private number(what: string): number {
    const word = this.word(what);
    const value = parseGoFloatOrNull(word);
    if (value === null) throw new LineError(`${quoteShort(word)} is no number`);
    return value;
  }

  private seconds(what: string): number {
    const value = this.number(what);
    if (!Number.isFinite(value)) throw new LineError(`invalid ${what} ${value}`);
    return checkedTime(Math.trunc(value * 1000));
  }

  private milliseconds(): number {
    const word = this.word("timestamp or new record");
    if (!/^\d+$/.test(word)) throw new LineError(`expected timestamp or new record, got ${quoteShort(word)}`);
    return checkedTime(Number(word));
  }

  private quoted(): string {
    const start = ++this.at;
    const { text } = this;
    while (this.at < text.length && text.charCodeAt(this.at) !== QUOTE) {
      if (text.charCodeAt(this.at) === BACKSLASH) this.at++;
      this.at++;
    }
    if (this.at >= text.length) throw new LineError("a quote is not closed");
    return unescapeText(text.slice(start, this.at++));
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private skip(character: string): boolean {
    const found = this.text.startsWith(character, this.at);
    if (found) this.at++;
    return found;
  }

  private expect(character: string, reason: string): void {
    if (!this.skip(character)) throw new LineError(this.unexpected(reason));
  }

  private blanks(): void {
    for (; this.at < this.text.length; this.at++) {
      const unit = this.text.charCodeAt(this.at);
      if (unit !== SPACE && unit !== TAB) return;
    }
  }

  private blanksInBraces(): void {
    if (!this.openMetrics) this.blanks();
  }

  private unexpected(reason: string): string {
    return `${reason}, got ${quoteShort(this.text.slice(this.at))}`;
  }
}

const SPACE = 0x20;
const TAB = 0x09;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

const PROMETHEUS_TYPES: ReadonlySet<string> = new Set([
  "counter",
  "gauge",
  "histogram",
  "summary",
  "untyped",
]);
const OPENMETRICS_TYPES: ReadonlySet<string> = new Set([
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
]);

function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(["\\n])/g, (_, character: string) => (character === "n" ? "\n" : character));
}

/** Refuses what a label set cannot have. */
function labelsOf(pairs: readonly (readonly [string, string])[]): Labels {
  const names = new Set<string>();
  for (const [name] of pairs) {
    if (name === "") throw new LineError("a label has an empty name");
    if (names.has(name)) throw new LineError(`label ${quoteShort(name)} is given twice`);
    names.add(name);
  }
  return Labels.from(pairs);
}

function checkedTime(timestampMs: number): number {
  if (!Number.isSafeInteger(timestampMs)) throw new LineError(`timestamp ${timestampMs} is out of range`);
  return timestampMs;
}

/** Text of the input in a message: bounded. */
export function quoteShort(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
