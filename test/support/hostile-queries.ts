/**
 * Queries that want too much: of time, memory, depth or text. The same seed gives the same queries. They are asked of
 * the data of `hostileSeries`; every one is a question that somebody may send, none is invalid HTTP.
 */
import { randomBelow, seededRandom } from "./random.js";
import { postV1 } from "./write-client.js";

export interface HostileQuery {
  /** Behind `/api/v1/`. */
  readonly path: string;
  readonly params: readonly (readonly [string, string])[];
}

type Random = () => number;

const SAMPLE_STEP_MS = 1000;
const LONG_SERIES = 10;
const LONG_SAMPLES = 10_000;
const SERIES_PER_REQUEST = 5000;

/** `many` series of one sample each and ten of ten thousand, the newest at `endMs`. */
export async function writeHostileData(url: string, many: number, endMs: number): Promise<void> {
  for (let from = 0; from < many; from += SERIES_PER_REQUEST) {
    const series = Array.from({ length: Math.min(SERIES_PER_REQUEST, many - from) }, (_, k) => {
      const i = from + k;
      const labels: [string, string][] = [
        ["__name__", `many_${i % 100}`],
        ["id", `id-${i}-${"a".repeat(40)}b`],
        ["instance", `host-${i % 1000}`],
        ["job", "hostile"],
        ["le", i % 2 === 0 ? `${i % 13}` : "+Inf"],
      ];
      return { labels, samples: [{ value: i, timestamp: endMs }] };
    });
    const { status, text } = await postV1(url, series);
    if (status >= 300) throw new Error(text);
  }
  for (let s = 0; s < LONG_SERIES; s++) {
    const samples = Array.from({ length: LONG_SAMPLES }, (_, k) => ({
      value: (k * 7919) % 1009,
      timestamp: endMs - (LONG_SAMPLES - 1 - k) * SAMPLE_STEP_MS,
    }));
    const labels: [string, string][] = [
      ["__name__", "long_total"],
      ["s", String(s)],
    ];
    const { status, text } = await postV1(url, [{ labels, samples }]);
    if (status >= 300) throw new Error(text);
  }
}

const ALL = '{job="hostile"}';
const BOMBS = [
  "(a+)+b",
  "(a|aa)+c",
  "(.*a){12}c",
  "((a{1,30}){1,30})c",
  "(x+x+)+y|.*b",
  "[^b]*(a?){60}a{60}b.*",
  "(.*)(.*)(.*)(.*)(.*)(.*)z",
  "(?i)(id|ID|iD)-([0-9]+|[a-f]+)*-a*b",
  "a{1,1000}b",
  "(a{1,1000}){1,1000}",
  `(${Array.from({ length: 2000 }, (_, i) => `word${i}`).join("|")})`,
];
const RANGE_FUNCTIONS = [
  "rate",
  "quantile_over_time",
  "mad_over_time",
  "stddev_over_time",
  "avg_over_time",
  "deriv",
  "changes",
  "resets",
  "max_over_time",
  "double_exponential_smoothing",
  "predict_linear",
  "absent_over_time",
  "count_over_time",
];

function pick<T>(random: Random, all: readonly T[]): T {
  return all[randomBelow(random, all.length)] as T;
}

function overTime(random: Random, operand: string): string {
  const name = pick(random, RANGE_FUNCTIONS);
  if (name === "quantile_over_time") return `quantile_over_time(0.9, ${operand})`;
  if (name === "double_exponential_smoothing") return `double_exponential_smoothing(${operand}, 0.5, 0.5)`;
  if (name === "predict_linear") return `predict_linear(${operand}, 1e9)`;
  return `${name}(${operand})`;
}

const nested = (open: string, inner: string, close: string, depth: number): string =>
  open.repeat(depth) + inner + close.repeat(depth);

