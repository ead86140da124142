/**
 * Random PromQL of the right types, weighted to what dashboards and alerts ask: mostly rates, sums and quotients,
 * every function of Prometheus 3.5 among them, and now and then a query that fails while it is evaluated.
 */
import type { Dice } from "./dice.js";
import { type Expression, expression, option } from "./expression.js";
import {
  AGGREGATIONS,
  DATE_FUNCTIONS,
  INSTANT_FUNCTIONS,
  NATIVE_FUNCTIONS,
  NEWER_RANGE_FUNCTIONS,
  RANGE_FUNCTIONS,
} from "./function-names.js";
import { instantSelector, labelName, pickMetric, quoted, rangeSelector, subquery } from "./selectors.js";
import type { Metric, Vocabulary } from "./vocabulary.js";

const NUMBERS = [
  "0",
  "1",
  "2",
  "3",
  "10",
  "100",
  "0.5",
  "1e3",
  "-1",
  "0.1",
  "60",
  "1024",
  "1e-9",
  "0x1F",
  "NaN",
  "Inf",
  "-Inf",
  "3.7",
  "2.5e5",
  "1_000",
  ".5",
  "1E-3",
  "5m",
  "1h30m",
  "0b11",
];
const QUANTILES = ["0.5", "0.9", "0.95", "0.99", "0.99", "0", "1", "0.25", "-0.1", "1.5", "NaN"];

export class QueryGenerator {
  readonly #dice: Dice;
  readonly #vocabulary: Vocabulary;
  /** The metrics asked for so far. */
  readonly used: Metric[] = [];

  constructor(dice: Dice, vocabulary: Vocabulary) {
    this.#dice = dice;
    this.#vocabulary = vocabulary;
  }

