import * as L from "../kernel/assembly/layout.js";

/** What the kernel and the cold path refuse, in the words of answers and of the ledger. */
export const REASON_TEXTS: Readonly<Record<number, string>> = {
  [L.WHY_TOO_OLD]: "too old",
  [L.WHY_TOO_FAR]: "too far in the future",
  [L.WHY_DUPLICATE]: "duplicate timestamp",
  [L.WHY_NO_NAME]: "no metric name",
  [L.WHY_UTF8]: "invalid UTF-8",
  [L.WHY_EMPTY_LABEL_NAME]: "empty label name",
  [L.WHY_REPEATED_LABEL]: "repeated label name",
  [L.WHY_LABELS_LIMIT]: "too many labels",
  [L.WHY_NAME_LENGTH]: "label name too long",
  [L.WHY_VALUE_LENGTH]: "label value too long",
  [L.WHY_SERIES_LIMIT]: "series limit reached",
  [L.WHY_MEMORY]: "head memory limit reached",
  [L.WHY_SYMBOL]: "invalid symbol reference",
  [L.WHY_BUDGET]: "over series budget",
  [L.WHY_SOURCES]: "merged from too many series",
  [L.WHY_HISTOGRAM]: "invalid native histogram",
  [L.WHY_EXEMPLAR]: "invalid exemplar",
  [L.WHY_METADATA]: "invalid metadata",
};

/** The word for `/metrics` (`reason="…"`) of each reason. */
export const REASON_KEYS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(REASON_TEXTS).map(([why, text]) => [why, text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_")]),
);

/** Offset in the control block of the limit that a reason is about; undefined where there is none. */
export const REASON_LIMITS: Readonly<Record<number, number>> = {
  [L.WHY_LABELS_LIMIT]: L.C_LABELS_MAX,
  [L.WHY_NAME_LENGTH]: L.C_NAME_MAX,
  [L.WHY_VALUE_LENGTH]: L.C_VALUE_MAX,
  [L.WHY_SERIES_LIMIT]: L.C_SERIES_LIMIT,
};