/** Each makes an expression that is hostile in its own way. */
const EXPRESSIONS: readonly ((random: Random) => string)[] = [
  () => '{__name__=~".+"}',
  (random) => `count({id=~"${pick(random, BOMBS)}"})`,
  (random) => `{job="hostile",id!~"${pick(random, BOMBS)}"}`,
  (random) => `label_replace(${ALL}, "x", "$1", "id", "${pick(random, BOMBS)}")`,
  (random) => nested("label_replace(", ALL, ', "id", "$1$1", "id", "(.*)")', 1 + randomBelow(random, 20)),
  (random) => nested("label_join(", ALL, ', "id", "-", "id", "id", "id")', 1 + randomBelow(random, 12)),
  (random) => overTime(random, `long_total[${1 + randomBelow(random, 9)}h]`),
  (random) => overTime(random, `vector(time())[${pick(random, ["1d", "100d", "1y", "100y"])}:1s]`),
  (random) => overTime(random, `long_total[3h:${pick(random, ["1ms", "10ms", "1s"])}]`),
  (random) => overTime(random, `${overTime(random, `${overTime(random, "long_total[5m]")}[1h:1s]`)}[1h:1s]`),
  (random) => nested("max_over_time(", "long_total", "[10m:1s])", 1 + randomBelow(random, 60)),
  (random) => nested("(", "1", ")", pick(random, [100, 499, 5000, 100_000])),
  (random) => `${"-".repeat(pick(random, [100, 5000, 200_000]))}1`,
  (random) => nested("abs(", ALL, ")", pick(random, [10, 200, 20_000])),
  (random) => nested("sum by (id) (", ALL, ")", pick(random, [5, 50, 600])),
  (random) =>
    Array(pick(random, [50, 300, 3000]))
      .fill(ALL)
      .join(" or "),
  (random) =>
    Array(pick(random, [50, 400, 3000]))
      .fill("vector(1)")
      .join(" + "),
  (random) => `1${"+1".repeat(pick(random, [400, 100_000]))}`,
  () => `${ALL} * on () group_left ${ALL}`,
  () => `${ALL} * on (job) group_left (id) ${ALL}`,
  () => `${ALL} * on (id) ${ALL} / on (id) ${ALL}`,
  () => `${ALL} and on (instance) ${ALL} unless on (id) ${ALL}`,
  (random) => `topk(${pick(random, ["1e6", "1e18", "NaN", "-Inf"])}, ${ALL})`,
  () => `limit_ratio(0.99, ${ALL})`,
  () => `limitk(1e9, ${ALL})`,
  () => `count_values("id", ${ALL})`,
  () => `count_values without () ("v", ${ALL} * 1e-300)`,
  () => `sort_by_label_desc(${ALL}, "id", "instance")`,
  () => `sort_desc(${ALL})`,
  () => `quantile by (id) (0.5, ${ALL})`,
  () => `histogram_quantile(0.5, ${ALL})`,
  () => `histogram_quantiles("q", 0.1, 0.2, 0.9, ${ALL})`,
  () => `histogram_fraction(-Inf, NaN, ${ALL})`,
  () => `histogram_avg(rate(${ALL}[1h]))`,
  () => `info(${ALL}, {__name__=~".+", id=~".+"})`,
  () => `absent(${ALL} > 1e300)`,
  () => `scalar(${ALL}) + stddev(${ALL})`,
  (random) => `"${"x".repeat(pick(random, [10_000, 3_000_000]))}"`,
  (random) =>
    `{id=~"${Array.from({ length: pick(random, [100, 20_000]) }, (_, i) => `id-${i}-a*b`).join("|")}"}`,
  (random) =>
    `sum without (${Array.from({ length: pick(random, [10, 20_000]) }, (_, i) => `l${i}`).join(",")}) (${ALL})`,
  (random) => `${"9".repeat(pick(random, [400, 1_000_000]))}`,
  () => `long_total[100y]`,
  () => `${ALL}[10000d:1ms]`,
  () => `long_total offset 9999999999s @ 1e300`,
  () => `long_total @ -9e15 offset -290y`,
  () => `max_over_time(long_total[290y:1ms] offset -290y)`,
  () => `step() + min_of(1e308, 2)`,
  (random) => `long_total[${nested("(", "5m", ")", pick(random, [50, 5000]))}]`,
  (random) => `long_total[5m${"+1s".repeat(pick(random, [50, 50_000]))}]`,
  () => "\u0000\ud800{{{{",
];

function hostileExpression(random: Random): string {
  return pick(random, EXPRESSIONS)(random);
}

/** Query `index` of a seed. `endMs`: the time of the newest sample. */
export function hostileQuery(seed: number, index: number, endMs: number): HostileQuery {
  const random = seededRandom(seed * 1_000_003 + index);
  // Each kind comes once before chance decides.
  const query =
    index < EXPRESSIONS.length
      ? (EXPRESSIONS[index] as (typeof EXPRESSIONS)[0])(random)
      : hostileExpression(random);
  const end = endMs / 1000;
  const dice = random();
  if (dice < 0.45)
    return {
      path: "query",
      params: [
        ["query", query],
        ["time", String(end)],
      ],
    };
  if (dice < 0.9) {
    const [start, step] = pick(random, [
      [end - 10_000, 1],
      [end - 1000, 0.1],
      [end - 10_000, 100],
      [0, 1],
      [end - 1e9, 1],
      [-9e15, 1e12],
      [end - 1e6, 91],
    ]) as [number, number];
    const params: [string, string][] = [
      ["query", query],
      ["start", String(start)],
      ["end", String(end)],
      ["step", String(step)],
    ];
    if (random() < 0.2) params.push(["stats", "all"]);
    return { path: "query_range", params };
  }
  const path = pick(random, ["series", "labels", "format_query", "parse_query", "query_exemplars"]);
  const selector = `{id=~"${pick(random, BOMBS)}"}`;
  return {
    path,
    params: [
      ["query", query],
      ["match[]", selector],
      ["match[]", ALL],
      ["limit", String(randomBelow(random, 100))],
    ],
  };
}
