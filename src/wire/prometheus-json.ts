import { RefusalError } from "../base/errors.js";
import { ANNOTATIONS_MAX } from "../base/limits.js";
import { worked } from "../base/patience.js";
import type { Exemplar } from "../model/exemplar.js";
import type { Labels } from "../model/labels.js";
import type { MatrixSeries, QueryResult, QueryValue, VectorSample } from "../model/query-result.js";
import { API_ERRORS } from "./api-errors.js";
import { printGoJson } from "./go-json.js";
import { writeHistogram } from "./histogram-json.js";
import { JsonWriter, printPlainFloat } from "./json-writer.js";

/**
 * The bodies of Prometheus' HTTP API, byte for byte in shape and spelling (web/api/v1/json_codec.go and
 * util/jsonutil/marshal.go of Prometheus 3). Made on the query thread; one buffer an answer, no object a sample.
 */

/** An answer of the API: `status` 200 and the success envelope, or an error. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** The `stats` of an answer to a query with `stats=…`; seconds. */
export interface QueryStats {
  readonly timings: {
    readonly evalTotalTime: number;
    readonly resultSortTime: number;
    readonly queryPreparationTime: number;
    readonly innerEvalTime: number;
    readonly execQueueTime: number;
    readonly execTotalTime: number;
  };
  readonly samples: {
    /** [seconds, samples] of each step; absent unless `stats=all`. */
    readonly totalQueryableSamplesPerStep?: readonly (readonly [number, number])[];
    readonly totalQueryableSamples: number;
    readonly samplesReadPerStep?: readonly (readonly [number, number])[];
    readonly samplesRead: number;
    readonly peakSamples: number;
  };
}

export interface SeriesExemplars {
  readonly seriesLabels: Labels;
  readonly exemplars: readonly Exemplar[];
}

const NONE: readonly string[] = [];
/** Of `worked`: about what a label set costs. */
const WORK_PER_ITEM = 50;

/** Answer of `/query` and `/query_range`. */
export function encodeQueryResult(result: QueryResult, stats: QueryStats | null = null): ApiAnswer {
  const writer = openEnvelope();
  writer.raw(`{"resultType":"${result.value.type}","result":`);
  writeValue(writer, result.value);
  if (stats !== null) writer.raw(`,"stats":${printGoJson(stats)}`);
  writer.byte(0x7d);
  return closeEnvelope(writer, result.warnings, result.infos);
}

/** Answer of `/labels` and `/label/{name}/values`. */
export function encodeStrings(values: readonly string[], warnings: readonly string[] = NONE): ApiAnswer {
  const writer = openEnvelope();
  writer.byte(0x5b);
  values.forEach((value, i) => {
    if (i > 0) writer.byte(0x2c);
    writer.string(value, true);
  });
  writer.byte(0x5d);
  return closeEnvelope(writer, warnings, NONE);
}

/** Answer of `/series`. */
export function encodeSeries(series: readonly Labels[], warnings: readonly string[] = NONE): ApiAnswer {
  const writer = openEnvelope();
  writer.byte(0x5b);
  series.forEach((labels, i) => {
    if (i > 0) writer.byte(0x2c);
    worked(WORK_PER_ITEM);
    writeLabels(writer, labels);
  });
  writer.byte(0x5d);
  return closeEnvelope(writer, warnings, NONE);
}

/** Answer of `/query_exemplars`. */
export function encodeExemplars(series: readonly SeriesExemplars[]): ApiAnswer {
  const writer = openEnvelope();
  writer.byte(0x5b);
  series.forEach(({ seriesLabels, exemplars }, i) => {
    writer.raw(i > 0 ? ',{"seriesLabels":' : '{"seriesLabels":');
    writeLabels(writer, seriesLabels);
    writer.raw(',"exemplars":[');
    exemplars.forEach((exemplar, j) => {
      writer.raw(j > 0 ? ',{"labels":' : '{"labels":');
      writeLabels(writer, exemplar.labels);
      writer.raw(',"value":');
      writer.float(exemplar.value);
      writer.raw(',"timestamp":');
      writer.timestamp(exemplar.timestampMs);
      writer.byte(0x7d);
    });
    writer.raw("]}");
  });
  writer.byte(0x5d);
  return closeEnvelope(writer, NONE, NONE);
}

/** Any other success: `data` is small and plain. */
export function encodeData(data: unknown): ApiAnswer {
  const body = new TextEncoder().encode(`{"status":"success","data":${printGoJson(data)}}`);
  return { status: 200, body };
}

