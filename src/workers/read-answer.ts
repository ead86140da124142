/** Answers a remote read, piece by piece; runs on a query thread. */
import { RefusalError } from "../base/errors.js";
import { ANSWER_BYTES_MAX, READ_PIECE_BYTES } from "../base/limits.js";
import { encodeColumns } from "../chunk/encode-columns.js";
import { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { snappyCompress } from "../encoding/snappy.js";
import { compareLabels, Labels } from "../model/labels.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, QueryControl, SeriesSet } from "../storage/queryable.js";
import { API_ERRORS } from "../wire/api-errors.js";
import {
  CHUNKS_TYPE,
  ChunkFrames,
  decodeReadRequest,
  type ReadQuery,
  SAMPLES_TYPE,
  writeSeries,
} from "../wire/remote-read.js";
import type { QueryAnswer, QueryRequest, ReadCursor } from "./contract.js";

export interface ReadLimits {
  /** Samples in an answer that is not streamed; 0: no limit. */
  readonly readSamplesMax: number;
  /** Bytes of a frame of a streamed one, about. */
  readonly readFrameBytesMax: number;
}

/** As Prometheus cuts them: what reads the stream may keep a whole chunk for a single sample of it. */
const CHUNK_LIMITS = { floatSamplesMax: 120, histogramSamplesMax: 120 };

/**
 * The piece of the answer that begins at the cursor. A streamed answer has as many pieces as
 * it takes; each selects anew, so no thread is held while a slow client reads. Errors are answers, too.
 */
export function answerRead(
  { body = NO_BODY, cursor = FIRST }: QueryRequest,
  queryable: Queryable,
  limits: ReadLimits,
  control: QueryControl,
): QueryAnswer {
  try {
    const { queries, streamed } = decodeReadRequest(body);
    if (streamed) return chunks(queries, cursor, queryable, limits, control);
    return samples(queries, queryable, limits, control);
  } catch (error) {
    return refusal(error);
  }
}

const NO_BODY = new Uint8Array();
const FIRST: ReadCursor = { query: 0, after: null };

function refusal(error: unknown): QueryAnswer {
  const known = error instanceof RefusalError;
  const { status } = API_ERRORS[known ? error.code : "internal"];
  const text = known ? error.message : "internal error";
  const body = new TextEncoder().encode(`${text}\n`);
  return { status, contentType: "text/plain; charset=utf-8", body };
}

const NOTHING: SeriesSet = { count: 0, sorted: true, labels: () => Labels.EMPTY, read: () => {} };

/** As in Prometheus' storage, no matcher selects nothing. */
function selectOf(queryable: Queryable, { matchers, startMs, endMs }: ReadQuery): SeriesSet {
  return matchers.length === 0 ? NOTHING : queryable.select(matchers, startMs, endMs);
}

/** The indexes of the series behind `after`, by label set. */
function ordered(set: SeriesSet, after: Labels | null, control: QueryControl): number[] {
  const labelSets: Labels[] = [];
  const indexes: number[] = [];
  for (let i = 0; i < set.count; i++) {
    if ((i & 1023) === 0) control.checkpoint();
    labelSets[i] = set.labels(i);
    if (after === null || compareLabels(labelSets[i] as Labels, after) > 0) indexes.push(i);
  }
  if (set.sorted) return indexes;
  return indexes.sort((a, b) => compareLabels(labelSets[a] as Labels, labelSets[b] as Labels));
}

function samples(
  queries: readonly ReadQuery[],
  queryable: Queryable,
  { readSamplesMax: samplesMax }: ReadLimits,
  control: QueryControl,
): QueryAnswer {
  const writer = new ProtobufWriter(64 * 1024);
  const columns = new SampleColumns();
  for (const query of queries) {
    const result = writer.open(1);
    const set = selectOf(queryable, query);
    let count = 0;
    for (const index of ordered(set, null, control)) {
      control.checkpoint();
      columns.clear();
      if (!query.seriesOnly) set.read(index, query.startMs, query.endMs, columns);
      if (columns.count === 0 && !query.seriesOnly) continue;
      count += columns.count;
      if (samplesMax > 0 && count > samplesMax) {
        throw new RefusalError("bad_data", `exceeded sample limit (${samplesMax})`);
      }
      writeSeries(writer, set.labels(index), columns);
      if (writer.length > ANSWER_BYTES_MAX) {
        throw new RefusalError("limit_reached", `the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
      }
    }
    writer.close(result);
  }
  return { status: 200, contentType: SAMPLES_TYPE, body: snappyCompress(writer.view()) };
}

function chunks(
  queries: readonly ReadQuery[],
  cursor: ReadCursor,
  queryable: Queryable,
  { readFrameBytesMax }: ReadLimits,
  control: QueryControl,
): QueryAnswer {
  const frames = new ChunkFrames(readFrameBytesMax);
  const columns = new SampleColumns();
  let after = cursor.after === null ? null : new Labels(cursor.after);
  for (let q = cursor.query; q < queries.length; q++, after = null) {
    const query = queries[q] as ReadQuery;
    const { startMs, endMs } = query;
    const set = selectOf(queryable, query);
    for (const index of ordered(set, after, control)) {
      control.checkpoint();
      set.read(index, startMs, endMs, columns);
      const labels = set.labels(index);
      frames.series(labels, encodeColumns(columns, CHUNK_LIMITS), q);
      if (frames.length < READ_PIECE_BYTES) continue;
      const next = { query: q, after: labels.pairs };
      return { status: 200, contentType: CHUNKS_TYPE, body: frames.finish(), next };
    }
  }
  return { status: 200, contentType: CHUNKS_TYPE, body: frames.finish() };
}
