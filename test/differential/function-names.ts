/** The functions and aggregations of Prometheus 3.5, those without a shape of their own in generate.ts. */

export const INSTANT_FUNCTIONS = [
  ...["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deg", "rad"],
  ...["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"],
  ...["abs", "ceil", "floor", "abs", "sgn"],
] as const;

export const DATE_FUNCTIONS = [
  ...["day_of_month", "day_of_week", "day_of_year", "days_in_month"],
  ...["hour", "minute", "month", "year"],
] as const;

export const NATIVE_FUNCTIONS = [
  "histogram_avg",
  "histogram_count",
  "histogram_stddev",
  "histogram_stdvar",
  "histogram_sum",
] as const;

export const RANGE_FUNCTIONS = [
  [8, "rate"],
  [4, "increase"],
  [3, "irate"],
  [2, "delta"],
  [1, "idelta"],
  [1, "deriv"],
  [1, "predict_linear"],
  [2, "changes"],
  [2, "resets"],
  [3, "avg_over_time"],
  [3, "max_over_time"],
  [2, "min_over_time"],
  [3, "sum_over_time"],
  [2, "count_over_time"],
  [2, "last_over_time"],
  [1, "present_over_time"],
  [1, "stddev_over_time"],
  [1, "stdvar_over_time"],
  [2, "quantile_over_time"],
  [1, "mad_over_time"],
  [1, "ts_of_max_over_time"],
  [1, "ts_of_min_over_time"],
  [1, "ts_of_last_over_time"],
  [1, "double_exponential_smoothing"],
] as const;

export const NEWER_RANGE_FUNCTIONS = [
  [2, "first_over_time"],
  [2, "ts_of_first_over_time"],
] as const;

export const AGGREGATIONS = [
  [8, "sum"],
  [4, "avg"],
  [3, "max"],
  [2, "min"],
  [3, "count"],
  [1, "group"],
  [1, "stddev"],
  [1, "stdvar"],
  [3, "topk"],
  [1, "bottomk"],
  [2, "quantile"],
  [1, "count_values"],
  [0.7, "limitk"],
  [0.7, "limit_ratio"],
] as const;
