/** Random selectors over the corpus: all spellings of names and matchers, ranges, offset and @. */
import type { Dice } from "./dice.js";
import { type Expression, expression, option } from "./expression.js";
import { BEGIN_MS, END_MS } from "./span.js";
import type { Metric, Vocabulary } from "./vocabulary.js";

const PLAIN_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A range vector over whole metrics of thousands of samples says nothing more than over ten minutes. */
const RANGES = [
  ...[
    "1m",
    "1m",
    "2m",
    "2m",
    "5m",
    "5m",
    "5m",
    "5m",
    "5m",
    "7m30s",
    "10m",
    "10m",
    "15m",
    "1h",
    "61s",
    "301s",
  ],
  ...["15s", "30s", "45s", "1ms", "3h"],
];

export function quoted(text: string): string {
  return JSON.stringify(text);
}

export function labelName(name: string): string {
  return PLAIN_LABEL.test(name) ? name : quoted(name);
}

/** The same as arithmetic, numbers, or what later versions know of the query's own times. */
function spelledDuration(dice: Dice, { newer }: Vocabulary, plain: string): string {
  if (newer && dice.chance(0.12)) {
    return dice.pick([
      ...[
        "step() * 4",
        "max_of(step(), 2m)",
        "min_of(range() + 1m, 10m)",
        "step() + 1m",
        "max_of(1m, 30s) * 3",
      ],
      ...["(min_of(step(), 5m) + 30s)", "60 + step()", "range() + 30s"],
    ]);
  }
  if (!dice.chance(0.06)) return plain;
  return dice.pick([
    ...[`(${plain} * 2)`, "2 * 150s", "1h - 55m", "(5m + 30s) / 2", "2m ^ 1", "7m % 4m", "-1m + 5m"],
    ...["300", "1e2", "0x3c", "90.5", "1h - 2 * 25m"],
  ]);
}

/** A range that mostly holds a few samples of the metric. */
function rangeOf(dice: Dice, { intervalMs }: Metric): string {
  if (intervalMs <= 60_000 || dice.chance(0.1)) return dice.pick(RANGES);
  return dice.pick(["5m", "10m", "10m", "15m", "15m", "20m", "1h"]);
}

/** A metric that is worth asking for with this use in mind, now and then any other. */
export function pickMetric(
  dice: Dice,
  { metrics, byKind }: Vocabulary,
  use: "any" | "counter" | "gauge" | "bucket" | "native",
): Metric {
  const kind = use === "counter" && dice.chance(0.15) ? "native" : use;
  const all = kind === "any" || dice.chance(0.1) ? metrics : byKind[kind];
  // By name, k6 has most of them.
  const family = dice.weighted([
    [4, "edge"],
    [4, "node"],
    [2, "k6"],
    [1, ""],
  ]);
  const some = all.filter(({ name }) => name.startsWith(family));
  return dice.pick(some.length > 0 ? some : all);
}

export function instantSelector(dice: Dice, vocabulary: Vocabulary, metric: Metric): Expression {
  return expression(
    "vector",
    ...bareSelector(dice, vocabulary, metric),
    smoothed(dice, vocabulary),
    modifiers(dice, vocabulary),
  );
}

export function rangeSelector(dice: Dice, vocabulary: Vocabulary, metric: Metric): Expression {
  return expression(
    "matrix",
    ...bareSelector(dice, vocabulary, metric),
    `[${spelledDuration(dice, vocabulary, rangeOf(dice, metric))}]`,
    vocabulary.newer && dice.chance(0.15) ? option(dice.pick([" anchored", " smoothed"])) : "",
    modifiers(dice, vocabulary),
  );
}

function smoothed(dice: Dice, { newer }: Vocabulary): Expression {
  return option(newer && dice.chance(0.04) ? " smoothed" : "");
}

export function subquery(dice: Dice, vocabulary: Vocabulary, inner: Expression): Expression {
  const range = dice.pick(["30s", "1m", "2m", "5m", "5m", "10m", "30m"]);
  const step = dice.pick(["", "15s", "30s", "30s", "1m", "1m", "7s", "2m"]);
  return expression(
    "matrix",
    "(",
    inner,
    `)[${spelledDuration(dice, vocabulary, range)}:${step}]`,
    modifiers(dice, vocabulary),
  );
}

