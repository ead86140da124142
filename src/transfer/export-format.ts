/** The texts that samples are exported as, from the columns of one series after the other. */
import { RefusalError } from "../base/errors.js";
import { isLegacyLabelName, isLegacyMetricName, type Labels, METRIC_NAME } from "../model/labels.js";
import type { SampleColumns } from "../storage/columns.js";
import { printJsonLine, printJsonMetric } from "../wire/json-lines.js";
import { printFloat } from "../wire/json-writer.js";

export type ExportFormat = "openmetrics" | "prometheus" | "jsonl" | "csv";

export const EXPORT_FORMATS: readonly ExportFormat[] = ["jsonl", "openmetrics", "prometheus", "csv"];

export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  jsonl: "application/stream+json; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  csv: "text/csv; charset=utf-8",
};

/** Columns of CSV where none are asked for. */
export const CSV_COLUMNS_DEFAULT: readonly string[] = ["__series__", "__timestamp__", "__value__"];

/** Samples in one line of JSON. */
const LINE_SAMPLES_MAX = 10_000;

/** Prints one series; `histograms` counts the native histograms that the format has no place for. */
export interface SeriesPrinter {
  /** In front of everything. */
  readonly header: string;
  /** Behind everything. */
  readonly footer: string;
  histograms: number;
  print(labels: Labels, columns: SampleColumns): string;
}

/** `columns`: of CSV, label names and `__series__`, `__timestamp__`, `__timestamp__:rfc3339`, `__value__`. */
export function openPrinter(format: ExportFormat, columns: readonly string[]): SeriesPrinter {
  switch (format) {
    case "jsonl":
      return { header: "", footer: "", histograms: 0, print: printJson };
    case "csv":
      return new CsvPrinter(columns.length === 0 ? CSV_COLUMNS_DEFAULT : columns);
    case "openmetrics":
      return new TextPrinter("# EOF\n", (timestampMs) => (timestampMs / 1000).toFixed(3));
    case "prometheus":
      return new TextPrinter("", String);
  }
}

function printJson(labels: Labels, columns: SampleColumns): string {
  const metric = printJsonMetric(labels);
  let text = "";
  let start = 0;
  while (start < columns.count) {
    const isHistogram = columns.histograms?.[start] !== undefined;
    let end = start + 1;
    while (
      end < columns.count &&
      end - start < LINE_SAMPLES_MAX &&
      (columns.histograms?.[end] !== undefined) === isHistogram
    ) {
      end++;
    }
    text += printJsonLine(metric, columns, start, end);
    start = end;
  }
  return text;
}

class TextPrinter implements SeriesPrinter {
  readonly header = "";
  readonly footer: string;
  histograms = 0;
  private readonly printTime: (timestampMs: number) => string;

  constructor(footer: string, printTime: (timestampMs: number) => string) {
    this.footer = footer;
    this.printTime = printTime;
  }

  print(labels: Labels, columns: SampleColumns): string {
    const series = printSeries(labels);
    let text = "";
    for (let i = 0; i < columns.count; i++) {
      if (columns.histograms?.[i] !== undefined) this.histograms++;
      else text += `${series} ${printFloat(columns.values[i])} ${this.printTime(columns.timestamps[i])}\n`;
    }
    return text;
  }
}

/** As both text formats spell a series: names that are not of the old alphabet stand in quotes. */
function printSeries(labels: Labels): string {
  const name = labels.get(METRIC_NAME);
  const parts: string[] = [];
  const isPlain = isLegacyMetricName(name);
  if (!isPlain && name !== "") parts.push(quoted(name));
  for (const [label, value] of labels) {
    if (label === METRIC_NAME) continue;
    parts.push(`${isLegacyLabelName(label) ? label : quoted(label)}=${quoted(value)}`);
  }
  const head = isPlain ? name : "";
  return parts.length === 0 ? head : `${head}{${parts.join(",")}}`;
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))}"`;
}

class CsvPrinter implements SeriesPrinter {
  readonly header: string;
  readonly footer = "";
  histograms = 0;
  private readonly columns: readonly string[];

  constructor(columns: readonly string[]) {
    for (const column of columns) {
      if (column.startsWith("__timestamp__:") && !TIME_FORMATS.has(column.slice("__timestamp__:".length))) {
        throw new RefusalError("bad_data", `${column} is none of ${[...TIME_FORMATS.keys()].join(", ")}`);
      }
    }
    this.columns = columns;
    this.header = `${columns.map(csvField).join(",")}\n`;
  }

  print(labels: Labels, columns: SampleColumns): string {
    const fixed = this.columns.map((column) => {
      if (column === "__series__") return csvField(printSeries(labels));
      return column.startsWith("__timestamp__") || column === "__value__"
        ? null
        : csvField(labels.get(column));
    });
    let text = "";
    for (let i = 0; i < columns.count; i++) {
      if (columns.histograms?.[i] !== undefined) {
        this.histograms++;
        continue;
      }
      const row = fixed.map((known, c) => known ?? this.cell(c, columns, i));
      text += `${row.join(",")}\n`;
    }
    return text;
  }

  private cell(column: number, { timestamps, values }: SampleColumns, i: number): string {
    const name = this.columns[column];
    if (name === "__value__") return printFloat(values[i]);
    const print = TIME_FORMATS.get(name.slice("__timestamp__:".length)) ?? String;
    return print(timestamps[i]);
  }
}

const TIME_FORMATS: ReadonlyMap<string, (timestampMs: number) => string> = new Map([
  ["unix_s", (timestampMs: number) => String(Math.trunc(timestampMs / 1000))],
  ["unix_ms", String],
  [
    "rfc3339",
    (timestampMs: number) =>
      Math.abs(timestampMs) <= 8.64e15 ? new Date(timestampMs).toISOString() : String(timestampMs),
  ],
]);

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
