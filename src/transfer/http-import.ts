/** The body of an import over HTTP as Remote Write requests. */
import { Labels } from "../model/labels.js";
import { METRIC_TYPES, type MetricMetadata } from "../model/metadata.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW } from "../model/stale.js";
import { ExpositionParser } from "../wire/exposition-parser.js";
import { JsonLinesParser } from "../wire/json-lines.js";
import { type LineVisitor, TextLines } from "../wire/text-lines.js";
import { type BatchSeries, RemoteWriteBatches } from "./remote-write-batches.js";
import type { TextImportFormat } from "./text-import.js";

export interface HttpImport {
  readonly format: TextImportFormat;
  readonly body: Uint8Array;
  /** Of samples that name none. */
  readonly timestampMs: number;
  /** Labels of every series, in the place of its own of the same names; flat. */
  readonly labels: readonly string[];
}

export interface ParsedImport {
  /** Compressed requests. */
  readonly requests: readonly Uint8Array[];
  readonly samples: number;
  /** The first few bad lines. */
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
  readonly problemCount: number;
}

/** Bad lines that an answer names. */
const PROBLEMS_NAMED_MAX = 20;

export function parseImport({ format, body, timestampMs, labels: added }: HttpImport): ParsedImport {
  const requests: Uint8Array[] = [];
  const problems: { line: number; reason: string }[] = [];
  let problemCount = 0;
  const problem = (reason: string, line: number): void => {
    if (problemCount++ < PROBLEMS_NAMED_MAX) problems.push({ line, reason });
  };
  const batches = new RemoteWriteBatches((request) => requests.push(request));
  const labelled = (labels: Labels): Labels => (added.length === 0 ? labels : withLabels(labels, added));
  let visitor: LineVisitor;
  if (format === "jsonl") {
    visitor = new JsonLinesParser<Labels>({
      series: labelled,
      sample(labels, value, time, stale) {
        const series = batches.series(labels);
        if (stale) batches.floatWords(series, time, STALE_NAN_LOW, STALE_NAN_HIGH);
        else batches.float(series, time, value);
      },
      histogram: (labels, histogram, time) => batches.histogram(batches.series(labels), time, histogram),
      problem,
    });
  } else visitor = expositionVisitor(format, batches, timestampMs, labelled, problem);
  const lines = new TextLines(visitor);
  lines.push(body);
  lines.finish();
  batches.flush();
  return { requests, samples: batches.samples, problems, problemCount };
}

function expositionVisitor(
  format: "openmetrics" | "prometheus",
  batches: RemoteWriteBatches,
  timestampMs: number,
  labelled: (labels: Labels) => Labels,
  problem: (reason: string, line: number) => void,
): LineVisitor {
  const metadata = new Map<string, MetricMetadata>();
  let last: { readonly series: BatchSeries; readonly timestampMs: number } | null = null;
  return new ExpositionParser<Labels>(format, {
    series: labelled,
    sample(labels, value, time) {
      const series = batches.series(labels);
      last = { series, timestampMs: Number.isNaN(time) ? timestampMs : time };
      batches.float(series, last.timestampMs, value);
    },
    exemplar(labels, value, time) {
      if (last === null) return;
      batches.exemplar(last.series, labels, value, Number.isNaN(time) ? last.timestampMs : time);
    },
    metadata(kind, metricName, text) {
      const known = metadata.get(metricName) ?? { metricName, type: "unknown" as const, help: "", unit: "" };
      const entry = kind === "type" ? { ...known, type: typeOf(text) } : { ...known, [kind]: text };
      metadata.set(metricName, entry);
      batches.describe(entry);
    },
    problem,
  });
}

function typeOf(text: string): MetricMetadata["type"] {
  return METRIC_TYPES.find((type) => type === text) ?? "unknown";
}

function withLabels(labels: Labels, added: readonly string[]): Labels {
  const pairs: [string, string][] = [...labels];
  for (let i = 0; i < added.length; i += 2) pairs.push([added[i], added[i + 1]]);
  return Labels.from(pairs);
}