function modifiers(dice: Dice, { newer }: Vocabulary): Expression {
  if (!dice.chance(0.12)) return option("");
  const plain = `${dice.chance(0.25) ? "-" : ""}${dice.pick(["15s", "1m", "1m", "5m", "10m", "1h", "7s"])}`;
  const odd = newer
    ? ["60", "(30s + 30s)", "-(1m)", "(2 * 45s)", "-(1m - 3m)", "step()", "-step()"]
    : ["60", "1e2", "-90.5"];
  const offset = `offset ${dice.chance(0.1) ? dice.pick(odd) : plain}`;
  const seconds = dice.between(BEGIN_MS / 1000, END_MS / 1000) + (dice.chance(0.2) ? 0.123 : 0);
  const at = `@ ${dice.pick([String(seconds), String(seconds - (seconds % 15)), "start()", "end()"])}`;
  const both = dice.chance(0.5) ? `${offset} ${at}` : `${at} ${offset}`;
  return option(" ", dice.pick([offset, offset, at, both]));
}

function bareSelector(dice: Dice, vocabulary: Vocabulary, metric: Metric): (string | Expression)[] {
  const matchers = matcherList(dice, metric);
  if (dice.chance(0.06)) {
    const name = nameMatcher(dice, vocabulary, metric);
    return ["{", name, ...matchers.flatMap((one) => [option(",", one)]), "}"];
  }
  if (!PLAIN_NAME.test(metric.name)) {
    return ["{", quoted(metric.name), ...matchers.map((one) => option(",", one)), "}"];
  }
  if (matchers.length === 0) return [metric.name, dice.chance(0.05) ? option("{}") : ""];
  const [first, ...rest] = matchers;
  return [metric.name, option("{", first!, ...rest.map((one) => option(",", one)), "}")];
}

function nameMatcher(dice: Dice, { metrics }: Vocabulary, { name }: Metric): string {
  const other = dice.pick(metrics.filter((one) => one.name.slice(0, 6) === name.slice(0, 6))).name;
  return dice.pick([
    `__name__=${quoted(name)}`,
    `__name__=~${quoted(`${escapeRegexp(name)}|${escapeRegexp(other)}`)}`,
    `__name__=~"edge_twin_._total"`,
    `__name__=~${quoted(`${escapeRegexp(name.slice(0, -2))}.*`)}`,
    `__name__=~"edge_.*_total",job="edge"`,
    `__name__=~"edge.*seconds"`,
    `job="edge",__name__!~"edge_[^t].*"`,
  ]);
}

function matcherList(dice: Dice, { labels, series }: Metric): string[] {
  if (labels.size === 0 || dice.chance(0.4)) return [];
  // Those of one series: of labels chosen each for itself, few combinations exist.
  const pairs = dice.some(dice.pick(series), 1, 2);
  const all = pairs.map(([name, value]) => matcher(dice, name, value, labels.get(name)!));
  if (dice.chance(0.05))
    all.push(dice.pick(['absent_label=""', 'absent_label!=""', 'absent_label=~".*"', 'job=""']));
  return all;
}

function matcher(dice: Dice, label: string, value: string, values: readonly string[]): string {
  const name = labelName(label);
  const half = escapeRegexp(value.slice(0, Math.ceil(value.length / 2)));
  const others = dice.some(values, 0, 2);
  const some = [...others, value].map(escapeRegexp).join("|");
  const other = dice.pick(values);
  return dice.weighted([
    [8, () => `${name}=${quoted(value)}`],
    [3, () => `${name}!=${quoted(other)}`],
    [3, () => `${name}=~${quoted(some)}`],
    [2, () => `${name}!~${quoted(others.map(escapeRegexp).join("|") || "x|y")}`],
    [2, () => `${name}=~${quoted(`${half}.*`)}`],
    [1, () => `${name}!~${quoted(`${half}.+`)}`],
    [1, () => `${name}=~${quoted(`.*${escapeRegexp(value.slice(-3))}`)}`],
    [1, () => `${name}=~${quoted(`.*${escapeRegexp(value.slice(1, 3))}.*`)}`],
    [1, () => `${name}=~".+"`],
    [1, () => `${name}=~".*"`],
    [0.5, () => `${name}!~"|.*0.*"`],
    [1, () => `${name}=~"(?i)${escapeRegexp(value.toUpperCase()).replaceAll(/["\\\n]/g, ".")}"`],
    [0.5, () => `${name}=~"[a-n].*"`],
    [0.3, () => `${name}=""`],
    [0.2, () => `${name}="no such value"`],
  ])();
}

function escapeRegexp(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}