/** A refusal as the API says it. Anything else that was thrown is an internal error without details. */
export function encodeError(error: unknown): ApiAnswer {
  const code = error instanceof RefusalError ? error.code : "internal";
  const message = error instanceof RefusalError ? error.message : "internal error";
  const { status, errorType } = API_ERRORS[code];
  const writer = new JsonWriter(256);
  writer.raw(`{"status":"error","errorType":"${errorType}","error":`);
  writer.string(message, true);
  writer.byte(0x7d);
  return { status, body: writer.finish() };
}

function openEnvelope(): JsonWriter {
  const writer = new JsonWriter();
  writer.raw('{"status":"success","data":');
  return writer;
}

function closeEnvelope(writer: JsonWriter, warnings: readonly string[], infos: readonly string[]): ApiAnswer {
  writeAnnotations(writer, "warning", warnings);
  writeAnnotations(writer, "info", infos);
  writer.byte(0x7d);
  return { status: 200, body: writer.finish() };
}

function writeAnnotations(writer: JsonWriter, kind: "warning" | "info", texts: readonly string[]): void {
  if (texts.length === 0) return;
  writer.raw(`,"${kind}s":[`);
  for (let i = 0; i < texts.length && i < ANNOTATIONS_MAX; i++) {
    if (i > 0) writer.byte(0x2c);
    writer.string(texts[i] as string, true);
  }
  const more = texts.length - ANNOTATIONS_MAX;
  if (more > 0) writer.raw(`,"${more} more ${kind} annotations omitted"`);
  writer.byte(0x5d);
}

function writeValue(writer: JsonWriter, value: QueryValue): void {
  switch (value.type) {
    case "matrix":
      writeList(writer, value.series, writeMatrixSeries);
      return;
    case "vector":
      writeList(writer, value.samples, writeVectorSample);
      return;
    case "scalar":
      writer.raw(`[${value.timestampMs / 1000},"${printPlainFloat(value.value)}"]`);
      return;
    case "string":
      // Prometheus leaves this one type to encoding/json, whose escapes differ a little.
      writer.raw(`[${value.timestampMs / 1000},`);
      writer.utf8(printGoJson(value.value));
      writer.byte(0x5d);
  }
}

function writeList<T>(writer: JsonWriter, items: readonly T[], write: (writer: JsonWriter, item: T) => void) {
  writer.byte(0x5b);
  for (let i = 0; i < items.length; i++) {
    if (i > 0) writer.byte(0x2c);
    worked(WORK_PER_ITEM);
    write(writer, items[i] as T);
  }
  writer.byte(0x5d);
}

function writeLabels(writer: JsonWriter, labels: Labels): void {
  const { pairs } = labels;
  writer.byte(0x7b);
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0) writer.byte(0x2c);
    writer.string(pairs[i] as string);
    writer.byte(0x3a);
    writer.string(pairs[i + 1] as string);
  }
  writer.byte(0x7d);
}

/** Floats under "values" first, then histograms under "histograms", each only where there are any. */
function writeMatrixSeries(writer: JsonWriter, series: MatrixSeries): void {
  const { timestamps, values, histograms } = series;
  writer.raw('{"metric":');
  writeLabels(writer, series.labels);
  if (histograms === null && timestamps.length > 0) {
    writer.raw(',"values":');
    writer.samples(timestamps, values);
    writer.byte(0x7d);
    return;
  }
  let floats = 0;
  for (let i = 0; i < timestamps.length; i++) {
    if (histograms?.[i] !== undefined) continue;
    writer.raw(floats++ === 0 ? ',"values":[[' : ",[");
    writer.timestamp(timestamps[i] as number);
    writer.byte(0x2c);
    writer.float(values[i] as number);
    writer.byte(0x5d);
  }
  if (floats > 0) writer.byte(0x5d);
  if (histograms !== null && floats < timestamps.length) writeHistograms(writer, series);
  writer.byte(0x7d);
}

function writeHistograms(writer: JsonWriter, series: MatrixSeries): void {
  let count = 0;
  series.histograms?.forEach((histogram, i) => {
    if (histogram === undefined) return;
    writer.raw(count++ === 0 ? ',"histograms":[[' : ",[");
    writer.timestamp(series.timestamps[i] as number);
    writer.byte(0x2c);
    writeHistogram(writer, histogram);
    writer.byte(0x5d);
  });
  writer.byte(0x5d);
}

function writeVectorSample(writer: JsonWriter, sample: VectorSample): void {
  writer.raw('{"metric":');
  writeLabels(writer, sample.labels);
  writer.raw(sample.histogram === undefined ? ',"value":[' : ',"histogram":[');
  writer.timestamp(sample.timestampMs);
  writer.byte(0x2c);
  if (sample.histogram === undefined) writer.float(sample.value);
  else writeHistogram(writer, sample.histogram);
  writer.raw("]}");
}
