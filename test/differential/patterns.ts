/**
 * Random regular expressions in label matchers: of the syntax of RE2, and what it refuses. Each is asked of all the
 * values of `patternSeries` at once, so a query compares hundreds of pairs of pattern and value.
 */
import type { WireSeries } from "../support/remote-write.js";
import { Dice } from "./dice.js";
import { quoted } from "./selectors.js";
import { BEGIN_MS } from "./span.js";

const PATTERN_METRIC = "pattern_value";

const WORDS = [
  "a",
  "b",
  "ab",
  "abc",
  "foo",
  "bar",
  "prod",
  "eu-west-1",
  "10.0.0.1",
  "GET",
  "get",
  "x",
  "0",
  "42",
];
const ODD = ["\n", " ", "\t", ".", "-", "_", "/", "é", "É", "ſ", "K", "k", "東京", "\u{1f600}", "\u00a0", "\\", "\u0000", "$", "^", "|", "(", "*", "ß", "İ"]; // biome-ignore format: a list of characters

/** Values around the words and characters that patterns are made of; the same for every seed. */
export function patternSeries(): WireSeries[] {
  const dice = new Dice(17);
  const values = new Set(["", ...WORDS, ...ODD]);
  while (values.size < 400) {
    values.add(
      Array.from({ length: dice.between(1, 5) }, () => dice.pick(dice.chance(0.75) ? WORDS : ODD)).join(""),
    );
  }
  values.delete("");
  return [...values, null].map((value) => ({
    labels: [["__name__", PATTERN_METRIC], ...(value === null ? [] : [["value", value] as const])],
    samples: [{ value: 1, timestamp: BEGIN_MS }],
  }));
}

export function generatePattern(seed: number, index: number): string {
  const dice = new Dice(Math.imul(seed, 0x2545f491) ^ Math.imul(index + 1, 0x9e3779b1));
  let names = 0;
  const pattern = (dice.chance(0.3) ? simple(dice) : alternation(dice, dice.between(1, 4)))
    // Two groups of one name are refused (docs/LIMITS.md), and Prometheus takes them.
    .replaceAll(/\(\?P?<name>/g, (open) => (names++ === 0 ? open : open.replace("name", `name${names}`)));
  return dice.chance(0.12) ? broken(dice, pattern) : pattern;
}

/** The query that asks for a pattern, in one of the ways a pattern gets to a label. */
export function patternQuery(seed: number, index: number): string {
  const dice = new Dice(Math.imul(seed, 0x85ebca6b) ^ (index + 1));
  const pattern = quoted(generatePattern(seed, index));
  const template = dice.pick(["$1", "$0", "${1}x", "$2-$1", "$1x", "$name", "$$1", "$", "${", "$é"]);
  return dice.weighted([
    [6, `${PATTERN_METRIC}{value=~${pattern}}`],
    [3, `${PATTERN_METRIC}{value!~${pattern}}`],
    [1, `${PATTERN_METRIC}{value=~${pattern},value!~${quoted(generatePattern(seed, index + 1))}}`],
    [2, `label_replace(${PATTERN_METRIC}, "new", ${quoted(template)}, "value", ${pattern})`],
  ]);
}

/** What matchers mostly are: literals, prefixes, suffixes, alternatives of them, with little escaping. */
function simple(dice: Dice): string {
  const word = (): string => literal(dice, dice.pick(WORDS));
  const gap = (): string =>
    dice.pick([".*", ".+", ".*", "", ".?", ".*?", ".+?", "(.*)", "(?:.+)", ".", "\\.*"]);
  const one = (): string =>
    dice.pick([() => word(), () => word() + gap(), () => gap() + word(), () => gap() + word() + gap()])();
  const some = Array.from({ length: dice.between(1, 4) }, one);
  const all = some.join("|");
  return dice.weighted([
    [4, all],
    [1, `(${all})`],
    [1, `(?:${all})`],
    [1, `^${all}$`],
    [1, `^(?:${all})$`],
    [1, `(?i)${all}`],
    [1, `(?i:${all})`],
    [1, `${word()}(${all})`],
    [1, `(${all})${gap()}`],
    [1, `|${all}`],
    [0.5, `${all}|`],
  ]);
}

function literal(dice: Dice, text: string): string {
  return dice.chance(0.5) ? text.replaceAll(/[\\^$.|?*+()[\]{}-]/g, "\\$&") : text;
}

function alternation(dice: Dice, depth: number): string {
  const count = dice.weighted([[5, 1], [3, 2], [1, 3]]); // biome-ignore format: a row of weights
  return Array.from({ length: count }, () => concatenation(dice, depth)).join("|");
}

function concatenation(dice: Dice, depth: number): string {
  return Array.from({ length: dice.between(0, 4) }, () => repeated(dice, depth)).join("");
}

const REPEATS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,1}", "{2,}", "{0}", "{0,2}?", "{,2}", "{1001}", "{1000}", "{3,1}", "**", "{1,2}{2}"]; // biome-ignore format: a list of operators

