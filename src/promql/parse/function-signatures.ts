import type { ValueType } from "./value-type.js";

export interface FunctionSignature {
  readonly name: string;
  readonly argTypes: readonly ValueType[];
  /** 0: exactly `argTypes`; n > 0: the last type may be missing or repeated up to n times in all; -1: any number. */
  readonly variadic: number;
  readonly returnType: ValueType;
  readonly experimental: boolean;
}

const LETTERS: Readonly<Record<string, ValueType>> = { v: "vector", m: "matrix", s: "scalar", t: "string" };

/** `name: argument letters [variadic] > return letter [!]` where `!` marks an experimental function. */
const TABLE = `
abs:v>v absent:v>v absent_over_time:m>v acos:v>v acosh:v>v asin:v>v asinh:v>v atan:v>v atanh:v>v
avg_over_time:m>v ceil:v>v changes:m>v clamp:vss>v clamp_max:vs>v clamp_min:vs>v cos:v>v cosh:v>v
count_over_time:m>v days_in_month:v1>v day_of_month:v1>v day_of_week:v1>v day_of_year:v1>v deg:v>v end:>s!
delta:m>v deriv:m>v exp:v>v first_over_time:m>v floor:v>v histogram_avg:v>v histogram_count:v>v
histogram_sum:v>v histogram_stddev:v>v histogram_stdvar:v>v histogram_fraction:ssv>v histogram_quantile:sv>v
histogram_quantiles:vtss9>v! double_exponential_smoothing:mss>v! hour:v1>v idelta:m>v increase:m>v
info:vv1>v! irate:m>v label_replace:vtttt>v label_join:vttt-1>v max_of:ss>s! last_over_time:m>v min_of:ss>s!
ln:v>v log10:v>v log2:v>v mad_over_time:m>v! max_over_time:m>v min_over_time:m>v ts_of_first_over_time:m>v!
ts_of_max_over_time:m>v! ts_of_min_over_time:m>v! ts_of_last_over_time:m>v! minute:v1>v month:v1>v pi:>s
predict_linear:ms>v present_over_time:m>v quantile_over_time:sm>v rad:v>v range:>s! rate:m>v resets:m>v
round:vs1>v scalar:v>s sgn:v>v sin:v>v sinh:v>v sort:v>v sort_desc:v>v sort_by_label:vt-1>v!
sort_by_label_desc:vt-1>v! sqrt:v>v start:>s! start_timestamp:v>v! step:>s! stddev_over_time:m>v
stdvar_over_time:m>v sum_over_time:m>v tan:v>v tanh:v>v time:>s timestamp:v>v vector:s>v year:v1>v`;

/** Every function of Prometheus 3.14 by name. */
export const functionSignatures: ReadonlyMap<string, FunctionSignature> = new Map(
  TABLE.trim()
    .split(/\s+/)
    .map((row) => {
      const [, name, args, variadic, returns, mark] = /^(\w+):([a-z]*)(-?\d*)>(\w)(!?)$/.exec(
        row,
      ) as unknown as [string, string, string, string, string, string];
      const signature: FunctionSignature = {
        name,
        argTypes: [...args].map((letter) => LETTERS[letter] as ValueType),
        variadic: Number(variadic),
        returnType: LETTERS[returns] as ValueType,
        experimental: mark === "!",
      };
      return [name, signature];
    }),
);
