import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";

export function negateHistogram(_histogram: Histogram): Histogram {
  throw new RefusalError("unsupported", "native histograms are not supported yet");
}
