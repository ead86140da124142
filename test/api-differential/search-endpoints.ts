/** `/api/v1/search/*`, which Prometheus has from 3.14 on, behind a feature flag: `KIND=search`. */
import type { Dice } from "../differential/dice.js";
import type { Vocabulary } from "../differential/vocabulary.js";
import type { Kind } from "./campaign.js";
import type { Endpoint, Param } from "./endpoints.js";
import { searchRules } from "./explained-search.js";
import { limit, selector, time, type Value } from "./values.js";

const TEXTS: readonly string[] = [
  ...[
    "edge",
    "http",
    "HTTP",
    "node",
    "cpu",
    "req",
    "total",
    "reqs_total",
    "sec",
    "_",
    "e",
    "k6_http_req",
    "dgel",
  ],
  ...[
    "",
    "é",
    "日本",
    "nowhere",
    "edge_latency_seconds",
    "latency_edge",
    "ndcpu",
    "µ",
    "a",
    "recent.dotted name",
    " ",
  ],
  ...[
    "İ",
    "ſ",
    "K",
    "Σ",
    "ς",
    "__name__",
    "job",
    "jbo",
    "instance",
    "insatnce",
    "prometheus_",
    "edge_special_",
  ],
];
const BOOLEANS: readonly string[] = ["true", "false", "1", "0", "T", "f", "TRUE", "yes", "x", "", " true"];
const NUMBERS: readonly string[] = [
  "1",
  "3",
  "100",
  "10000",
  "10001",
  "0",
  "-1",
  "+5",
  "007",
  "1.5",
  "x",
  "",
  "1e2",
];
const THRESHOLDS: readonly string[] = [
  "0",
  "1",
  "25",
  "50",
  "70",
  "85",
  "99",
  "100",
  "101",
  "-1",
  "x",
  "",
  "5.0",
];

function oneOf(values: readonly Value[]): Param["value"] {
  return (dice) => dice.pick(values);
}

const PARAMS: readonly Param[] = [
  { name: "match[]", chance: 0.25, value: matcher, countMax: 3 },
  { name: "search[]", chance: 0.75, value: text, countMax: 3 },
  { name: "fuzz_threshold", chance: 0.3, value: oneOf(THRESHOLDS) },
  {
    name: "fuzz_alg",
    chance: 0.4,
    value: oneOf(["subsequence", "jarowinkler", "jarowinkler", "x", "", "Subsequence"]),
  },
  { name: "case_sensitive", chance: 0.3, value: oneOf(BOOLEANS) },
  { name: "include_score", chance: 0.5, value: oneOf(["true", "true", "1", ...BOOLEANS]) },
  { name: "sort_by", chance: 0.5, value: oneOf(["score", "score", "alpha", "alpha", "", "x", "name"]) },
  { name: "sort_dir", chance: 0.15, value: oneOf(["asc", "dsc", "desc", "", "DSC"]) },
  { name: "limit", chance: 0.3, value: (dice) => (dice.chance(0.6) ? dice.pick(NUMBERS) : limit(dice)) },
  { name: "batch_size", chance: 0.25, value: oneOf(["2", "7", ...NUMBERS]) },
];

function matcher(dice: Dice, vocabulary: Vocabulary): Value {
  return dice.chance(0.5)
    ? selector(dice, vocabulary)
    : dice.pick(['{job="edge"}', "edge_special", '{job!=""}']);
}

/** Now and then more than a request may have, or a broken character. */
function text(dice: Dice): Value {
  return dice.chance(0.02) ? { raw: "%ff" } : dice.pick(TEXTS);
}

function at(weight: number, name: string, ...more: readonly Param[]): Endpoint {
  return {
    weight,
    path: () => `/api/v1/search/${name}`,
    methods: ["GET", "POST"],
    params: [...more, ...PARAMS],
  };
}

const ENDPOINTS: readonly Endpoint[] = [
  at(4, "metric_names", { name: "include_metadata", chance: 0.2, value: oneOf(BOOLEANS) }),
  at(3, "label_names"),
  at(3, "label_values", {
    name: "label",
    chance: 0.95,
    value: oneOf([
      "job",
      "instance",
      "__name__",
      "kind",
      "odd label",
      "nowhere",
      "",
      "version",
      "é",
      "http.method",
      "cpu",
    ]),
  }),
  // What is wrong with times.
  {
    ...at(1, "label_names"),
    params: [
      { name: "start", chance: 0.5, value: oneOf(["x", "9999999999", "", "1e400", "NaN"]) },
      {
        name: "end",
        chance: 0.7,
        value: (dice) => (dice.chance(0.5) ? dice.pick(["x", "0", "-1"]) : time(dice)),
      },
    ],
  },
  { ...at(0.3, "label_names"), params: [{ name: "search[]", chance: 1, value: text, countMax: 40 }] },
];

export const SEARCH: Kind = {
  endpoints: ENDPOINTS,
  // Of a narrower range Prometheus answers roughly.
  always: "start=0",
  rules: searchRules,
};
