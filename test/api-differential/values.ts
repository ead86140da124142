/** Values of parameters, good and bad ones, as text or (where text cannot say it) as escaped bytes. */
import type { Dice } from "../differential/dice.js";
import { print } from "../differential/expression.js";
import { instantSelector, pickMetric, rangeSelector } from "../differential/selectors.js";
import { BEGIN_MS, END_MS } from "../differential/span.js";
import type { Vocabulary } from "../differential/vocabulary.js";

/** What goes over the wire: text is still to be escaped, `raw` is not. */
export type Value = string | { readonly raw: string };

const HOSTILE: readonly Value[] = [
  ...[
    "x",
    " ",
    "é",
    "\u0000",
    "a\nb",
    "<b>&amp;",
    '"',
    "😀",
    "\u2028",
    "-",
    "null",
    "undefined",
    "[]",
    "\ufffd",
  ],
  ...["%FF", "%c3%28", "%ed%a0%80", "%00", "%f0%9f%98", "a%e2%82b"].map((raw) => ({ raw })),
];

/** Now and then what is no value of any parameter. */
function orHostile(dice: Dice, probability: number, value: () => Value): Value {
  return dice.chance(probability) ? dice.pick(HOSTILE) : value();
}

function seconds(ms: number): string {
  return String(ms / 1000);
}

