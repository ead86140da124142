/** One import into a data folder, told to whoever waits for it. */
import { systemClock } from "../base/clock.js";
import { BLOCK_RANGE_MS } from "../compact/plan.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { BlockSpool } from "../transfer/block-spool.js";
import { ImportJob } from "../transfer/import-job.js";
import {
  blocksEnd,
  copyBlock,
  importableBlocks,
  readPrometheusLogs,
  type WalSummary,
} from "../transfer/prometheus-folder.js";
import { openTextImport } from "../transfer/text-import.js";
import { loadZstd } from "../workers/load-zstd.js";
import { type ImportInput, keyOfInputs, readInput } from "./import-input.js";
import type { Output } from "./output.js";
import { printRange } from "./print-values.js";
import { Progress } from "./progress.js";

/** Bad lines and blocks that are named one by one. */
const PROBLEMS_SHOWN_MAX = 20;
/** The default of `--storage.tsdb.retention.time`. */
const RETENTION_DEFAULT_MS: number = 365 * 86_400_000;

/** Imports into the data folder `dir`, whose lock the caller holds. Returns the exit status. */
export async function importInto(
  dir: string,
  inputs: readonly ImportInput[],
  memoryBytesMax: number,
  err: Output,
): Promise<number> {
  const job = new ImportJob({
    fs,
    clock: systemClock,
    dir,
    key: keyOfInputs(inputs),
    memoryBytesMax,
    blockRangeMs: BLOCK_RANGE_MS,
  });
  const run = new ImportRun(job, dir, err);
  if (job.resumed) await err.line("going on with an import that was cut off");
  if (!job.isRead) await run.read(inputs);
  await run.finish();
  return run.problems === 0 ? 0 : 1;
}

class ImportRun {
  problems = 0;
  private readonly job: ImportJob;
  private readonly dir: string;
  private readonly err: Output;
  private readonly progress: Progress;
  private blocksCopied = 0;
  private pending: string[] = [];

  constructor(job: ImportJob, dir: string, err: Output) {
    this.job = job;
    this.dir = dir;
    this.err = err;
    this.progress = new Progress(err);
  }

  async read(inputs: readonly ImportInput[]): Promise<void> {
    const { input: first = 0 } = this.job.place;
    for (let i = first; i < inputs.length; i++) {
      const input = inputs[i] as ImportInput;
      if (input.kind === "folder") await this.readFolder(input.path);
      else await this.readFile(input, i, i === first);
      await this.say();
    }
  }

  private async readFile(
    input: ImportInput & { readonly kind: "file" },
    index: number,
    continued: boolean,
  ): Promise<void> {
    const { job } = this;
    const { bytes: before = 0, lines: linesBefore = 0 } = continued ? job.place : {};
    const text = openTextImport(input.format, job.spool, linesBefore, (line, reason) =>
      this.problem(`${input.path}:${line}: ${reason}`),
    );
    for await (const piece of readInput(input.path, before)) {
      text.lines.push(piece);
      const bytes = before + text.lines.bytes;
      if (job.spool.full) job.checkpoint({ input: index, bytes, lines: text.lines.count });
      await this.progress.show(input.path, bytes, input.bytes, `${job.totalSamples} samples`);
    }
    text.finish();
    if (text.exemplars > 0)
      this.note(`${input.path}: ${text.exemplars} exemplars are left out: blocks have no place for them`);
  }

  private async readFolder(path: string): Promise<void> {
    const { metas, damaged } = importableBlocks(fs, path);
    for (const { ulid, reason } of damaged) this.problem(`block ${ulid} is left out: ${reason}`);
    const known = new Set(
      importableBlocks(fs, this.dir).metas.flatMap((meta) => [meta.ulid, ...meta.compaction.sources]),
    );
    for (const [i, { ulid }] of metas.entries()) {
      await this.progress.show(`${path}: blocks`, i, metas.length);
      if (known.has(ulid)) continue;
      const skipped = copyBlock(fs, path, ulid, this.job.workFolder, this.dir);
      if (skipped === null) this.blocksCopied++;
      else this.problem(`block ${ulid} is left out: ${skipped.reason}`);
    }
    await this.readLogs(path, blocksEnd(metas), this.job.spool);
  }

  /** What the log brought is read again from its beginning if this is cut off: it is hours, not years. */
  private async readLogs(path: string, endMs: number, spool: BlockSpool): Promise<void> {
    await loadZstd();
    let last = "";
    const summary = readPrometheusLogs(
      fs,
      path,
      endMs,
      spool,
      () => spool.spill(),
      (file) => {
        last = file;
      },
    );
    await this.progress.show(last, 1, 1);
    this.report(path, summary);
  }

  private report(path: string, { samples, series, inBlocks, orphans, left, damages }: WalSummary): void {
    for (const { file, offset, reason } of damages) this.problem(`${file} at ${offset}: ${reason}`);
    if (orphans > 0)
      this.problem(`${path}: ${orphans} samples in the log are of series that it does not name`);
    for (const [kind, records] of Object.entries(left)) {
      if (kind.startsWith("records"))
        this.problem(`${path}: ${records} ${kind}: a later Prometheus wrote them`);
      else
        this.note(
          `${path}: ${kind} in the log are left out (${records} records): blocks have no place for them`,
        );
    }
    if (samples + inBlocks > 0) {
      this.note(
        `${path}: ${samples} samples of ${series} series out of the log, ${inBlocks} more are in blocks`,
      );
    }
  }

  private problem(text: string): void {
    this.problems++;
    if (this.problems <= PROBLEMS_SHOWN_MAX) this.note(text);
  }

  private note(text: string): void {
    this.pending.push(text);
  }

  private async say(): Promise<void> {
    if (this.pending.length === 0) return;
    await this.progress.clear();
    for (const line of this.pending) await this.err.line(line);
    this.pending = [];
    await this.err.flush();
  }

  async finish(): Promise<void> {
    const { job, err, progress } = this;
    let step: Promise<void> = Promise.resolve();
    const blocks = job.finish((done, total) => {
      step = progress.show("writing blocks", done, total);
    });
    await step;
    await progress.clear();
    await this.say();
    if (this.problems > PROBLEMS_SHOWN_MAX) {
      await err.line(`… and ${this.problems - PROBLEMS_SHOWN_MAX} more that could not be taken over`);
    }
    const copied = this.blocksCopied === 0 ? "" : `, ${this.blocksCopied} blocks copied`;
    const wrote = `${job.totalSamples} samples into ${blocks.length} blocks${copied}`;
    await err.line(`imported ${wrote} in ${progress.seconds.toFixed(1)}s`);
    const mint = Math.min(...blocks.map((block) => block.minTime));
    const maxt = Math.max(...blocks.map((block) => block.maxTime));
    if (blocks.length > 0) await err.line(`from ${printRange(mint, maxt - 1)}`);
    if (mint < systemClock.nowMs() - RETENTION_DEFAULT_MS) {
      await err.line(
        "some of it is older than a year: serve it with --storage.tsdb.retention.time=0s, or it is deleted",
      );
    }
  }
}
