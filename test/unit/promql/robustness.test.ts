import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RefusalError } from "../../../dist/base/errors.js";
import { ParseError } from "../../../dist/promql/parse/parse-error.js";
import { parseExpr } from "../../../dist/promql/parse/parser.js";
import { printExpr } from "../../../dist/promql/parse/printer.js";
import { evaluateInstant, evaluateRange } from "../../../dist/promql/query.js";
import { MemoryQueryable } from "../../support/memory-queryable.js";
import { parseSeriesDescription } from "../../support/series-description.js";

const EVERYTHING = {
  experimentalFunctions: true,
  durationExpressions: true,
  extendedSelectors: true,
  fillModifiers: true,
  delayedNameRemoval: true,
  useStartTimestamps: true,
};

function storage(): MemoryQueryable {
  const queryable = new MemoryQueryable();
  const lines = [
    'm{a="1"} 1 2 stale 4 NaN 6',
    'm{a="2"} 1+1x6',
    'h{a="1"} {{schema:0 count:4 sum:5 buckets:[1 2 1]}}+{{schema:0 count:4 sum:5 buckets:[1 2 1]}}x5',
    'h{a="2"} {{schema:1 count:4 sum:5 n_buckets:[1 2 1] z_bucket:1 z_bucket_w:0.1}}x3 1 2 3',
    'c{a="1"} {{schema:-53 count:4 sum:5 custom_values:[1 2] buckets:[1 2 1]}}x2 _ Inf',
    'b_bucket{le="1"} 1 2 3 4',
    'b_bucket{le="+Inf"} 1 3 3 5',
  ];
  for (const line of lines) {
    const { labels, values } = parseSeriesDescription(line);
    values.forEach(({ value, omitted, stale, histogram }, i) => {
      if (omitted) return;
      const sample = { t: i * 60_000, value, stale };
      queryable.append(labels, [histogram === undefined ? sample : { ...sample, histogram }]);
    });
  }
  return queryable;
}

const token = fc.constantFrom(
  ..."m h c ( ) { } [ ] , : + - * / % ^ @ = =~ == 1 0.5 5m NaN offset bool on by without and or fill".split(
    " ",
  ),
  ..."group_left sum topk rate time start step max_of anchored smoothed # ` ' ä 😀 \\ \n . _".split(" "),
  '"a"',
);

test("any text is parsed or refused as bad data, and prints as what it is", () => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 14 }), fc.constantFrom("", " "), (tokens, glue) => {
      const text = tokens.join(glue);
      try {
        const printed = printExpr(parseExpr(text, EVERYTHING));
        assert.equal(printExpr(parseExpr(printed, EVERYTHING)), printed);
      } catch (error) {
        assert.ok(error instanceof ParseError, `${text}: ${String(error)}`);
      }
    }),
    { numRuns: 2000 },
  );
});

const selector = fc.constantFrom(
  "m",
  "h",
  "c",
  "b_bucket",
  '{__name__=~"m|h"}',
  "none",
  "m @ 120",
  "h offset 1m",
);
const range = fc.constantFrom(
  "m[3m]",
  "h[3m]",
  '{__name__=~".+"}[10m]',
  "c[5m] offset 30s",
  "(m + 1)[4m:30s]",
);
const vector = fc.letrec<{ vector: string }>((tie) => ({
  vector: fc.oneof(
    { maxDepth: 3 },
    selector,
    fc
      .tuple(
        fc.constantFrom("rate", "increase", "irate", "changes", "resets", "avg_over_time", "deriv"),
        range,
      )
      .map(([name, arg]) => `${name}(${arg})`),
    fc
      .tuple(fc.constantFrom("sum by (a)", "avg", "topk(2,", "stddev", "count without (a)"), tie("vector"))
      .map(([op, arg]) => (op.endsWith(",") ? `${op} ${arg})` : `${op} (${arg})`)),
    fc
      .tuple(
        tie("vector"),
        fc.constantFrom("+", "/ on (a)", "== bool", "</", "or", "unless on ()"),
        tie("vector"),
      )
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(
        fc.constantFrom("abs", "histogram_sum", "sort", "absent", "-", "histogram_quantile(0.5,"),
        tie("vector"),
      )
      .map(([name, arg]) => (name.endsWith(",") ? `${name} ${arg})` : `${name}(${arg})`)),
  ),
})).vector;

test("any query of the right types is answered or refused, at every step as at one", () => {
  const queryable = storage();
  // With it, a row of a range keeps the mark that its first step has, as in Prometheus: one step may differ.
  const options = { ...EVERYTHING, delayedNameRemoval: false };
  const refused = (run: () => void): boolean => {
    try {
      run();
      return false;
    } catch (error) {
      assert.ok(error instanceof RefusalError, String((error as Error).stack));
      return true;
    }
  };
  fc.assert(
    fc.property(vector, (query) => {
      const ranged = refused(() => evaluateRange(query, queryable, 0, 360_000, 60_000, options));
      let instant = false;
      for (let t = 0; t <= 360_000; t += 60_000) {
        if (refused(() => evaluateInstant(query, queryable, t, options))) instant = true;
      }
      // What cannot be answered at one of the steps cannot be answered over all of them.
      if (instant) assert.ok(ranged, query);
    }),
    { numRuns: 300 },
  );
});
