/** Exports a selection piece by piece: each piece selects anew, so nobody waits for whoever reads slowly. */
import { compareLabels, compareUtf8, Labels, METRIC_NAME } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, QueryControl, SeriesSet } from "../storage/queryable.js";
import type { SeriesPrinter } from "./export-format.js";

/** Where the next piece begins: behind the series `after` (its labels, flat), or inside it, from `fromMs` on. */
export interface ExportCursor {
  readonly after: readonly string[];
  /** Null: the series is done. */
  readonly fromMs: number | null;
  /** The range of the whole export. */
  readonly range: TimeRange;
}

/** Both inclusive, milliseconds. */
export interface TimeRange {
  readonly mint: number;
  readonly maxt: number;
}

export interface ExportSelection {
  /** Series that satisfy one of these sets. */
  readonly matchers: readonly (readonly Matcher[])[];
  readonly startMs: number;
  readonly endMs: number;
}

export interface ExportPiece {
  readonly text: string;
  /** Null: that was the last one. */
  readonly next: ExportCursor | null;
}

/** A series is read in spans of this length, so that years of it need not be in memory together. */
const SPAN_MS: number = 30 * 86_400_000;

/** Series of one metric follow each other, as the text formats want it; else the order of their labels. */
function compareSeries(a: Labels, b: Labels): number {
  return compareUtf8(a.get(METRIC_NAME), b.get(METRIC_NAME)) || compareLabels(a, b);
}

interface Entry {
  readonly labels: Labels;
  readonly set: SeriesSet;
  readonly index: number;
}

/**
 * Prints about `characters` of the selection, from `cursor` on. `stored`: times that no stored sample lies outside of;
 * asked for once an export.
 */
export function exportPiece(
  queryable: Queryable,
  selection: ExportSelection,
  printer: SeriesPrinter,
  cursor: ExportCursor | null,
  characters: number,
  stored: () => TimeRange,
  control: QueryControl,
): ExportPiece {
  const columns = new SampleColumns();
  const range = cursor?.range ?? overlap(stored(), selection);
  let text = cursor === null ? printer.header : "";
  if (range.mint > range.maxt) return { text: text + printer.footer, next: null };
  let from = cursor?.fromMs ?? range.mint;
  for (const { labels, set, index } of entriesOf(queryable, selection, range, cursor, control)) {
    // The series that the cursor stands in may have gone.
    if (cursor !== null && compareSeries(labels, new Labels(cursor.after)) !== 0) from = range.mint;
    while (from <= range.maxt) {
      control.checkpoint();
      const to = Math.min(range.maxt, from + SPAN_MS - 1);
      set.read(index, from, to, columns);
      text += printer.print(labels, columns);
      from = to + 1;
      if (text.length < characters) continue;
      return { text, next: { after: labels.pairs, fromMs: from <= range.maxt ? from : null, range } };
    }
    from = range.mint;
  }
  return { text: text + printer.footer, next: null };
}

function overlap({ mint, maxt }: TimeRange, { startMs, endMs }: ExportSelection): TimeRange {
  return { mint: Math.max(mint, startMs), maxt: Math.min(maxt, endMs) };
}

function entriesOf(
  queryable: Queryable,
  { matchers }: ExportSelection,
  { mint, maxt }: TimeRange,
  cursor: ExportCursor | null,
  control: QueryControl,
): Entry[] {
  const after = cursor === null ? null : new Labels(cursor.after);
  const found = new Map<string, Entry>();
  for (const one of matchers) {
    const set = queryable.select(one, mint, maxt);
    for (let index = 0; index < set.count; index++) {
      if ((index & 1023) === 0) control.checkpoint();
      const labels = set.labels(index);
      if (after !== null) {
        const order = compareSeries(labels, after);
        if (order < 0 || (order === 0 && cursor?.fromMs === null)) continue;
      }
      found.set(labels.key, { labels, set, index });
    }
  }
  return [...found.values()].sort((a, b) => compareSeries(a.labels, b.labels));
}
