// The scan of a Remote Write 1.0 request: samples into columns, series by successor prediction where the
// sender keeps its order, everything else left for `resolve`.
//   WriteRequest { 1 TimeSeries*, 3 MetricMetadata* }
//   TimeSeries { 1 Label*, 2 Sample*, 3 Exemplar*, 4 Histogram* }    Sample { 1 double value, 2 int64 timestamp }
import {
  COLD_EXEMPLAR, COLD_HISTOGRAM, COLD_METADATA, CTRL, C_SERIES_COUNT, ERR_PROTOBUF, ERR_TOO_MANY, NONE, S_LABELS, S_LABELS_LEN, S_NEXT,
} from "./layout";
import { equalBytes, readVarint, varintEnd } from "./bytes";
import { parseSample, sampleT, sampleV, sixBytes, skipField } from "./protobuf";
import { approved } from "./rules";
import { findSeries, seriesAt, tagOf } from "./series";
import { addCold, addOpen, addSample, coldCount, rewind, sampleCount } from "./request";

/** After this many failed predictions in a row the rest of the request is looked up in batches. */
const PREDICTION_MISSES_MAX: u32 = 8;

let scratch: usize = 0;
let previous: u32 = NONE;
let misses: u32 = 0;

/** 0, or why the request is refused whole. Nothing is changed but columns in scratch and successor hints. */
export function scanVersion1(threadScratch: usize, at: usize, end: usize): i32 {
  scratch = threadScratch;
  previous = NONE;
  misses = 0;
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x0a) {
      let length = <u32>load<u8>(at, 1);
      let body = at + 2;
      if (length >= 128) {
        const long = readVarint(at + 1, end);
        if (!varintEnd || long > 0x7fffffff) return ERR_PROTOBUF;
        length = <u32>long;
        body = varintEnd;
      }
      if (body > end || length > <u32>(end - body)) return ERR_PROTOBUF;
      const failure = scanSeries(body, body + length);
      if (failure) return failure;
      at = body + length;
    } else if (tag == 0x1a) {
      const length = readVarint(at + 1, end);
      if (!varintEnd || length > <u64>(end - varintEnd)) return ERR_PROTOBUF;
      if (!addCold(scratch, COLD_METADATA, NONE, varintEnd, <u32>length)) return ERR_TOO_MANY;
      at = varintEnd + <usize>length;
    } else {
      at = skipField(at, end);
      if (!at) return ERR_PROTOBUF;
    }
  }
  return 0;
}

/** The series that followed `previous` last time, if its labels are the bytes at `at`; else NONE. */
// @ts-ignore: decorator
@inline
function predict(at: usize, end: usize): u32 {
  if (previous == NONE) return NONE;
  const candidate = load<u32>(seriesAt(previous), S_NEXT);
  if (candidate >= atomic.load<u32>(CTRL, C_SERIES_COUNT)) return NONE;
  const series = seriesAt(candidate);
  const length = load<u32>(series, S_LABELS_LEN);
  if (length == 0 || length > <u32>(end - at)) return NONE;
  if (length < <u32>(end - at) && load<u8>(at + length) == 0x0a) return NONE; // one more label follows
  return equalBytes(load<u32>(series, S_LABELS), at, length) && approved(candidate) ? candidate : NONE;
}

/** The end of the label fields that start at `at`; 0: malformed. */
// @ts-ignore: decorator
@inline
function labelsEnd(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) == 0x0a) {
    const length = readVarint(at + 1, end);
    if (!varintEnd || length > <u64>(end - varintEnd)) return 0;
    at = varintEnd + <usize>length;
  }
  return at;
}

function scanSeries(at: usize, end: usize): i32 {
  let ref = predict(at, end);
  let values: usize;
  if (ref != NONE) {
    values = at + load<u32>(seriesAt(ref), S_LABELS_LEN);
    misses = 0;
    previous = ref;
  } else {
    values = labelsEnd(at, end);
    if (!values) return ERR_PROTOBUF;
    if (misses < PREDICTION_MISSES_MAX) {
      const length = <u32>(values - at);
      ref = findSeries(at, length, tagOf(at, length));
      if (ref != NONE && !approved(ref)) ref = NONE; // `resolve` knows what the rules make of it
      misses++;
      if (ref != NONE) {
        if (previous != NONE) store<u32>(seriesAt(previous), ref, S_NEXT);
        previous = ref;
      }
    }
  }
  const firstSample = sampleCount;
  const firstCold = coldCount;
  const failure = scanValues(values, end, ref, false);
  if (failure == SCATTERED) {
    // A label behind a value: legal protobuf that no sender writes. Look at the whole message again.
    rewind(firstSample, firstCold);
    const again = scanValues(at, end, NONE, true);
    if (again) return again;
    return addOpen(scratch, at, <u32>(end - at), firstSample, firstCold, true) ? 0 : ERR_TOO_MANY;
  }
  if (failure) return failure;
  if (ref == NONE && !addOpen(scratch, at, <u32>(values - at), firstSample, firstCold, false)) return ERR_TOO_MANY;
  return 0;
}

const SCATTERED: i32 = 1;

/** The fields behind the labels. SCATTERED where one more label comes and `skipLabels` is not set. */
function scanValues(at: usize, end: usize, ref: u32, skipLabels: bool): i32 {
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x12) {
      const length = <u32>load<u8>(at, 1);
      // the one shape of our era: 09 double 10 six-byte varint
      if (length == 16 && at + 18 <= end && load<u8>(at, 2) == 0x09 && load<u8>(at, 11) == 0x10) {
        const word = load<u64>(at, 12);
        if ((word & 0x0000808080808080) == 0x0000008080808080) {
          if (!addSample(scratch, ref, sixBytes(word), load<u64>(at, 3))) return ERR_TOO_MANY;
          at += 18;
          continue;
        }
      }
      at = parseSample(at, end);
      if (!at) return ERR_PROTOBUF;
      if (!addSample(scratch, ref, sampleT, sampleV)) return ERR_TOO_MANY;
    } else if (tag == 0x1a || tag == 0x22) {
      const length = readVarint(at + 1, end);
      if (!varintEnd || length > <u64>(end - varintEnd)) return ERR_PROTOBUF;
      if (!addCold(scratch, tag == 0x1a ? COLD_EXEMPLAR : COLD_HISTOGRAM, ref, varintEnd, <u32>length)) return ERR_TOO_MANY;
      at = varintEnd + <usize>length;
    } else {
      if (tag == 0x0a && !skipLabels) return SCATTERED;
      at = skipField(at, end);
      if (!at) return ERR_PROTOBUF;
    }
  }
  return 0;
}
