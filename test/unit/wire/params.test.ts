import * as assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import { limitList, limitResult } from "../../../dist/wire/limit-result.js";
import {
  MAX_TIME_MS,
  MIN_TIME_MS,
  type Params,
  parseExemplarsQuery,
  parseInstantQuery,
  parseLabelsParams,
  parseLabelValuesParams,
  parseMetadataParams,
  parseRangeQuery,
  parseSeriesParams,
  requireNonEmptyMatchers,
} from "../../../dist/wire/params.js";

const NOW_MS = 1_700_000_000_123;
const p = (text: string): Params => [...new URLSearchParams(text)];
const instant = (text: string) => parseInstantQuery(p(text), NOW_MS);
const range = (text: string) => parseRangeQuery(p(text));

/** The message of what `run` refuses. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof RefusalError, String(error));
    assert.equal(error.code, "bad_data");
    return error.message;
  }
  throw new Error("was not refused");
}

test("an instant query's parameters and defaults", () => {
  assert.deepEqual(instant("query=up"), {
    query: "up",
    timeMs: NOW_MS,
    timeoutMs: null,
    lookbackDeltaMs: 0,
    limit: 0,
    stats: "",
  });
  assert.deepEqual(instant("query=up&time=1.5&timeout=1m30s&lookback_delta=10&limit=7&stats=all&query=x"), {
    query: "up",
    timeMs: 1500,
    timeoutMs: 90_000,
    lookbackDeltaMs: 10_000,
    limit: 7,
    stats: "all",
  });
});

test("times are seconds or RFC 3339", () => {
  for (const [text, timeMs] of [
    ["1435781451.781", 1435781451781],
    ["1435781451.7814", 1435781451781],
    ["1435781451.7816", 1435781451782],
    ["-1.5", -1500],
    ["1e3", 1_000_000],
    ["1_000", 1_000_000],
    ["0x1p4", 16_000],
    ["-0X1.8P4", -24_000],
    ["2015-07-01T2:10:51Z", 1435716651000],
    ["2015-07-01T02:10:51%2B24:60", 1435626651000],
    [".5", 500],
    ["2015-07-01T20:10:51.781Z", 1435781451781],
    ["2015-07-01T20:10:51.7819Z", 1435781451781],
    ["2015-07-01T22:10:51%2B02:00", 1435781451000],
    ["0001-01-01T00:00:00Z", -62135596800000],
    ["-292273086-05-16T16:47:06Z", MIN_TIME_MS],
    ["292277025-08-18T07:12:54.999999999Z", MAX_TIME_MS],
  ] as const) {
    assert.equal(instant(`query=1&time=${text}`).timeMs, timeMs, text);
  }
  for (const text of [
    "x",
    "0x10",
    "2015-07-01t20:10:51z",
    "2015-02-30T00:00:00Z",
    "2015-07-01",
    "1e400",
    "NaN",
    "Inf",
    "1e300",
    "9223372036854775807",
    "0xp4",
    "1__0",
    "2015-07-01T24:00:00Z",
  ]) {
    assert.equal(
      refusal(() => instant(`query=1&time=${text}`)),
      `invalid parameter "time": invalid time value for 'time': cannot parse "${text}" to a valid timestamp`,
    );
  }
});

test("instant queries are refused in Prometheus 3.5's words", () => {
  for (const [text, message] of [
    ["timeout=x", 'invalid parameter "timeout": cannot parse "x" to a valid duration'],
    ["timeout=-5s", 'invalid parameter "timeout": cannot parse "-5s" to a valid duration'],
    ["limit=x", 'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'],
    ["limit=1.5", 'invalid parameter "limit": strconv.Atoi: parsing "1.5": invalid syntax'],
    ["limit=-1", 'invalid parameter "limit": limit must be non-negative'],
    [
      "limit=99999999999999999999",
      'invalid parameter "limit": strconv.Atoi: parsing "99999999999999999999": value out of range',
    ],
    ["lookback_delta=x", 'error parsing lookback delta duration: cannot parse "x" to a valid duration'],
  ] as const) {
    assert.equal(
      refusal(() => instant(`query=1&${text}`)),
      message,
    );
  }
  assert.equal(instant("query=1&limit=%2B1").limit, 1);
});

test("range queries are refused in Prometheus 3.5's words", () => {
  const resolution =
    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
  const step =
    'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer';
  for (const [text, message] of [
    ["", 'invalid parameter "start": cannot parse "" to a valid timestamp'],
    ["start=1", 'invalid parameter "end": cannot parse "" to a valid timestamp'],
    ["start=1&end=x", 'invalid parameter "end": cannot parse "x" to a valid timestamp'],
    ["start=5&end=1", 'invalid parameter "end": end timestamp must not be before start time'],
    ["start=1&end=5", 'invalid parameter "step": cannot parse "" to a valid duration'],
    ["start=1&end=5&step=0", step],
    ["start=1&end=5&step=-1", step],
    ["start=1&end=5&step=x", 'invalid parameter "step": cannot parse "x" to a valid duration'],
    ["start=1&end=5&step=1h1", 'invalid parameter "step": cannot parse "1h1" to a valid duration'],
    [
      "start=1&end=5&step=1e300",
      'invalid parameter "step": cannot parse "1e300" to a valid duration. It overflows int64',
    ],
    ["start=1&end=11002&step=1", resolution],
    ["start=1&end=5&step=0.0001", resolution],
    [
      "start=1&end=2&step=0.0005",
      'invalid parameter "step": query resolution step widths below one millisecond are not accepted',
    ],
  ] as const) {
    assert.equal(
      refusal(() => range(`query=1&${text}`)),
      message,
    );
  }
  const most = range("query=1&start=1&end=11001.5&step=1");
  assert.deepEqual([most.startMs, most.endMs, most.stepMs], [1000, 11_001_500, 1000]);
  assert.equal(range("query=1&start=0&end=1&step=5m").stepMs, 300_000);
});

test("selections: defaults, limits and what is refused", () => {
  assert.deepEqual(parseSeriesParams(p("match[]=a&match[]=b&start=1&limit=3")), {
    matches: ["a", "b"],
    startMs: 1000,
    endMs: MAX_TIME_MS,
    limit: 3,
  });
  assert.deepEqual(parseLabelsParams([]), {
    matches: [],
    startMs: MIN_TIME_MS,
    endMs: MAX_TIME_MS,
    limit: 0,
  });
  assert.equal(
    refusal(() => parseSeriesParams([])),
    "no match[] parameter provided",
  );
  const start = `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`;
  assert.equal(
    refusal(() => parseLabelsParams(p("start=x"))),
    start,
  );
  assert.equal(
    refusal(() => parseLabelValuesParams("", [])),
    'invalid label name: ""',
  );
  assert.equal(
    refusal(() => parseLabelValuesParams("a\udcff", [])),
    'invalid label name: "a\\xff"',
  );
  assert.deepEqual(parseLabelValuesParams("a\ufffd", []).matches, []);
  assert.equal(parseLabelValuesParams("a b", p("limit=2")).limit, 2);
  assert.equal(
    refusal(() => parseExemplarsQuery(p("query=up&start=5&end=1"))),
    "end timestamp must not be before start timestamp",
  );
  assert.deepEqual(parseMetadataParams(p("metric=up&limit=2")), {
    metric: "up",
    limit: 2,
    limitPerMetric: -1,
  });
  assert.equal(
    refusal(() => parseMetadataParams(p("limit=x"))),
    "limit must be a number",
  );
  assert.equal(
    refusal(() => parseMetadataParams(p("limit_per_metric=x"))),
    "limit_per_metric must be a number",
  );
});

test("a selection needs one matcher that the empty string fails", () => {
  const set = (op: "=" | "!=" | "=~" | "!~", value: string) => [{ name: "a", op, value }];
  const text = "match[] must contain at least one non-empty matcher";
  for (const bad of [[], set("=", ""), set("!=", "x"), set("=~", ".*"), set("!~", "x")]) {
    assert.equal(
      refusal(() => requireNonEmptyMatchers([set("=", "x"), bad])),
      text,
    );
  }
  requireNonEmptyMatchers([set("=", "x"), set("!=", ""), set("=~", ".+"), set("!~", ".*")]);
});

test("results are cut to the limit with a warning", () => {
  const series = [1, 2, 3].map(() => null) as never[];
  const result = { value: { type: "matrix" as const, series }, warnings: ["w"], infos: [] };
  assert.equal(limitResult(result, 0), result);
  assert.equal(limitResult(result, 3), result);
  const cut = limitResult(result, 2);
  assert.ok(cut.value.type === "matrix" && cut.value.series.length === 2);
  assert.deepEqual(cut.warnings, ["w", "results truncated due to limit"]);
  assert.deepEqual(limitList(["a", "b"], 1), { items: ["a"], warnings: ["results truncated due to limit"] });
});
