/**
 * Texts for `format_query` and `parse_query`: queries as they are generated, most of them broken at one or two
 * places, so that the parser's errors and their positions are compared, too.
 */
import { generateQuery } from "./campaign.js";
import { Dice } from "./dice.js";
import { print } from "./expression.js";
import type { Vocabulary } from "./vocabulary.js";

/** Roughly those of the language: what is cut at is a place between two of them. */
const TOKEN =
  /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[0-9][0-9a-zA-Z_.]*|[a-zA-Z_:][a-zA-Z0-9_:]*|[=!~<>]{1,2}|\s+|./gsu;

const INSERTED: readonly string[] = [
  ..."( ) [ ] { } , : @ = == =~ !~ != ! ~ < > <= >= + - * / % ^ # ; & | $ ? \\ \" ' ` . ...".split(" "),
  ..."sum by without on ignoring group_left group_right bool offset and or unless atan2 rate topk".split(" "),
  ..."count_values quantile limitk start end NaN Inf inf 1 0 -1 1e3 0x 0x1f 1e 1.5.2 08".split(" "),
  ..."1_000 1__0 5m 1h30m 30m1h 5mm 0s 1x [5m] [5m:] [5m:1m] [:] [] [1h {} {,} {a} up{} _ stale".split(" "),
  ...["offset 5m", "offset -5m", "@ 10", "@ start()", "@ -1.5", "@ NaN", "vector(1)", "time()", "foo", "a:b"],
  ...['"text"', "'text'", "`text`", '"\\q"', '"\\x41"', '"\\u0394"', '"\\777"', '"no end', '{a="b"}'],
  ...['{"a b"}', '{"a","b"}', '{a="b",}', '{=""}', '{a=~"("}', '{__name__="up"}', "histogram", "é", "東"],
  ...["\u00a0", "\t", "\n", "\u0000", "\u{1f600}"],
];
/** Words and signs that versions after 3.5 know. */
const NEWER =
  "</ >/ start() end() step() range() max_of min_of anchored smoothed fill(0) fill fill_left(1) fill_right".split(
    " ",
  );

export function generateText(seed: number, index: number, vocabulary: Vocabulary): string {
  const dice = new Dice(Math.imul(seed, 0x27d4eb2f) ^ Math.imul(index + 1, 0x165667b1));
  const inserted = vocabulary.newer ? [...INSERTED, ...NEWER] : INSERTED;
  let text = print(generateQuery(seed + 1, index, vocabulary).expression);
  if (dice.chance(0.35)) return respelled(dice, text);
  for (let left = dice.weighted([[6, 1], [2, 2], [1, 3]]); left > 0; left--) text = broken(dice, text, inserted); // biome-ignore format: a row of weights
  return text;
}

/** The same query with other white space, letters and comments. */
function respelled(dice: Dice, text: string): string {
  return (text.match(TOKEN) ?? [])
    .map((token) => {
      if (/^\s+$/.test(token)) return dice.pick([" ", " ", "  ", "\t", "\n", " # a comment\n"]);
      if (/^[(),]$/.test(token) && dice.chance(0.2))
        return dice.pick([` ${token}`, `${token} `, `${token}\n`]);
      if (/^(sum|avg|min|max|count|by|without|on|ignoring|bool|offset|and|or|unless)$/.test(token))
        return dice.chance(0.2) ? token.toUpperCase() : token;
      return token;
    })
    .join("");
}

function broken(dice: Dice, text: string, inserted: readonly string[]): string {
  const tokens = text.match(TOKEN) ?? [];
  const at = dice.between(0, Math.max(0, tokens.length - 1));
  const [before, token, behind] = [tokens.slice(0, at), tokens[at] ?? "", tokens.slice(at + 1)];
  const whole = (...middle: readonly string[]): string => [...before, ...middle, ...behind].join("");
  return dice.weighted<() => string>([
    [4, () => whole()],
    [2, () => whole(token, token)],
    [4, () => whole(token, dice.pick(inserted))],
    [4, () => whole(token, " ", dice.pick(inserted), " ")],
    [4, () => whole(dice.pick(inserted))],
    [2, () => [...before, token].join("")],
    [1, () => [token, ...behind].join("")],
    [2, () => [...before, ...behind, token].join("")],
    [2, () => brokenInside(dice, text)],
    [1, () => `(${text}`],
    [1, () => `${text})`],
    [
      1,
      () =>
        `${dice.pick(["sum", "rate", "topk", "foo", "abs", "absent", "label_join", "info", "by"])}(${text})`,
    ],
    [1, () => `${text} ${dice.pick(inserted)} ${text}`],
  ])();
}

/** A character gone, doubled or replaced. */
function brokenInside(dice: Dice, text: string): string {
  const all = [...text];
  const at = dice.between(0, Math.max(0, all.length - 1));
  const other = dice.pick([
    [],
    [all[at] ?? "", all[at] ?? ""],
    [dice.pick([..."(){}[]\"'`,:=~!<>@#.x0é\\ "])],
  ]);
  return all.toSpliced(at, 1, ...other).join("");
}
