import assert from "node:assert/strict";
import { test } from "node:test";
import { exprToJson } from "../../../dist/promql/parse/ast-json.js";
import { ParseError } from "../../../dist/promql/parse/parse-error.js";
import { parseExpr, parseMetricSelector } from "../../../dist/promql/parse/parser.js";
import { prettyExpr } from "../../../dist/promql/parse/pretty-printer.js";
import { printExpr } from "../../../dist/promql/parse/printer.js";

const EVERYTHING = {
  experimentalFunctions: true,
  durationExpressions: true,
  extendedSelectors: true,
  fillModifiers: true,
};

test("prints what it parses, in Prometheus' spelling", () => {
  const cases = [
    ["sum by(a,b)(rate(x{c='d'}[300s]))", 'sum by (a, b) (rate(x{c="d"}[5m]))'],
    ["a+b*c^d", "a + b * c ^ d"],
    ["a /on(x)group_left(y) b", "a / on (x) group_left (y) b"],
    ['{"my metric",z="1",a!~"b"}', '{__name__="my metric",a!~"b",z="1"}'],
    ["m offset -90s @ 12.5", "m @ 12.500 offset -1m30s"],
    ["max_over_time(m[1h:5m] @ end())", "max_over_time(m[1h:5m] @ end())"],
    ["-1 ^ 2", "-1 ^ 2"],
    ["x == bool 0x10", "x == bool 16"],
    ["a + fill_left(-1) fill_right(2) b", "a + fill_left (-1) fill_right (2) b"],
    ["rate(m[(1m+30s)*2] anchored)", "rate(m[(1m + 30s) * 2] anchored)"],
    ["sum without () (m)", "sum without () (m)"],
    ["m @ start() [5m]", "m[5m] @ start()"],
    ["m offset (1m*2) [5m]", "m[5m] offset (1m * 2)"],
    ["m offset --1m", "m offset 1m"],
    ["m offset -+-+-1m", "m offset -1m"],
    ["m offset --1m * 2", "m offset 1m * 2"],
    ["m offset -1m * 2", "m offset -1m * 2"],
    ["m offset --2 ^ 2", "m offset --2 ^ 2"],
    ["a + on (b) group_left fill (1) c", "a + on (b) group_left () fill (1) c"],
    ['label_replace(m,"a","b\\n","c",`d`)', 'label_replace(m, "a", "b\\n", "c", "d")'],
  ] as const;
  for (const [query, printed] of cases) {
    assert.equal(printExpr(parseExpr(query, EVERYTHING)), printed);
    assert.equal(printExpr(parseExpr(printed, EVERYTHING)), printed);
  }
});

test("refuses bad queries at Prometheus' place with Prometheus' words", () => {
  const cases = [
    ["", "unknown position: parse error: no expression found in input"],
    ["sum(", "1:5: parse error: unclosed left parenthesis"],
    ["foo bar", '1:5: parse error: unexpected identifier "bar"'],
    [
      "sum by (a b) (m)",
      '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"',
    ],
    ["m{a=1}", "1:5: parse error: unexpected character inside braces: '1'"],
    ["m{a}", '1:4: parse error: unexpected "}" in label matching, expected label matching operator'],
    ["m[5m", "1:5: parse error: unclosed left bracket"],
    [
      "m[5m] offset",
      "1:13: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
    ],
    [
      "\nrate(m)",
      '2:6: parse error: expected type range vector in call to function "rate", got instant vector',
    ],
    ['"ä" + m', "1:1: parse error: binary expression must contain only scalar and instant vector types"],
    ["m{ä}", "1:3: parse error: unexpected character inside braces: 'ä'"],
    ['m{a="ä", b}', '1:12: parse error: unexpected "}" in label matching, expected label matching operator'],
    // Bytes that were no UTF-8, as `decodeBytes` tells them, and U+FFFD, which Go takes for one.
    ['m{a="\udcff"}', "1:5: parse error: invalid UTF-8 rune"],
    ['"é\udce2\udc82" + m', "1:1: parse error: invalid UTF-8 rune"],
    ["m{a=`\ufffd`}", "1:5: parse error: invalid UTF-8 rune"],
    ["é", "1:1: parse error: unexpected character: 'é'"],
    ["m + \udcff", "1:5: parse error: unexpected character: '\ufffd'"],
    ["#\udcff\udcfe\nm m", '2:3: parse error: unexpected identifier "m"'],
    ["m @ foo", '1:5: parse error: unexpected identifier "foo" in @, expected timestamp'],
    [
      "limitk(1, m)",
      "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
    ],
    ["m + fill(1) m", "1:1: parse error: binop fill modifiers are experimental and not enabled"],
    [
      "topk(m)",
      "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    ],
    ["round(m,, 1)", "1:8: parse error: trailing commas not allowed in function call args"],
    ["sum(m, @ 10)", "1:6: parse error: trailing commas not allowed in function call args"],
    ["a + on (b) group_left [5m] c", '1:23: parse error: unexpected "[" in grouping opts, expected "("'],
    ["(a + on (b) group_left)", '1:23: parse error: unexpected ")" in grouping opts, expected "("'],
    [
      "0.25.5",
      '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0.25.5": invalid syntax',
    ],
    [
      "1e999",
      '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e999": value out of range',
    ],
    ["m @ 10 [5m]", "1:8: parse error: no @ modifiers allowed before range"],
  ] as const;
  for (const [query, message] of cases) {
    assert.throws(
      () => parseExpr(query),
      (error: unknown) =>
        error instanceof ParseError && error.code === "bad_data" && error.message === message,
      `${query}: ${messageOf(() => parseExpr(query))}`,
    );
  }
});

function messageOf(run: () => void): string {
  try {
    run();
    return "no error";
  } catch (error) {
    return (error as Error).message;
  }
}

test("refuses what nests too deeply, and parses what does not", () => {
  const nested = (levels: number): string => `${"(".repeat(levels)}m${")".repeat(levels)}`;
  assert.doesNotThrow(() => parseExpr(nested(400)));
  for (const query of [nested(100_000), `m${"+m".repeat(100_000)}`, `${"-".repeat(100_000)}m`]) {
    assert.throws(() => parseExpr(query), /nests deeper than 500 levels/);
  }
});

test("reads selectors of match[] parameters", () => {
  assert.deepEqual(parseMetricSelector('up{job=~"a|b"}'), [
    { name: "job", op: "=~", value: "a|b" },
    { name: "__name__", op: "=", value: "up" },
  ]);
  assert.throws(() => parseMetricSelector("up + 1"), /unexpected <op:\+>/);
});

test("breaks long queries into lines", () => {
  const query = `sum by (instance) (rate(${"long_".repeat(20)}total[5m])) / on (instance) group_left () other`;
  assert.equal(
    prettyExpr(parseExpr(query)),
    [
      "  sum by (instance) (",
      "    rate(",
      `      ${"long_".repeat(20)}total[5m]`,
      "    )",
      "  )",
      "/ on (instance) group_left ()",
      "  other",
    ].join("\n"),
  );
});

test("gives the tree as the API answers it", () => {
  assert.deepEqual(exprToJson(parseExpr("-m[5m] offset 1m".replace("-", ""))), {
    anchored: false,
    matchers: [{ name: "__name__", type: "=", value: "m" }],
    name: "m",
    offset: 60_000,
    offsetExpr: null,
    range: 300_000,
    rangeExpr: null,
    smoothed: false,
    startOrEnd: null,
    timestamp: null,
    type: "matrixSelector",
  });
});
