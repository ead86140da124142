import { Labels } from "../../model/labels.js";
import { dropNames } from "../eval/duplicates.js";
import { ABSENT, FLOAT, Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import type { CallExpr } from "../parse/ast.js";

type DateFunction = (scope: Scope, call: CallExpr) => Matrix;

const DAY_SECONDS = 86_400;
/**
 * What Go makes of NaN, the infinities and everything else that is no 64-bit integer: the lowest one, which its
 * calendar takes for 292277026596-12-04 15:30:08.
 */
const OVERFLOWN_DATE: CivilDate = { year: 292_277_026_596, month: 12, day: 4 };
const OVERFLOWN_HOUR = 15;
const OVERFLOWN_MINUTE = 30;

interface CivilDate {
  readonly year: number;
  /** 1 … 12 */
  readonly month: number;
  /** 1 … 31 */
  readonly day: number;
}

/** Days since 1970-01-01 to a proleptic Gregorian date (Hinnant's algorithm over 400-year eras). */
function civilOf(days: number): CivilDate {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function dayOfYear({ year, month, day }: CivilDate): number {
  return DAYS_BEFORE_MONTH[month - 1] + day + (month > 2 && isLeap(year) ? 1 : 0);
}

function ofDate(f: (date: CivilDate) => number): DateFunction {
  return ofSeconds((seconds) => f(civilOf(Math.floor(seconds / DAY_SECONDS))), f(OVERFLOWN_DATE));
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

/** Without argument the time of evaluation counts. */
function ofSeconds(f: (seconds: number) => number, overflown: number): DateFunction {
  const safe = (value: number): number => (Math.abs(value) < 2 ** 63 ? f(Math.trunc(value)) : overflown);
  return (scope, call) => {
    const { count, startMs, stepMs } = scope.frame;
    if (call.args.length === 0) {
      const out = new Matrix(count, 1);
      out.delayedDrop = scope.state.delayedNameRemoval;
      out.addRow(Labels.EMPTY);
      for (let s = 0; s < count; s++) out.values[s] = safe((startMs + s * stepMs) / 1000);
      out.kinds.fill(FLOAT);
      return out;
    }
    const matrix = scope.vector(call.args[0]);
    for (let i = 0; i < matrix.rows * matrix.steps; i++) {
      if (matrix.kinds[i] === FLOAT) matrix.values[i] = safe(matrix.values[i]);
      else matrix.kinds[i] = ABSENT;
    }
    matrix.histograms = null;
    return dropNames(scope.state, matrix);
  };
}

export const dateFunctions: Readonly<Record<string, DateFunction>> = {
  year: ofDate((date) => date.year),
  month: ofDate((date) => date.month),
  day_of_month: ofDate((date) => date.day),
  day_of_year: ofDate(dayOfYear),
  days_in_month: ofDate(({ year, month }) =>
    month === 2 && isLeap(year) ? 29 : (DAYS_IN_MONTH[month - 1] as number),
  ),
  day_of_week: ofSeconds((seconds) => modulo(Math.floor(seconds / DAY_SECONDS) + 4, 7), 0),
  hour: ofSeconds((seconds) => Math.floor(modulo(seconds, DAY_SECONDS) / 3600), OVERFLOWN_HOUR),
  minute: ofSeconds((seconds) => Math.floor(modulo(seconds, 3600) / 60), OVERFLOWN_MINUTE),
};
