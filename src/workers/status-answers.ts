/** What a server tells about its own data, from the parts that a query thread reads. */
import { RefusalError } from "../base/errors.js";
import { STATUS_ENTRIES_MAX } from "../base/limits.js";
import { META_VERSION } from "../block/block-format.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { BlockSet } from "../block/block-set.js";
import type { StoredParts } from "../db/query-thread.js";
import type { QueryControl } from "../storage/queryable.js";
import { type Params, paramOf } from "../wire/params.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryKind, QueryRequest } from "./contract.js";

const LIMIT_DEFAULT = 10;

export function isStatusKind(kind: QueryKind): boolean {
  return kind === "tsdb_status" || kind === "tsdb_blocks";
}

/** Answers `/status/tsdb` and `/status/tsdb/blocks`. Errors are answers: nothing is thrown. */
export function answerStatus(request: QueryRequest, parts: StoredParts, control: QueryControl): QueryAnswer {
  try {
    if (request.kind === "tsdb_blocks") return encodeData(describeBlocks(parts.blocks));
    const limit = parseStatusLimit(request.params);
    return encodeData(describeHead(parts, limit, control));
  } catch (error) {
    return encodeError(error);
  }
}

/** The parameter `limit`, in Prometheus' words. */
export function parseStatusLimit(params: Params): number {
  const text = paramOf(params, "limit");
  if (text === "") return LIMIT_DEFAULT;
  const limit = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(limit >= 1)) throw new RefusalError("bad_data", "limit must be a positive number");
  if (limit > STATUS_ENTRIES_MAX) {
    throw new RefusalError("bad_data", `limit must not exceed ${STATUS_ENTRIES_MAX}`);
  }
  return limit;
}

function describeHead({ head }: StoredParts, limit: number, control: QueryControl): unknown {
  const counts = head.cardinality.whole(limit, "", () => control.checkpoint());
  const { chunkCount, minTime, maxTime } = head.counts.measure(() => control.checkpoint());
  return {
    headStats: {
      numSeries: counts.seriesCount,
      numLabelPairs: counts.labelPairCount,
      chunkCount,
      minTime: Number.isFinite(minTime) ? minTime : 0,
      maxTime: Number.isFinite(maxTime) ? maxTime : 0,
    },
    seriesCountByMetricName: counts.metrics,
    labelValueCountByLabelName: counts.labelNames,
    memoryInBytesByLabelName: counts.labelBytes,
    seriesCountByLabelValuePair: counts.labelPairs,
  };
}

function describeBlocks(set: BlockSet): unknown {
  return {
    blocks: set.blocks.map(({ meta }) => describeBlock(meta)),
    damaged: set.damaged,
    quarantined: set.quarantined(),
  };
}

/** As meta.json has it. */
function describeBlock({ ulid, minTime, maxTime, stats, compaction }: BlockMeta): unknown {
  const { level, sources, parents, hints, failed } = compaction;
  return {
    ulid,
    minTime,
    maxTime,
    stats: Object.fromEntries(Object.entries(stats).filter(([, count]) => count !== 0)),
    compaction: {
      level,
      sources,
      ...(parents.length > 0 ? { parents } : {}),
      ...(failed ? { failed } : {}),
      ...(hints.length > 0 ? { hints } : {}),
    },
    version: META_VERSION,
  };
}