  /** For instant queries any type, for range queries what a range query may be. */
  query(kind: "instant" | "range"): Expression {
    const depth = this.#dice.weighted([
      [2, 0],
      [5, 1],
      [6, 2],
      [3, 3],
      [1, 4],
    ]);
    const dice = this.#dice;
    if (kind === "instant" && dice.chance(0.06)) return this.matrix(depth);
    if (dice.chance(0.04)) return this.scalar(depth);
    if (kind === "instant" && dice.chance(0.003)) return expression("string", quoted('ein "Wort" 東京'));
    if (dice.chance(0.04)) return this.#sorted(depth);
    return this.vector(depth);
  }

  vector(depth: number): Expression {
    if (depth <= 0) return this.#selector("any");
    return this.#dice.weighted<() => Expression>([
      [8, () => this.#dashboard()],
      [1.5, () => this.#selector("any")],
      [5, () => this.#rangeCall(depth)],
      [6, () => this.#aggregation(depth)],
      [5, () => this.#vectorBinary(depth)],
      [4, () => this.#scalarBinary(depth)],
      [1.5, () => this.#setBinary(depth)],
      [3, () => this.#instantCall(depth)],
      [1, () => this.#dateCall(depth)],
      [2.5, () => this.#nativeCall(depth)],
      [1.5, () => this.#quantile(depth)],
      [1.5, () => this.#labelCall(depth)],
      [0.6, () => this.#absent(depth)],
      [0.5, () => expression("vector", "vector(", this.scalar(depth - 1), ")")],
      [0.5, () => expression("vector", "-", this.vector(depth - 1))],
      [0.3, () => expression("vector", "(", this.vector(depth - 1), ")")],
      [0.25, () => this.#sorted(depth)],
      [0.2, () => this.#info(depth)],
    ])();
  }

  matrix(depth: number, use: "any" | "counter" | "gauge" | "native" = "any"): Expression {
    if (depth > 1 && this.#dice.chance(0.2))
      return subquery(this.#dice, this.#vocabulary, this.vector(depth - 1));
    if (this.#dice.chance(0.05)) return subquery(this.#dice, this.#vocabulary, this.#selector(use));
    return rangeSelector(this.#dice, this.#vocabulary, this.#metric(use));
  }

  scalar(depth: number): Expression {
    const number = (): Expression => expression("scalar", this.#dice.pick(NUMBERS));
    if (depth <= 0) return number();
    return this.#dice.weighted<() => Expression>([
      [8, number],
      [1, () => expression("scalar", "time()")],
      [0.3, () => expression("scalar", "pi()")],
      [2, () => expression("scalar", "scalar(", this.vector(depth - 1), ")")],
      [0.3, () => expression("scalar", "-", this.scalar(depth - 1))],
      [this.#vocabulary.newer ? 1 : 0, () => this.#newerScalar(depth)],
      [
        1.5,
        () => {
          const operator = this.#dice.pick([...ARITHMETIC, ...COMPARISONS.map((one) => `${one} bool`)]);
          return this.#joined("scalar", this.scalar(depth - 1), ` ${operator} `, this.scalar(depth - 1));
        },
      ],
    ])();
  }

  /** What later versions know as numbers. */
  #newerScalar(depth: number): Expression {
    const plain = this.#dice.pick(["start()", "end()", "range()", "step()", "max_of(", "min_of("]);
    if (plain.endsWith(")")) return expression("scalar", plain);
    return expression("scalar", plain, this.scalar(depth - 1), ", ", this.scalar(depth - 1), ")");
  }

  #metric(use: "any" | "counter" | "gauge" | "bucket" | "native"): Metric {
    const metric = pickMetric(this.#dice, this.#vocabulary, use);
    this.used.push(metric);
    return metric;
  }

  #selector(use: "any" | "counter" | "gauge" | "native"): Expression {
    return instantSelector(this.#dice, this.#vocabulary, this.#metric(use));
  }

  /** The shapes that make up most of all dashboards. */
  #dashboard(): Expression {
    const dice = this.#dice;
    const rate = (metric: Metric): Expression =>
      expression(
        "vector",
        dice.pick(["rate(", "rate(", "rate(", "irate(", "increase("]),
        rangeSelector(dice, this.#vocabulary, metric),
        ")",
      );
    const counter = this.#metric("counter");
    return dice.weighted<() => Expression>([
      [4, () => rate(counter)],
      [5, () => expression("vector", "sum", this.#grouping(counter), "(", rate(counter), ")")],
      [2, () => expression("vector", "avg", this.#grouping(counter), "(", rate(counter), ")")],
      [
        2,
        () => {
          const by = this.#grouping(counter);
          const sum = (): Expression => expression("vector", "sum", by, "(", rate(counter), ")");
          return this.#joined("vector", sum(), " / ", sum());
        },
      ],
      [2, () => this.#classicQuantile()],
      [1, () => expression("vector", `topk(${dice.between(1, 6)}, `, rate(counter), ")")],
      [
        1,
        () =>
          expression("vector", "100 * (1 - ", this.#selector("gauge"), " / ", this.#selector("gauge"), ")"),
      ],
      [1, () => expression("vector", "max_over_time(", this.matrix(1, "gauge"), ")")],
      [1, () => expression("vector", "count", this.#grouping(counter), "(", this.#selector("any"), ")")],
      [1, () => expression("vector", "changes(", this.matrix(1, "gauge"), ") > 0")],
    ])();
  }

  #classicQuantile(): Expression {
    const dice = this.#dice;
    const metric = this.#metric("bucket");
    const matrix = rangeSelector(dice, this.#vocabulary, metric);
    const kept = dice.some(
      [...metric.labels.keys()].filter((label) => label !== "le"),
      0,
      2,
    );
    const inner = dice.weighted<() => Expression>([
      [
        3,
        () =>
          expression("vector", `sum by (${["le", ...kept].map(labelName).join(", ")}) (rate(`, matrix, "))"),
      ],
      [2, () => expression("vector", "rate(", matrix, ")")],
      [2, () => instantSelector(dice, this.#vocabulary, metric)],
      [
        1,
        () =>
          expression("vector", "sum without (", kept.map(labelName).join(", "), ") (increase(", matrix, "))"),
      ],
    ])();
    if (dice.chance(0.2)) {
      const [lower, upper] = [
        dice.pick(["0", "0.1", "-Inf", "0.3", "1"]),
        dice.pick(["1", "+Inf", "0.5", "7", "0.1"]),
      ];
      return expression("vector", `histogram_fraction(${lower}, ${upper}, `, inner, ")");
    }
    return expression("vector", `histogram_quantile(${dice.pick(QUANTILES)}, `, inner, ")");
  }

  /** Quantiles and fractions of whatever there is. */
  #quantile(depth: number): Expression {
    const dice = this.#dice;
    if (dice.chance(0.4)) return this.#classicQuantile();
    const inner = dice.chance(0.7) ? this.#nativeVector(depth - 1) : this.vector(depth - 1);
    if (dice.chance(0.3)) {
      return expression(
        "vector",
        "histogram_fraction(",
        this.scalar(depth - 2),
        ", ",
        this.scalar(depth - 2),
        ", ",
        inner,
        ")",
      );
    }
    if (this.#vocabulary.newer && dice.chance(0.15)) {
      const several = dice.some(QUANTILES, 1, 4).join(", ");
      return expression(
        "vector",
        "histogram_quantiles(",
        inner,
        `, ${dice.pick(['"q"', '"le"', '"job"'])}, ${several})`,
      );
    }
    const q = dice.chance(0.9) ? expression("scalar", dice.pick(QUANTILES)) : this.scalar(depth - 1);
    return expression("vector", "histogram_quantile(", q, ", ", inner, ")");
  }

  #nativeVector(depth: number): Expression {
    const dice = this.#dice;
    const metric = this.#metric("native");
    const selector = instantSelector(dice, this.#vocabulary, metric);
    if (depth <= 0) return selector;
    return dice.weighted<() => Expression>([
      [3, () => selector],
      [
        3,
        () =>
          expression(
            "vector",
            dice.pick(["rate(", "increase(", "delta(", "irate(", "idelta("]),
            this.matrix(depth, "native"),
            ")",
          ),
      ],
      [
        2,
        () =>
          expression(
            "vector",
            dice.pick(["avg_over_time(", "sum_over_time(", "last_over_time("]),
            this.matrix(depth, "native"),
            ")",
          ),
      ],
      [
        3,
        () =>
          expression(
            "vector",
            dice.pick(["sum", "avg"]),
            this.#grouping(metric),
            "(",
            this.#nativeVector(depth - 1),
            ")",
          ),
      ],
      [
        1,
        () =>
          this.#joined(
            "vector",
            this.#nativeVector(depth - 1),
            dice.pick(this.#vocabulary.newer ? [" * ", " / ", " </ ", " >/ "] : [" * ", " / "]),
            this.scalar(depth - 1),
          ),
      ],
      [1, () => this.#joined("vector", selector, dice.pick([" + ", " - ", " == ", " != "]), selector)],
      [0.5, () => expression("vector", "-", this.#nativeVector(depth - 1))],
    ])();
  }

  #nativeCall(depth: number): Expression {
    const inner = this.#dice.chance(0.85) ? this.#nativeVector(depth - 1) : this.vector(depth - 1);
    return expression("vector", `${this.#dice.pick(NATIVE_FUNCTIONS)}(`, inner, ")");
  }

  #rangeCall(depth: number): Expression {
    const dice = this.#dice;
    const name = this.#vocabulary.newer
      ? dice.weighted([...RANGE_FUNCTIONS, ...NEWER_RANGE_FUNCTIONS])
      : dice.weighted(RANGE_FUNCTIONS);
    const counting = ["rate", "increase", "irate", "resets"].includes(name);
    const matrix = this.matrix(depth, counting ? "counter" : "any");
    if (name === "quantile_over_time") {
      return expression("vector", `${name}(`, expression("scalar", dice.pick(QUANTILES)), ", ", matrix, ")");
    }
    if (name === "predict_linear") {
      return expression("vector", `${name}(`, matrix, ", ", this.scalar(depth - 1), ")");
    }
    if (name === "double_exponential_smoothing") {
      const factor = (): string => dice.pick(["0.1", "0.5", "0.9", "0.3", "1", "0", "2"]);
      return expression("vector", `${name}(`, matrix, `, ${factor()}, ${factor()})`);
    }
    return expression("vector", `${name}(`, matrix, ")");
  }

  #instantCall(depth: number): Expression {
    const dice = this.#dice;
    const inner = this.vector(depth - 1);
    return dice.weighted<() => Expression>([
      [6, () => expression("vector", `${dice.pick(INSTANT_FUNCTIONS)}(`, inner, ")")],
      [
        1,
        () =>
          expression(
            "vector",
            "clamp(",
            inner,
            ", ",
            this.scalar(depth - 1),
            ", ",
            this.scalar(depth - 1),
            ")",
          ),
      ],
      [
        1,
        () =>
          expression(
            "vector",
            dice.pick(["clamp_min(", "clamp_max("]),
            inner,
            ", ",
            this.scalar(depth - 1),
            ")",
          ),
      ],
      [1, () => expression("vector", "round(", inner, option(", ", this.scalar(depth - 1)), ")")],
      [1, () => expression("vector", "timestamp(", inner, ")")],
      [this.#vocabulary.newer ? 0.5 : 0, () => expression("vector", "start_timestamp(", inner, ")")],
    ])();
  }

  #dateCall(depth: number): Expression {
    const name = this.#dice.pick(DATE_FUNCTIONS);
    return expression(
      "vector",
      `${name}(`,
      option(this.#dice.chance(0.8) ? this.vector(depth - 1) : ""),
      ")",
    );
  }

  #absent(depth: number): Expression {
    const dice = this.#dice;
    if (dice.chance(0.5)) return expression("vector", "absent_over_time(", this.matrix(depth), ")");
    return expression("vector", "absent(", this.vector(depth - 1), ")");
  }

  #info(depth: number): Expression {
    const selector = this.#dice.pick([
      "",
      ", {version=~'1.*'}",
      ', {"k8s.cluster"="c1"}',
      ', {__name__="target_info"}',
    ]);
    return expression("vector", "info(", this.vector(Math.min(1, depth - 1)), option(selector), ")");
  }

  #sorted(depth: number): Expression {
    const inner = this.vector(depth - 1);
    const label = labelName(this.#anyLabel());
    return this.#dice.weighted<() => Expression>([
      [2, () => expression("vector", "sort(", inner, ")")],
      [2, () => expression("vector", "sort_desc(", inner, ")")],
      [1, () => expression("vector", "sort_by_label(", inner, `, ${quoted(label.replaceAll('"', ""))})`)],
      [
        1,
        () =>
          expression(
            "vector",
            "sort_by_label_desc(",
            inner,
            `, "instance", ${quoted(label.replaceAll('"', ""))})`,
          ),
      ],
    ])();
  }

  #labelCall(depth: number): Expression {
    const dice = this.#dice;
    const inner = this.vector(depth - 1);
    const source = quoted(this.#anyLabel());
    const target = dice.pick(['"new"', '"new"', '"job"', '"__name__"', '"instance"', source, '"my.label"']);
    if (dice.chance(0.4)) {
      return expression(
        "vector",
        "label_join(",
        inner,
        `, ${target}, ${dice.pick(['"-"', '""', '","'])}, ${source}, "job")`,
      );
    }
    const [replacement, regexp] = dice.pick([
      ["$1", "(.*)"],
      ["$1-$2", "(.).*(.)"],
      ["${1}x", "([a-z]+).*"],
      ["fixed", ".*"],
      ["", ".*"],
      ["$0", "host-0+(?P<n>[0-9]+).*"],
      ["$n", ".*-0+(?P<n>[0-9]+)\\..*"],
      ["$3", "(.*)"],
      ["same", ".+"],
    ] as const);
    return expression(
      "vector",
      "label_replace(",
      inner,
      `, ${target}, ${quoted(replacement)}, ${source}, ${quoted(regexp)})`,
    );
  }

  #aggregation(depth: number): Expression {
    const dice = this.#dice;
    const plain = dice.weighted(AGGREGATIONS);
    const name = dice.chance(0.03) ? plain.toUpperCase() : plain;
    const inner = this.vector(depth - 1);
    const by = this.#grouping(this.#metric("any"));
    const parameter = this.#parameter(plain, depth);
    const inside = parameter === null ? [inner] : [parameter, ", ", inner];
    return dice.chance(0.2)
      ? expression("vector", name, "(", ...inside, ") ", by)
      : expression("vector", name, by, "(", ...inside, ")");
  }

  #parameter(aggregation: string, depth: number): Expression | null {
    const dice = this.#dice;
    const scalar = (...texts: string[]): Expression =>
      dice.chance(0.93) ? expression("scalar", dice.pick(texts)) : this.scalar(depth - 1);
    if (["topk", "bottomk", "limitk"].includes(aggregation))
      return scalar("1", "2", "3", "5", "10", "100", "0", "-1", "2.7");
    if (aggregation === "quantile") return scalar(...QUANTILES);
    if (aggregation === "limit_ratio")
      return scalar("0.5", "0.1", "-0.5", "1", "-1", "0", "0.9", "-0.2", "1.5");
    if (aggregation === "count_values")
      return expression("string", dice.pick(['"value"', '"value"', '"job"', '"le"', '"a.b"']));
    return null;
  }

  #grouping({ labels }: Metric): Expression {
    const dice = this.#dice;
    if (dice.chance(0.2)) return option("");
    const names = [...labels.keys()];
    const some = dice.some(names, 0, 2);
    if (dice.chance(0.3))
      some.push(dice.pick(["instance", "job", "cluster", "mode", "kind", "nowhere", "__name__"]));
    return option(dice.chance(0.75) ? " by (" : " without (", some.map(labelName).join(", "), ") ");
  }

  #anyLabel(): string {
    const names = [...this.#metric("any").labels.keys()];
    return names.length > 0 && this.#dice.chance(0.9) ? this.#dice.pick(names) : "nowhere";
  }

  /** Two vectors that have something to do with each other, most of the time. */
  #vectorBinary(depth: number): Expression {
    const dice = this.#dice;
    const operator = dice.chance(0.6) ? dice.pick(ARITHMETIC) : dice.pick(COMPARISONS);
    const bool = COMPARISONS.includes(operator) && dice.chance(0.4) ? option(" bool") : "";
    if (dice.chance(0.2)) {
      const [left, right] = [this.vector(depth - 1), this.vector(depth - 1)];
      return this.#joined(
        "vector",
        left,
        ` ${operator}`,
        bool,
        " ",
        this.#matching([this.#anyLabel()]),
        right,
      );
    }
    const metric = this.#metric(dice.chance(0.15) ? "native" : "any");
    const other = dice.chance(0.6) ? metric : this.#relative(metric);
    const shared = [...metric.labels.keys()].filter((label) => other.labels.has(label));
    const [left, right] = [this.#around(metric), this.#around(other)];
    return this.#joined("vector", left, ` ${operator}`, bool, " ", this.#matching(shared), right);
  }

  #relative(metric: Metric): Metric {
    const share = (other: Metric): boolean =>
      [...metric.labels.keys()].filter((label) => label !== "job" && other.labels.has(label)).length > 0;
    const found = this.#vocabulary.metrics.filter(share);
    return found.length === 0 ? metric : this.#dice.pick(found);
  }

  /** A selector of the metric, or something simple over it that keeps its labels. */
  #around(metric: Metric): Expression {
    const dice = this.#dice;
    const selector = instantSelector(dice, this.#vocabulary, metric);
    return dice.weighted<() => Expression>([
      [5, () => selector],
      [2, () => expression("vector", "rate(", rangeSelector(dice, this.#vocabulary, metric), ")")],
      [1, () => expression("vector", "sum", this.#grouping(metric), "(", selector, ")")],
      [0.5, () => expression("vector", "max", this.#grouping(metric), "(", selector, ")")],
      [0.5, () => expression("vector", "avg_over_time(", rangeSelector(dice, this.#vocabulary, metric), ")")],
    ])();
  }

  #matching(shared: readonly string[]): Expression {
    const dice = this.#dice;
    if (dice.chance(0.4)) return option("");
    const names = dice.some(shared, 0, 3).map(labelName);
    const keyword = dice.chance(0.65) ? "on" : "ignoring";
    const include = dice.chance(0.6)
      ? ""
      : `(${dice.pick(["version", "region", labelName(this.#anyLabel()), "instance"])})`;
    const group = dice.weighted([
      [5, ""],
      [3, `group_left${include} `],
      [2, `group_right${include} `],
    ]);
    const fill = this.#vocabulary.newer && dice.chance(0.3) ? option(this.#fill()) : "";
    return option(`${keyword} (${names.join(", ")}) `, option(group), fill);
  }

  #fill(): string {
    const value = (): string => this.#dice.pick(["0", "1", "-1", "NaN", "Inf", "2.5"]);
    const both = `fill_left(${value()}) fill_right(${value()}) `;
    return this.#dice.pick([`fill(${value()}) `, `fill_left(${value()}) `, `fill_right(${value()}) `, both]);
  }

  #scalarBinary(depth: number): Expression {
    const dice = this.#dice;
    const vector = this.vector(depth - 1);
    const scalar = this.scalar(depth - 1);
    const compares = dice.chance(0.45);
    const operator = compares ? dice.pick(COMPARISONS) : dice.pick(ARITHMETIC);
    const between = [` ${operator}`, compares && dice.chance(0.4) ? option(" bool") : "", " "];
    return dice.chance(0.7)
      ? this.#joined("vector", vector, ...between, scalar)
      : this.#joined("vector", scalar, ...between, vector);
  }

  #setBinary(depth: number): Expression {
    const dice = this.#dice;
    const operator = dice.pick([" and ", " or ", " unless "]);
    const metric = this.#metric("any");
    const related = dice.chance(0.6);
    const left = related ? this.#around(metric) : this.vector(depth - 1);
    const right = related ? this.#around(this.#relative(metric)) : this.vector(depth - 1);
    const names = dice
      .some([...metric.labels.keys()], 0, 2)
      .map(labelName)
      .join(", ");
    const matching = dice.chance(0.5) ? option(`${dice.pick(["on", "ignoring"])} (${names}) `) : "";
    return this.#joined("vector", left, operator, matching, right);
  }

  /** In brackets most of the time; without them precedence decides, which is worth asking too. */
  #joined(type: "vector" | "scalar", ...parts: (string | Expression)[]): Expression {
    const comment = this.#dice.chance(0.02) ? option(" # a comment ) }\n") : "";
    return this.#dice.chance(0.7)
      ? expression(type, "(", ...parts, comment, ")")
      : expression(type, ...parts, comment);
  }
}

const ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2", "+", "-", "*", "/"];
const COMPARISONS = ["==", "!=", ">", "<", ">=", "<="];
