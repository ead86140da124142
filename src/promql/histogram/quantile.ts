import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";
import type { Annotations } from "../eval/annotations.js";
import type { PosRange } from "../parse/parse-error.js";

export function nativeQuantile(
  _q: number,
  _histogram: Histogram,
  _annotations: Annotations,
  _metric: string,
  _range: PosRange,
): number {
  throw new RefusalError("unsupported", "quantiles of native histograms are not supported yet");
}

export function nativeFraction(
  _lower: number,
  _upper: number,
  _histogram: Histogram,
  _annotations: Annotations,
  _metric: string,
  _range: PosRange,
): number {
  throw new RefusalError("unsupported", "fractions of native histograms are not supported yet");
}
