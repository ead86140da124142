import { RefusalError } from "../../base/errors.js";
import type { FloatKernel, MixedKernel } from "./range-window.js";

export function rateMixed(_floats: FloatKernel, _isCounter: boolean, _isRate: boolean): MixedKernel {
  return () => {
    throw new RefusalError("unsupported", "rates of native histograms are not supported yet");
  };
}

export function instantMixed(_isRate: boolean): MixedKernel {
  return () => {
    throw new RefusalError("unsupported", "rates of native histograms are not supported yet");
  };
}
