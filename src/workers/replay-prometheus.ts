/** Takes the log of a Prometheus data folder into the head of a server that only reads. */
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/log.js";
import { listBlocks } from "../block/block-folder.js";
import { type Database, openLogChunks } from "../db/database.js";
import { IngestThread } from "../db/ingest-thread.js";
import type { FileSystem } from "../io/file-system.js";
import { blocksEnd, type LogSink, readPrometheusLogs } from "../transfer/prometheus-folder.js";
import { walFiles } from "../transfer/prometheus-wal.js";
import { type BatchSeries, RemoteWriteBatches } from "../transfer/remote-write-batches.js";
import { loadZstd } from "./load-zstd.js";

/** Runs on the calling thread, before anybody writes or reads. Does nothing where there is no such log. */
export async function replayPrometheusLogs(
  db: Database,
  fs: FileSystem,
  dir: string,
  log: Logger,
): Promise<void> {
  if (walFiles(fs, `${dir}/wal`).length === 0) return;
  await loadZstd();
  const writer = new IngestThread(db.shared, 0, {
    clock: systemClock,
    retentionMs: Number.POSITIVE_INFINITY,
    readLogChunk: openLogChunks(fs, db.logDir),
  });
  const region = db.shared.slotRegions.at(-1);
  if (region === undefined) throw new RangeError("a slot to write from");
  const memory = new Uint8Array(db.shared.memory.buffer);
  let refused = "";
  const batches = new RemoteWriteBatches((request) => {
    memory.set(request, region.at);
    const outcome = writer.ingest(region.at, request.length, region.bytes, 1);
    if (outcome.recordCap > 0) db.kernel.exports.free(outcome.recordAt, outcome.recordCap);
    db.kernel.exports.settleLiveBytes();
    if (outcome.status !== 204) refused = outcome.message;
  });
  const sink = new WithoutDeletion(batches);
  const { metas } = listBlocks(fs, dir);
  const summary = readPrometheusLogs(
    fs,
    dir,
    blocksEnd(metas),
    sink,
    () => {},
    () => {},
  );
  batches.flush();
  const { samples, series, damages } = summary;
  for (const { file, offset, reason } of damages)
    log.warn("passed over damaged bytes of Prometheus' log", { file, offset, reason });
  if (refused !== "") log.warn("not all of Prometheus' log could be taken up", { reason: refused });
  if (sink.deletions > 0)
    log.warn("deletions in Prometheus' log are not in force here", { deletions: sink.deletions });
  log.info("read Prometheus' log", { series, samples });
}

/** The head has no way to take samples out again that are not logged. */
class WithoutDeletion implements LogSink<BatchSeries> {
  deletions = 0;
  readonly full = false;
  private readonly batches: RemoteWriteBatches;

  constructor(batches: RemoteWriteBatches) {
    this.batches = batches;
  }

  series(labels: Parameters<RemoteWriteBatches["series"]>[0]): BatchSeries {
    return this.batches.series(labels);
  }

  float(series: BatchSeries, timestampMs: number, value: number): void {
    this.batches.float(series, timestampMs, value);
  }

  floatWords(series: BatchSeries, timestampMs: number, low: number, high: number): void {
    this.batches.floatWords(series, timestampMs, low, high);
  }

  histogram(...args: Parameters<RemoteWriteBatches["histogram"]>): void {
    this.batches.histogram(...args);
  }

  remove(): void {
    this.deletions++;
  }
}
