import type { Labels } from "../model/labels.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW } from "../model/stale.js";
import { ExpositionParser } from "../wire/exposition-parser.js";
import { JsonLinesParser } from "../wire/json-lines.js";
import { TextLines } from "../wire/text-lines.js";
import type { BlockSpool } from "./block-spool.js";

export type TextImportFormat = "openmetrics" | "prometheus" | "jsonl";

/** The lines of one file on their way into a spool. */
export interface TextImport {
  readonly lines: TextLines;
  /** Samples and exemplars that have no place in blocks. */
  readonly exemplars: number;
  /** Call it when the file is at its end. */
  finish(): void;
}

/**
 * Reads text into `spool`. `linesBefore`: of the same file, read by an earlier attempt. Every line that cannot be used
 * is told to `problem`; the others are not touched by it.
 */
export function openTextImport(
  format: TextImportFormat,
  spool: BlockSpool,
  linesBefore: number,
  problem: (line: number, reason: string) => void,
): TextImport {
  let exemplars = 0;
  const problems = (reason: string, line: number): void => problem(line, reason);
  if (format === "jsonl") {
    const parser = new JsonLinesParser<Labels>({
      series: (labels) => labels,
      sample(labels, value, timestampMs, stale) {
        const series = spool.series(labels);
        if (stale) spool.floatWords(series, timestampMs, STALE_NAN_LOW, STALE_NAN_HIGH);
        else spool.float(series, timestampMs, value);
      },
      histogram: (labels, histogram, timestampMs) =>
        spool.histogram(spool.series(labels), timestampMs, histogram),
      problem: problems,
    });
    const lines = new TextLines(parser, linesBefore);
    return { lines, exemplars, finish: () => lines.finish() };
  }
  const parser = new ExpositionParser<Labels>(format, {
    series: (labels) => labels,
    sample(labels, value, timestampMs, line) {
      if (Number.isNaN(timestampMs)) problem(line, "the sample has no timestamp");
      else spool.float(spool.series(labels), timestampMs, value);
    },
    exemplar() {
      exemplars++;
    },
    metadata() {},
    problem: problems,
  });
  const lines = new TextLines(parser, linesBefore);
  return {
    lines,
    get exemplars() {
      return exemplars;
    },
    finish() {
      lines.finish();
      if (format === "openmetrics" && !parser.ended) {
        problem(lines.count, "the data does not end with # EOF: it may have been cut off");
      }
    },
  };
}
