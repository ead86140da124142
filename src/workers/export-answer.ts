/** Answers an export, piece by piece; runs on a query thread. */
import { CorruptionError, RefusalError } from "../base/errors.js";
import { EXPORT_PIECE_CHARACTERS } from "../base/limits.js";
import type { StoredParts } from "../db/query-thread.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import type { Queryable, QueryControl } from "../storage/queryable.js";
import { EXPORT_FORMATS, EXPORT_TYPES, type ExportFormat, openPrinter } from "../transfer/export-format.js";
import { exportPiece, type TimeRange } from "../transfer/export-series.js";
import { inParameter, paramOf, parseSeriesParams } from "../wire/params.js";
import { encodeError } from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";

const encoder = new TextEncoder();

/** The piece of the answer that begins at the cursor. Errors are answers, too. */
export function answerExport(
  { params, exportCursor }: QueryRequest,
  queryable: Queryable,
  parts: StoredParts,
  control: QueryControl,
): QueryAnswer {
  try {
    const format = parseFormat(paramOf(params, "format"));
    const columns = paramOf(params, "columns")
      .split(",")
      .filter((column) => column !== "");
    const printer = inParameter("columns", () => openPrinter(format, columns));
    const { matches, startMs, endMs } = parseSeriesParams(params);
    const matchers = inParameter("match[]", () => matches.map((text) => parseMetricSelector(text)));
    const selection = { matchers, startMs, endMs };
    const stored = (): TimeRange => storedRange(parts, control);
    const cursor = exportCursor ?? null;
    const { text, next } = exportPiece(
      queryable,
      selection,
      printer,
      cursor,
      EXPORT_PIECE_CHARACTERS,
      stored,
      control,
    );
    const body = encoder.encode(text);
    const answer = { status: 200, contentType: EXPORT_TYPES[format], body };
    return next === null ? answer : { ...answer, nextExport: next };
  } catch (error) {
    if (error instanceof CorruptionError) throw error;
    return encodeError(error);
  }
}

function parseFormat(text: string): ExportFormat {
  const format = EXPORT_FORMATS.find((known) => known === (text === "" ? "jsonl" : text));
  if (format !== undefined) return format;
  throw new RefusalError("bad_data", `invalid parameter "format": it is one of ${EXPORT_FORMATS.join(", ")}`);
}

function storedRange({ head, blocks }: StoredParts, control: QueryControl): TimeRange {
  const { minTime, maxTime } = head.counts.measure(() => control.checkpoint());
  const metas = blocks.blocks.map((block) => block.meta);
  return {
    mint: Math.min(minTime, ...metas.map((meta) => meta.minTime)),
    maxt: Math.max(maxTime, ...metas.map((meta) => meta.maxTime - 1)),
  };
}
