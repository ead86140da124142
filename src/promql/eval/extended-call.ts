import { RefusalError } from "../../base/errors.js";
import type { RangeCall, RangeFunction } from "../functions/range-window.js";

export const extendedFunctions: ReadonlyMap<string, RangeFunction> = new Map();

export function refuseUnsafeModifier(call: RangeCall): void {
  if (call.anchored || call.smoothed) {
    throw new RefusalError("unsupported", "the modifiers anchored and smoothed are not supported yet");
  }
}
