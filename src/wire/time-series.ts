import type { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { type Histogram, type HistogramSpan, ResetHint } from "../model/histogram.js";
import { isStaleNaN, STALE_NAN_HIGH, STALE_NAN_LOW } from "../model/stale.js";

/**
 * The parts of Prometheus' `TimeSeries` message (prompb/types.proto), which Remote Write 1.0 sends and remote read
 * answers with: `labels 1 { name 1, value 2 }`, `samples 2 { value 1, timestamp 2 }`, `exemplars 3`, `histograms 4`.
 */

/** `pairs`: name 0, value 0, name 1, value 1 … */
export function writeLabels(writer: ProtobufWriter, field: number, pairs: readonly string[]): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const start = writer.open(field);
    writer.string(1, pairs[i]);
    writer.string(2, pairs[i + 1]);
    writer.close(start);
  }
}

/** A sample whose value is given as two words, low one first. */
export function writeSample(writer: ProtobufWriter, low: number, high: number, timestampMs: number): void {
  const start = writer.open(2);
  writer.doubleWords(1, low, high);
  writer.int64(2, timestampMs);
  writer.close(start);
}

export function writeHistogramSample(
  writer: ProtobufWriter,
  histogram: Histogram,
  timestampMs: number,
): void {
  const { float, positiveBuckets, negativeBuckets } = histogram;
  const start = writer.open(4);
  if (float) writer.present(2, histogram.count);
  else writer.uint64(1, histogram.count);
  if (isStaleNaN(histogram.sum)) writer.doubleWords(3, STALE_NAN_LOW, STALE_NAN_HIGH);
  else writer.double(3, histogram.sum);
  writer.sint64(4, histogram.schema);
  writer.double(5, histogram.zeroThreshold);
  if (float) writer.present(7, histogram.zeroCount);
  else writer.uint64(6, histogram.zeroCount);
  writeSpans(writer, 8, histogram.negativeSpans);
  if (float) writer.packedDoubles(10, negativeBuckets);
  else writer.packedSint64(9, deltasOf(negativeBuckets));
  writeSpans(writer, 11, histogram.positiveSpans);
  if (float) writer.packedDoubles(13, positiveBuckets);
  else writer.packedSint64(12, deltasOf(positiveBuckets));
  if (histogram.resetHint !== ResetHint.UNKNOWN) writer.uint64(14, histogram.resetHint);
  writer.int64(15, timestampMs);
  writer.packedDoubles(16, histogram.customValues);
  writer.close(start);
}

function writeSpans(writer: ProtobufWriter, field: number, spans: readonly HistogramSpan[]): void {
  for (const { offset, length } of spans) {
    const start = writer.open(field);
    writer.sint64(1, offset);
    writer.uint64(2, length);
    writer.close(start);
  }
}

/** Each count less the one before it. */
function deltasOf(counts: ArrayLike<number>): number[] {
  const deltas: number[] = [];
  for (let i = 0; i < counts.length; i++) deltas.push(counts[i] - (i === 0 ? 0 : counts[i - 1]));
  return deltas;
}
