import type { RangeCall } from "../functions/range-window.js";

const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/;

/** To be called for `rate` and `increase`: notes that they were taken of what does not look like a counter. */
export function noteNonCounter(call: RangeCall): void {
  const labels = call.labels();
  const name = labels.get("__name__");
  if (name === "") return;
  const { annotations, typeAndUnitLabels } = call.state;
  const { range } = call.args[0];
  if (typeAndUnitLabels) {
    const type = labels.get("__type__");
    if (type !== "counter" && type !== "histogram") annotations.possibleNonCounterLabel(name, type, range);
  } else if (!COUNTER_SUFFIX.test(name)) {
    annotations.possibleNonCounter(name, range);
  }
}