const ODD_TIMES: readonly string[] = [
  ...[
    "",
    "0",
    "-0",
    "-1",
    "-1.5",
    "1e9",
    "1.7092464e9",
    "1_709_246_400",
    "1__0",
    "0x1p4",
    "0x10",
    "0X1.8P4",
    "+5",
  ],
  ...[
    "NaN",
    "nan",
    "Inf",
    "-Inf",
    "+inf",
    "infinity",
    "1e300",
    "-1e300",
    "9223372036854775807",
    "9223372036854776",
  ],
  ...[
    "9e15",
    "-9e15",
    "1e10",
    "253402300800",
    "1e400",
    " 1",
    "1 ",
    "1,5",
    ".5",
    "5.",
    ".",
    "e5",
    "now",
    "5m",
    "١٢",
  ],
  ...[
    "2024-02-30T00:00:00Z",
    "2024-02-29T24:00:00Z",
    "2024-02-29T23:59:60Z",
    "2024-02-29T23:59:59",
    "2024-02-29",
  ],
  ...["2024-02-29t23:30:00Z", "2024-02-29T23:30:00z", "2024-02-29 23:30:00Z", "2024-2-29T23:30:00Z"],
  ...[
    "2024-02-29T23:30:00.5Z",
    "2024-02-29T23:30:00,5Z",
    "2024-02-29T23:30:00.Z",
    "2024-02-29T23:30:00.123456789123Z",
  ],
  ...[
    "2024-03-01T00:30:00+01:00",
    "2024-02-29T23:30:00+24:00",
    "2024-02-29T23:30:00+23:60",
    "2024-02-29T23:30:00-00:00",
  ],
  ...[
    "2024-02-29T3:30:00Z",
    "2024-02-29T23:30Z",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
  ],
  ...["10000-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "-292273086-05-16T16:47:06Z"],
  ...["292277025-08-18T07:12:54.999999999Z", "292277025-08-18T07:12:54Z", "2024-02-29T23:30:00+0100"],
];

/** One time in one of its spellings. */
export function spelledTime(dice: Dice, ms: number): string {
  return dice.weighted<() => string>([
    [6, () => seconds(ms)],
    [1, () => (ms / 1000).toFixed(3)],
    [1, () => String(ms / 1e9).concat("e6")],
    [2, () => new Date(ms).toISOString()],
    [1, () => `${new Date(ms + 7_200_000).toISOString().slice(0, -1)}+02:00`],
    [0.5, () => `${new Date(ms - 19_800_000).toISOString().slice(0, -1)}-05:30`],
    [0.5, () => `${new Date(ms).toISOString().slice(0, 19)}Z`],
    [0.5, () => `${seconds(ms)}${ms % 1000 === 0 ? ".0001" : "4"}`],
  ])();
}

export function corpusTimeMs(dice: Dice): number {
  const ms = dice.between(BEGIN_MS - 120_000, END_MS + 400_000);
  return dice.chance(0.7) ? ms - (ms % 15_000) : ms;
}

export function time(dice: Dice): Value {
  if (dice.chance(0.3)) return dice.pick(ODD_TIMES);
  return orHostile(dice, 0.05, () => spelledTime(dice, corpusTimeMs(dice)));
}

const ODD_DURATIONS: readonly string[] = [
  ...[
    "",
    "0",
    "-1",
    "-5s",
    "0s",
    "0.5",
    "1e-3",
    "1e300",
    "NaN",
    "Inf",
    "-Inf",
    "1_0",
    "0x1p4",
    "1h1",
    "1m1h",
    "1.5h",
  ],
  ...[
    "5 m",
    "m",
    "5M",
    "1y",
    "1w2d",
    "300y",
    "1ms",
    "0.0004",
    "+5m",
    "5µs",
    "1d1d",
    "9223372036",
    "9223372037",
    "1e10",
  ],
  ...["00005", "1h30m", "60", "15.5", "2562047h48m"],
];

export function duration(dice: Dice): Value {
  if (dice.chance(0.45)) return dice.pick(ODD_DURATIONS);
  return orHostile(dice, 0.05, () => dice.pick(["15s", "30s", "60", "1m", "5m", "300", "1h", "10m", "14"]));
}

const ODD_LIMITS: readonly string[] = [
  ...["", "0", "-1", "-0", "+3", "1.5", "1e3", "0x10", "010", "1_000", " 5", "five", "NaN", "2147483648"],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775809", "99999999999999999999"],
];

export function limit(dice: Dice): Value {
  if (dice.chance(0.35)) return dice.pick(ODD_LIMITS);
  return orHostile(dice, 0.05, () => String(dice.pick([1, 2, 3, 5, 10, 100, 5000])));
}

const BAD_SELECTORS: readonly Value[] = [
  ...[
    "",
    "{}",
    '{__name__=~".*"}',
    '{job=""}',
    '{job!="x"}',
    "up{",
    "{job=edge}",
    '{job="edge"',
    "edge_special[5m]",
  ],
  ...[
    "edge_special offset 5m",
    "sum(edge_special)",
    "1",
    '"edge_special"',
    "{job=~'['}",
    '{job=~"*"}',
    '{job=~"(?P<n>a"}',
  ],
  ...[
    "edge_special{,}",
    '{job="edge",}',
    '{__name__="a",__name__="b"}',
    'edge_special{__name__="a"}',
    '{"edge_special"}',
  ],
  ...[
    '{"edge_special","edge_special"}',
    "{job='edge'}",
    "{job=`edge`}",
    '{job="\\xff"}',
    '{job="\\q"}',
    "{1a='x'}",
  ],
  ...["edge special", "edge_special @ 5", '{job=="x"}', '{job~"x"}', '{job=~"a{1001}"}', '{job=~"\\\\pN"}'],
  ...[
    '{__name__!=""}',
    '{job=~".+"}',
    '{job!~""}',
    '{a="b",job=~"e.*"}',
    "# nothing",
    "edge_special # with a comment",
  ],
  ...[
    '{job=~"\\\\C"}',
    '{job=~"a**"}',
    '{job=~"(?i)EDGE",kind!=""}',
    '{job="edge"}{}',
    "nowhere",
    '{"a b"="c"}',
  ],
  { raw: "%7Bjob%3D%22%ff%22%7D" },
  { raw: "%ff" },
  { raw: "edge_special%00" },
  { raw: "%7Bjob%3D%22a%00%22%7D" },
];

const FEW: readonly string[] = [
  ...[
    "edge_special",
    "edge_presence",
    "edge_twin_info",
    'edge_scale{size!="tiny"}',
    '{job="edge",kind=~"s.*"}',
  ],
  ...[
    '{"edge.http.requests"}',
    '{__name__=~"edge_twin_._total"}',
    '{"edge höhe in m",Ort="東京"}',
    "recent_up",
  ],
  ...[
    "exemplar_requests_total",
    "target_info",
    "edge_resets_total{instance='a'}",
    '{"http.method"="GET"}',
    "recent_special",
  ],
];

/** For `match[]`. */
export function selector(dice: Dice, vocabulary: Vocabulary): Value {
  return dice.weighted<() => Value>([
    [3, () => dice.pick(FEW)],
    [3, () => dice.pick(BAD_SELECTORS)],
    [0.3, () => dice.pick(HOSTILE)],
    [3, () => print(instantSelector(dice, vocabulary, pickMetric(dice, vocabulary, "any")))],
  ])();
}

const BAD_QUERIES: readonly Value[] = [
  ...[
    "",
    " ",
    "(",
    ")",
    "1 +",
    "sum(",
    "sum()",
    "rate(edge_special)",
    "rate(edge_special[5m]",
    "foo(1)",
    "up{",
    "1 1",
  ],
  ...[
    "edge_special[5m]",
    "edge_special[5m:1m]",
    "edge_special[0s]",
    "edge_special[-5m]",
    "edge_special offset",
    "{}",
  ],
  ...[
    '{__name__=~".*"}',
    'label_replace(edge_special,"a","b","c")',
    "topk(edge_special)",
    "a == bool b",
    "1 == 1",
  ],
  ...[
    "sum by (kind edge_special",
    "edge_special{kind=~'['}",
    "'unterminated",
    "`raw`",
    '"text"',
    "0x1F",
    "1e",
    "Inf",
    "NaN",
  ],
  ...[
    "edge_special and 1",
    "-'a'",
    "edge_special @ x",
    "edge_special @ start()",
    "absent()",
    "vector('a')",
    "time()",
    "pi()",
  ],
  ...[
    "1 / 0",
    "scalar(edge_special)",
    "edge_special * on(kind) edge_presence",
    "edge_special # comment",
    "édge",
    "😀",
  ],
  ...[
    "sum(edge_special) by kind",
    "histogram_quantile(2, edge_native_seconds)",
    "edge_special{a='\\xff'}",
    "(1",
    "1)",
  ],
  ...[
    "edge_special < bool",
    "5m",
    "1h1m",
    "edge_special[5m] offset 1h",
    "rate(edge_resets_total[5m])[10m:1m]",
    "\t1\n+\n2",
  ],
  ...[
    "quantile(NaN, edge_special)",
    "count_values(1, edge_special)",
    "sort(edge_special)",
    "group by () (edge_special)",
  ],
  ...[
    "label_join(edge_special, 'x y', '-', 'kind')",
    "<script>",
    "a & b",
    "'<&>'",
    "edge_twin_a_total + edge_twin_b_total",
  ],
  ...[
    "edge_twin_a_total * on(side) edge_twin_b_total",
    "1 + on(a) 2",
    "edge_special / ignoring(kind) group_left edge_scale",
  ],
  ...["limitk(2, edge_special)", "info(nowhere)", "sort_by_label(edge_special,'kind')"],
  { raw: "%ff" },
  { raw: "edge_special%7Bkind%3D%22%ff%22%7D" },
  { raw: "1%00" },
  { raw: "%22%e2%82%22" },
  { raw: "1+%2B+%80" },
];

/** PromQL itself is the other differential's matter: here simple expressions, and what is refused. */
export function query(dice: Dice, vocabulary: Vocabulary): Value {
  const metric = pickMetric(dice, vocabulary, "any");
  const counter = dice.pick(vocabulary.byKind.counter);
  return dice.weighted<() => Value>([
    [4, () => dice.pick(BAD_QUERIES)],
    [0.5, () => dice.pick(HOSTILE)],
    [2, () => dice.pick(FEW)],
    [3, () => print(instantSelector(dice, vocabulary, metric))],
    [1, () => print(rangeSelector(dice, vocabulary, metric))],
    [2, () => `sum(rate(${print(rangeSelector(dice, vocabulary, counter))}))`],
    [1, () => `count by (__name__, job) (${print(instantSelector(dice, vocabulary, metric))})`],
    [1, () => dice.pick(["1", "1+1", "vector(1)", "time()", "timestamp(edge_special)", "'<a>&'"])],
  ])();
}

/** Whose value does not depend on when exactly it is asked. */
export function queryOfNow(dice: Dice): Value {
  return dice.pick([
    ...[
      "recent_up",
      "count(recent_up)",
      "recent_special",
      "recent_stale",
      "recent_info",
      "recent_native",
      "1",
      "'a'",
    ],
    ...[
      '{"recent.dotted name"}',
      "sum by (instance) (recent_up)",
      "recent_up offset 1m",
      "up{",
      "nowhere",
      "sum(",
    ],
    ...[
      "histogram_quantile(0.5, recent_native)",
      "recent_up == 1",
      "absent(recent_up)",
      "max_over_time(recent_up[5m])",
    ],
  ]);
}

/** Names as they stand in a path: escaped or not, encoded or not. */
export function labelPathSegment(dice: Dice): string {
  return dice.weighted([
    [3, dice.pick(["job", "kind", "instance", "__name__", "le", "testid", "nowhere", "side", "code"])],
    [
      2,
      dice.pick([
        ...[
          "U__http_2e_method",
          "U__my_2d_tag",
          "U__st_e4_dt_2e_isch",
          "U__Ort",
          "U__job",
          "U____name____",
          "U__",
        ],
        ...[
          "U__a",
          "U___",
          "U__http_2e",
          "U__http_zz_x",
          "U___1f600_",
          "U__odd_20_label",
          "U__a__b",
          "U___110000_",
        ],
        ...[
          "U___d800_",
          "U__http_002e_method",
          "U__http_2E_method",
          "U__a_",
          "U___0_",
          "U___FFFD_",
          "U___0000000041_",
        ],
      ]),
    ],
    [
      1.5,
      dice.pick([
        ...[
          "http.method",
          "my-tag",
          "a%20b",
          "odd%20label",
          "st%C3%A4dt.isch",
          "%ff",
          "%00",
          "%e2%82",
          "a%2Fb",
          "%2F",
        ],
        ...[
          "1abc",
          "job%20",
          "a=b",
          "%7B%7D",
          "job%zz",
          "job%",
          "a+b",
          "%25",
          "..",
          ".",
          "%2e%2e",
          "a;b",
          "%EF%BF%BD",
        ],
      ]),
    ],
  ]);
}
