/**
 * Where Varve answers as a later Prometheus than the 3.5 it is held against. Each entry names the line of
 * Prometheus' changelog and excuses that shape alone: it says how 3.5's answer reads in the later one's words, and
 * what then still differs is a difference.
 */
import type { Answer, QueryRequest } from "./request.js";

export interface LaterVersion {
  readonly changelog: string;
  /** 3.5's answer as the later version would have put it; the same object where the line does not apply. */
  readonly restate: (expected: Answer, actual: Answer, request: QueryRequest) => Answer;
}

/** Applies `change` to every warning and info. */
function restateTexts(expected: Answer, change: (text: string) => string): Answer {
  const changed = (all: readonly string[]): string[] => [...new Set(all.map(change))];
  const { warnings, infos, ...rest } = expected;
  return {
    ...rest,
    ...(warnings === undefined ? {} : { warnings: changed(warnings) }),
    ...(infos === undefined ? {} : { infos: changed(infos) }),
  };
}

/** What `histogram_quantile` and `histogram_fraction` note: where the name is dropped at once, it is not shown. */
const NAMELESS =
  /: (bucket label "le" is missing|vector contains a mix of classic and native histograms|input to histogram_)/;
const SHOWN_NAME = / for metric name "[^"]*"/;
const PLACE = /\d+:\d+: parse error/;
const MONOTONICITY = "needed to be fixed for monotonicity";
const SAMPLE_COUNT = /over -?\d+ samples/;
const MONOTONICITY_DETAILS =
  /, from buckets [^ ]+ to [^ ]+, with a max diff of [^ ]+, over -?\d+ samples from [^ ]+ to [^ ]+/;

