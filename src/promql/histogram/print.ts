import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";

export function printHistogram(_histogram: Histogram): string {
  throw new RefusalError("unsupported", "native histograms are not supported yet");
}
