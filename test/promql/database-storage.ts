import type { Histogram } from "../../dist/model/histogram.js";
import type { Labels } from "../../dist/model/labels.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW } from "../../dist/model/stale.js";
import type { Queryable } from "../../dist/storage/queryable.js";
import { LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import type { MemorySample } from "../support/memory-queryable.js";
import type { WireHistogram, WireSeries } from "../support/remote-write.js";
import type { ScriptStorage } from "./runner.js";

/** Scripts load from 1970 on: late enough for all they hold not to lie in the future. */
const NOW_MS = 200 * 365 * 86_400_000;
const STALE = new Float64Array(Uint32Array.of(STALE_NAN_LOW, STALE_NAN_HIGH).buffer)[0];

/** The real storage on a disk in memory, filled over Remote Write 2.0; its start timestamps are not kept. */
export class DatabaseStorage implements ScriptStorage {
  private database: LocalDatabase | null = null;
  private current: Queryable | null = null;
  /** What the storage refused. */
  readonly refusals: string[] = [];

  get queryable(): Queryable {
    this.current ??= this.open().queryable();
    return this.current;
  }

  private open(): LocalDatabase {
    this.database ??= new LocalDatabase(new MemFileSystem(), new FakeClock(NOW_MS), {
      headMemoryLimitBytes: 48 << 20,
      outOfOrderWindowMs: NOW_MS,
      retentionMs: NOW_MS,
    });
    return this.database;
  }

  async append(labels: Labels, samples: readonly MemorySample[]): Promise<void> {
    const floats = samples.filter(({ histogram }) => histogram === undefined);
    const histograms = samples.filter(({ histogram }) => histogram !== undefined);
    const series: WireSeries = {
      labels: [...labels],
      samples: floats.map(({ t, value, stale, startMs }) => ({
        timestamp: t,
        value: stale === true ? STALE : value,
        ...(startMs === undefined ? {} : { startTimestamp: startMs }),
      })),
      histograms: histograms.map(({ t, histogram }) => wireHistogram(t, histogram as Histogram)),
    };
    const { status, message } = await this.open().writeSeries([series], 2);
    if (status !== 204) this.refusals.push(`${labels.toString()}: ${status} ${message}`);
  }

  async clear(): Promise<void> {
    await this.database?.close();
    this.database = null;
    this.current = null;
  }
}

function wireHistogram(timestamp: number, histogram: Histogram): WireHistogram {
  return {
    timestamp,
    countFloat: histogram.count,
    sum: histogram.sum,
    schema: histogram.schema,
    zeroThreshold: histogram.zeroThreshold,
    zeroCountFloat: histogram.zeroCount,
    positiveSpans: [...histogram.positiveSpans],
    negativeSpans: [...histogram.negativeSpans],
    positiveCounts: Array.from(histogram.positiveBuckets),
    negativeCounts: Array.from(histogram.negativeBuckets),
    customValues: Array.from(histogram.customValues),
    resetHint: histogram.resetHint,
  };
}
