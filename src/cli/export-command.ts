/** `varve export`. */
import { RefusalError } from "../base/errors.js";
import { BLOCK_RANGE_MS } from "../compact/plan.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { Matcher } from "../model/matcher.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import type { Queryable } from "../storage/queryable.js";
import { type ExportFormat, openPrinter } from "../transfer/export-format.js";
import { type ExportCursor, exportPiece, type TimeRange } from "../transfer/export-series.js";
import { parseTime } from "../wire/param-values.js";
import { MAX_TIME_MS, MIN_TIME_MS } from "../wire/params.js";
import type { CommandCall } from "./command.js";
import { type ExportTarget, openTarget } from "./export-target.js";
import { openFolder } from "./open-folder.js";
import { Progress } from "./progress.js";

const PIECE_CHARACTERS: number = 1024 * 1024;
const CACHE_BYTES: number = 64 * 1024 * 1024;
/** Every series has a name, nearly always; one without is selected by this, too. */
const ALL: readonly (readonly Matcher[])[] = [[{ name: "__name__", op: "=~", value: ".*" }]];

export async function runExport(call: CommandCall): Promise<number> {
  const { options, out, err } = call;
  const format = options.text("format") as ExportFormat;
  const matches = options.texts("match");
  const startMs = timeOf(options.text("start"), MIN_TIME_MS);
  const endMs = timeOf(options.text("end"), MAX_TIME_MS);
  const target = openTarget(options.text("output"), out);
  const progress = new Progress(err);
  try {
    if (options.text("from") !== "") {
      const { exportFromServer } = await import("./export-from-server.js");
      return await exportFromServer(call, target, progress);
    }
    const printer = openPrinter(format, options.list("columns"));
    const matchers = matches.length === 0 ? ALL : matches.map((text) => parseMetricSelector(text));
    const folder = openFolder(fs, options.text("storage.tsdb.path"), CACHE_BYTES, BLOCK_RANGE_MS);
    for (const line of folder.notes) await err.line(line);
    try {
      const written = await exportAll(
        folder.queryable,
        { matchers, startMs, endMs },
        printer,
        folder.range,
        target,
        progress,
      );
      await progress.clear();
      if (printer.histograms > 0) {
        await err.line(
          `${printer.histograms} samples are native histograms, which ${format} has no place for: jsonl has`,
        );
      }
      await err.line(`exported ${(written / 2 ** 20).toFixed(1)} MiB in ${progress.seconds.toFixed(1)}s`);
    } finally {
      folder.close();
    }
    return 0;
  } finally {
    target.close();
  }
}

async function exportAll(
  queryable: Queryable,
  selection: {
    readonly matchers: readonly (readonly Matcher[])[];
    readonly startMs: number;
    readonly endMs: number;
  },
  printer: ReturnType<typeof openPrinter>,
  stored: TimeRange,
  target: ExportTarget,
  progress: Progress,
): Promise<number> {
  let cursor: ExportCursor | null = null;
  let written = 0;
  do {
    const piece = exportPiece(
      queryable,
      selection,
      printer,
      cursor,
      PIECE_CHARACTERS,
      () => stored,
      NO_CONTROL,
    );
    await target.write(piece.text);
    written += piece.text.length;
    cursor = piece.next;
    await progress.show("exporting", 0, 0, `${(written / 2 ** 20).toFixed(1)} MiB`);
  } while (cursor !== null && !target.closed);
  return written;
}

const NO_CONTROL = { checkpoint(): void {} };

function timeOf(text: string, otherwise: number): number {
  if (text === "") return otherwise;
  try {
    return parseTime(text);
  } catch {
    throw new RefusalError(
      "bad_data",
      `${JSON.stringify(text)} is not a time: 1700000000.5 or 2023-11-14T22:13:20Z would be`,
    );
  }
}