/** `text` with its place moved behind the parentheses that begin there; null where none do. */
function behindParens(text: string, query: string): string | null {
  const place = /\(1:(\d+)\)$/.exec(text);
  if (place === null) return null;
  const column = Number(place[1]);
  const parens = /^[(\s]+/.exec(query.slice(column - 1));
  return parens === null ? null : text.replace(place[0], `(1:${column + parens[0].length})`);
}

export const LATER_VERSIONS: readonly LaterVersion[] = [
  {
    changelog:
      "3.6.0 PromQL: Fail when `NaN` is passed as parameter to `topk()`, `bottomk()`, `limitk()` and `limit_ratio()`. #16725",
    restate: (expected) => {
      if (expected.error === "Scalar value NaN overflows int64")
        return { ...expected, error: "Parameter value is NaN" };
      if (expected.error === "Ratio value NaN is NaN") return { ...expected, error: "Ratio value is NaN" };
      return expected;
    },
  },
  {
    changelog:
      "3.7.0 PromQL: Correct inaccurate character positions in errors for some aggregate expressions. #16996 #17031",
    restate: (expected, actual) => {
      const { error = "" } = expected;
      const same =
        error.includes("must not occur in ON and GROUP clause at once") &&
        error.replace(PLACE, "") === actual.error?.replace(PLACE, "");
      return same ? { ...expected, error: actual.error! } : expected;
    },
  },
  {
    changelog:
      "later, in no line of its own (3.14, asked beside, agrees): no number in front of the token in a parse error",
    restate: (expected) =>
      expected.error === undefined
        ? expected
        : { ...expected, error: expected.error.replace(/"<Item \d+>" (<op:)/, "$1") },
  },
  {
    changelog:
      "later, in no line of its own (3.14, asked beside, agrees): `step()` and `range()` among what a duration may be",
    restate: (expected) => {
      if (expected.error === undefined) return expected;
      const error = expected.error
        .replace(/expected number or duration or "\]"$/, 'expected number, duration, step(), range(), or "]"')
        .replace(
          "in subquery selector, expected number or duration",
          "in subquery or range selector, expected number or duration",
        )
        .replace(/expected number or duration$/, "expected number, duration, step(), or range()");
      return { ...expected, error };
    },
  },
  {
    changelog:
      "3.7.0 PromQL: Add warn-level annotations for counter reset conflicts in certain histogram operations. " +
      "#17051 #17094",
    restate: (expected, actual) => {
      const added = (actual.warnings ?? []).filter((text) =>
        text.includes("conflicting counter resets during"),
      );
      return added.length === 0
        ? expected
        : { ...expected, warnings: [...(expected.warnings ?? []), ...added] };
    },
  },
  {
    changelog: "3.7.0 PromQL: Avoid empty metric names in annotations for `histogram_quantile()`. #16794",
    restate: (expected, actual) => {
      // Where the removal of names is put off, there is one to show again.
      const named = [...(actual.warnings ?? []), ...(actual.infos ?? [])].filter((text) =>
        NAMELESS.test(text),
      );
      const counterparts = new Map(named.map((text) => [text.replace(SHOWN_NAME, ""), text]));
      return restateTexts(expected, (text) => {
        if (!NAMELESS.test(text)) return text;
        const nameless = text.replace(SHOWN_NAME, "");
        return counterparts.get(nameless) ?? nameless;
      });
    },
  },
  {
    changelog:
      "3.6.0 PromQL: Fix inconsistent annotations for `rate()` and `increase()` on histograms when feature flag " +
      "`type-and-unit-labels` is enabled. #16915",
    restate: (expected) =>
      restateTexts(expected, (text) =>
        text.replace(
          'label is not set to "counter", got',
          'label is not set to "counter" or "histogram", got',
        ),
      ),
  },
  {
    changelog: "3.10.0 PromQL: Add more detail to histogram quantile monotonicity info annotations. #15578",
    restate: (expected, actual) => {
      // Where it stands is the same, so each text has its counterpart with the details in it. Versions that have
      // them count the samples of a range query twice and more: the number is left out.
      const counterparts = new Map<string, string>();
      for (const text of actual.infos ?? []) {
        counterparts.set(text.replace(MONOTONICITY_DETAILS, ""), text);
        // Where the removal of names is put off, 3.5 shows none here.
        counterparts.set(text.replace(MONOTONICITY_DETAILS, "").replace(SHOWN_NAME, ""), text);
        counterparts.set(text.replace(SAMPLE_COUNT, ""), text);
      }
      return restateTexts(expected, (text) =>
        text.includes(MONOTONICITY) ? (counterparts.get(text.replace(SAMPLE_COUNT, "")) ?? text) : text,
      );
    },
  },
  {
    changelog:
      "3.12.0 PromQL: Emit a warning when `sort`, `sort_by_label` or `sort_by_label_desc` is used within range " +
      "(matrix) queries, as these functions do not have effect in that context. #18498",
    restate: (expected, actual) => {
      const added = (actual.warnings ?? []).filter((text) =>
        text.includes("sort is ineffective for range queries"),
      );
      return added.length === 0
        ? expected
        : { ...expected, warnings: [...(expected.warnings ?? []), ...added] };
    },
  },
  // Behind the others: their words are part of the texts that are looked for.
  {
    changelog:
      "3.7.0 (7ab68550dc, in no line of its own) PromQL: Unwrap superfluous parens during preprocessing: annotations " +
      "name the place of what is inside",
    restate: (expected, actual, { query }) => {
      const known = new Set([...(actual.warnings ?? []), ...(actual.infos ?? [])]);
      return restateTexts(expected, (text) => {
        const inside = behindParens(text, query);
        return inside !== null && !known.has(text) && known.has(inside) ? inside : text;
      });
    },
  },
];

interface LaterShape {
  readonly changelog: string;
  /** Of the query, once it is cut down to what still differs. */
  readonly query: RegExp;
  /** Of the difference. */
  readonly difference: RegExp;
}

const CUSTOM_BUCKETS =
  'edge_custom_seconds|edge_custom_secon\\.\\*|=~"edge.\\*seconds"|__name__!~"edge_\\[\\^t\\]';

/** What cannot be restated: other values. Each holds for a whole shrunk query, not for one that contains it. */
const LATER_SHAPES: readonly LaterShape[] = [
  {
    changelog:
      "3.9.0 PromQL: Check more consistently for many-to-one matching in filter binary operators. #17668",
    query: / (==|!=|<|>|<=|>=) /,
    difference: /many-to-one matching must be explicit .* instead of (200|422)/,
  },
  {
    changelog:
      "3.6.0 PromQL: Fail when `NaN` is passed as parameter to `topk()`, `bottomk()`, `limitk()` and `limit_ratio()`. #16725",
    query: /^\(?(limit_ratio|limitk|topk|bottomk)/i,
    difference:
      /^422 execution: ((Ratio|Parameter) value is NaN|Scalar value \+Inf overflows int64) instead of 200/,
  },
  {
    changelog:
      "3.14.0 PromQL: Fix `mad_over_time` returning 0 instead of `NaN` when the range contains a `NaN` sample. #19040",
    query: /^\(?mad_over_time\(/,
    difference: /: \[[\d.]+,"NaN"\] instead of \[[\d.]+,"/,
  },
  {
    changelog:
      "3.12.0 PromQL: Emit a warning when `sort`, `sort_by_label` or `sort_by_label_desc` is used within range " +
      "(matrix) queries, as these functions do not have effect in that context. #18498 (of more than ten warnings)",
    query: /sort/,
    difference: /^warnings .*sort is ineffective for range queries/,
  },
  {
    changelog:
      "3.7.0 PromQL: Set native histogram to gauge type when subtracting or multiplying/dividing with negative factors. #17004",
    query: /^\(?(rate|increase)\(\(?-/,
    difference: /^warnings .*this native histogram metric is not a counter/,
  },
  {
    changelog:
      "later, in no line of its own (3.14, asked beside, agrees): histograms with NaN in them equal themselves",
    query: /_seconds.* (==|!=) .*_seconds/,
    difference: /^\d+ instead of \d+ series, (unexpected|missing) /,
  },
  {
    changelog:
      "later, in no line of its own (3.14, asked beside, agrees): a product with NaN or an infinity keeps its empty buckets",
    query: /(NaN|Inf) \* |[*/] -?(NaN|Inf)/,
    difference: /"count":"(NaN|-Inf|\+Inf)".* instead of \[[\d.]+,\{"count":/,
  },
  {
    // Where the names are gone, two warnings are one, which stands at the later place.
    changelog: "3.7.0 PromQL: Avoid empty metric names in annotations for `histogram_quantile()`. #16794",
    query: /histogram_(quantile|fraction)\(.*histogram_(quantile|fraction)\(/,
    difference: /^warnings .*malformed value of/,
  },
  {
    changelog:
      "3.8.0 PromQL: Fix `histogram_fraction` for classic histograms and NHCB if lower bound is in the first bucket. #17424",
    query: /^\(?histogram_fraction\(/,
    difference: /\[[\d.]+,"[^"]+"\] instead of \[[\d.]+,"[^"]+"\]/,
  },
  {
    changelog: "3.8.0 PromQL: Reconcile mismatched NHCB bounds in `Add` and `Sub`. #17278",
    query: new RegExp(CUSTOM_BUCKETS),
    difference:
      /bounds change|other bounds|negative bounds|incompatible custom buckets|mismatched custom buckets|unexpected|many-to-one/,
  },
  {
    changelog: "3.6.0 PromQL: Fix extrapolation for native counter histograms. #16828",
    query: /^\(?(rate|increase)\(/,
    difference: /\{"count":"[^"]+".* instead of \[[\d.]+,\{"count":/,
  },
  {
    changelog: "3.6.0 PromQL: Fix extrapolation for native counter histograms. #16828 (as a label)",
    query: /count_values.*\b(rate|increase)\(/i,
    difference: /(missing|unexpected) .*"\{count:/,
  },
  {
    changelog:
      "3.10.0 (1dcdb07d30, #15687, in no line of its own) PromQL: use Kahan summation for Native Histograms (as a label)",
    query: /count_values.*\b(avg|sum|avg_over_time|sum_over_time)\b/i,
    difference: /(missing|unexpected) .*"\{count:/,
  },
  {
    changelog:
      "3.10.0 PromQL: info function: fix series without identifying labels not being returned. #17898",
    query: /\binfo\(/,
    difference: /unexpected|instead of [\d.]+ NaN/,
  },
  {
    changelog: "after 3.14.0 (88665ab517, #19266) PromQL: Honour the @ modifier when evaluating info series",
    query: /^\(?info\(.*(offset|@)/,
    difference: /^(\d+) instead of \1 series, | instead of undefined/,
  },
  {
    changelog: "3.7.0 PromQL: Fix `info()` function on churning series. #17135",
    query: /\binfo\(/,
    difference: /missing .*"version/,
  },
];

/** What no changelog explains. Counted and printed like the others, so that nobody takes them for agreement. */
const KNOWN_DIFFERENCES: readonly LaterShape[] = [
  {
    // Head and blocks have series in two orders; rounding shows it where a deviation is far smaller than the values.
    changelog: "open order: in which the series of a group are added up",
    query: /\b(stddev|stdvar)\b/i,
    difference: /: \[[\d.]+,"(-?[\d.]{8})[^"]*"\] instead of \[[\d.]+,"\1/,
  },
  {
    changelog: "Prometheus' own: it fails while it reads what was deleted in part",
    query: /./,
    difference: / instead of 422 execution: unexpected error: runtime error: index out of range/,
  },
  {
    changelog: "open order: which of equal values `topk` and `bottomk` take",
    query: /^\(?(topk|bottomk)\b/i,
    difference: /^(\d+) instead of \1 series, /,
  },
  {
    changelog: "open order: which series `limitk` takes",
    query: /^\(?limitk\b/i,
    difference: /^(\d+) instead of \1 series, /,
  },
  {
    changelog: "open order: which pair of many duplicates an error names",
    query: / on | ignoring |[-+*/%^<>=] /,
    difference:
      /^422 execution: found duplicate series for the match group .* instead of 422 execution: found duplicate series for/,
  },
  {
    changelog:
      "Prometheus' own: in the natural order of `sort_by_label` an empty value is neither before nor behind another",
    query: /^\(?sort_by_label(_desc)?\(/,
    difference: /^series in another order/,
  },
];

/** Whether Prometheus 3.14 can bear this explanation out. */
export function isOfLaterVersion(line: string): boolean {
  return !(line.startsWith("after 3.14") || KNOWN_DIFFERENCES.some(({ changelog }) => changelog === line));
}

/** `later`'s answer with our number of samples that needed to be fixed: it counts those of range queries twice. */
export function withoutCounts(later: Answer, own: Answer): Answer {
  const counterparts = new Map((own.infos ?? []).map((text) => [text.replace(SAMPLE_COUNT, ""), text]));
  return restateTexts(later, (text) =>
    text.includes(MONOTONICITY) ? (counterparts.get(text.replace(SAMPLE_COUNT, "")) ?? text) : text,
  );
}

/** Why a shrunk query may differ, as far as it is known. */
export function explanationsOfShape({ query }: QueryRequest, difference: string): string[] {
  return [...LATER_SHAPES, ...KNOWN_DIFFERENCES]
    .filter((shape) => shape.query.test(query) && shape.difference.test(difference))
    .map(({ changelog }) => changelog);
}