function repeated(dice: Dice, depth: number): string {
  const one = atom(dice, depth);
  return dice.chance(0.35) ? one + dice.pick(REPEATS) : one;
}

const CLASSES = ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\pL", "\\p{Greek}", "\\P{Lu}", "\\p{^Han}", "\\pN", "[[:alpha:]]", "[[:^space:]]", "[[:word:]]", "\\p{L}", "\\p{Nope}", "[[:nope:]]", "\\C", "\\p{Any}", "\\p{Latin}", "\\R", "\\h"]; // biome-ignore format: a list of classes
const ESCAPES = ["\\.", "\\x41", "\\x{e9}", "\\n", "\\t", "\\a", "\\Qa.b\\E", "\\Q", "\\0", "\\07", "\\141", "\\8", "\\1", "\\-", "\\/", "\\_", "\\é", "\\x", "\\x{110000}", "\\u0041", "\\e", "\\k", "\\v", "\\f", "\\123", "\\E"]; // biome-ignore format: a list of escapes
const ANCHORS = ["^", "$", "\\A", "\\z", "\\b", "\\B", "\\Z", "(?m)^", "(?m:$)", "\\G"];
const FLAGS = ["(?i)", "(?s)", "(?-s)", "(?U)", "(?m)", "(?i-s)", "(?-i)", "(?x)", "(?", "(?ii)", "(?i--s)", "(?-)", "(?)", "(?#c)"]; // biome-ignore format: a list of flags
const GROUPS = ["(", "(?:", "(?i:", "(?P<name>", "(?<name>", "(?-s:", "(?U:", "(?=", "(?!", "(?<=", "(?>", "(?P=name", "(?P<é>", "(?P<>", "(?'n'", "(?i-s:"]; // biome-ignore format: a list of openings
const SETS = ["[a-c]", "[^a]", "[a-]", "[-a]", "[]a]", "[^]a]", "[\\d.]", "[^\\n]", "[a-z0-9_]+", "[\\w-]", "[é-ÿ]", "[z-a]", "[]", "[^]", "[a", "[\\]]", "[[:digit:]a]", "[[:digit:]", "[a-\\d]", "[\\pL\\d]", "[^\\S]", "[.*+]", "[(?i)]", "[\\x00-\\x{10FFFF}]", "[^\\x00-\\x{10FFFF}]", "[a&&b]", "[K]", "[^k]"]; // biome-ignore format: a list of sets

function atom(dice: Dice, depth: number): string {
  return dice.weighted<() => string>([
    [6, () => literal(dice, dice.pick(WORDS))],
    [1.5, () => dice.pick(ODD)],
    [3, () => "."],
    [2.5, () => dice.pick(SETS)],
    [2, () => dice.pick(CLASSES)],
    [1.5, () => dice.pick(ESCAPES)],
    [1, () => dice.pick(ANCHORS)],
    [0.5, () => dice.pick(FLAGS)],
    [depth > 0 ? 3 : 0, () => `${dice.weighted([[3, "("], [2, "(?:"], [2, dice.pick(GROUPS)]])}${alternation(dice, depth - 1)})`], // biome-ignore format: a row of weights
  ])();
}

function broken(dice: Dice, pattern: string): string {
  const all = [...pattern];
  const at = dice.between(0, Math.max(0, all.length - 1));
  const other = dice.pick([
    [],
    [dice.pick([..."()[]{}*+?|^$\\.,-0"])],
    [all[at] ?? "", dice.pick(["(", ")", "*", "\\"])],
  ]);
  return all.toSpliced(at, 1, ...other).join("");
}
