import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";

export function sameHistogram(_a: Histogram, _b: Histogram): boolean {
  throw new RefusalError("unsupported", "native histograms are not supported yet");
}
