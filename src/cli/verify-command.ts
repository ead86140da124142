/** `varve verify`: reads everything, changes nothing. */
import { RefusalError } from "../base/errors.js";
import { QUARANTINE_FOLDER } from "../block/block-folder.js";
import { isBlockName } from "../block/block-format.js";
import { verifyFolder } from "../block/verify-folder.js";
import { LOG_FOLDER } from "../db/database.js";
import { verifyLog } from "../db/verify-log.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import { readPrometheusWal, type WalDamage } from "../transfer/prometheus-wal.js";
import { loadZstd } from "../workers/load-zstd.js";
import type { CommandCall } from "./command.js";
import type { Output } from "./output.js";
import { printBytes, printRange } from "./print-values.js";
import { Progress } from "./progress.js";

/** Exit status 1: something is damaged. */
export async function runVerify({ operands, out, err }: CommandCall): Promise<number> {
  const [dir = ""] = operands;
  if (!fs.exists(dir) || !fs.stat(dir).directory) throw new RefusalError("bad_data", `${dir} is no folder`);
  const progress = new Progress(err);
  const found = await verifyBlocks(dir, out, progress);
  const inLog = await verifyOurLog(`${dir}/${LOG_FOLDER}`, out);
  const inWal = (await verifyWal(`${dir}/wal`, out)) + (await verifyWal(`${dir}/wbl`, out));
  const damaged = found + inLog + inWal;
  await out.line(damaged === 0 ? "everything is intact" : `${damaged} damaged`);
  return damaged === 0 ? 0 : 1;
}

async function verifyBlocks(dir: string, out: Output, progress: Progress): Promise<number> {
  let done = 0;
  const total = fs.list(dir).filter(isBlockName).length;
  let shown = Promise.resolve();
  const { blocks, damaged, leftovers, superseded, overlapping } = verifyFolder(fs, dir, (meta) => {
    shown = progress.show(`block ${meta.ulid}`, done++, total);
  });
  await shown;
  await progress.clear();
  let problems = 0;
  let samples = 0;
  // A running server replaces blocks: one that went meanwhile says nothing.
  const gone = (ulid: string): boolean => !fs.exists(`${dir}/${ulid}`);
  for (const { ulid, reason } of damaged) {
    if (gone(ulid)) continue;
    problems++;
    await out.line(`block ${ulid}: ${reason}`);
    await out.line("  affected: all of it, at times that meta.json would tell");
  }
  for (const { meta, verification } of blocks) {
    samples += verification.samples;
    if (verification.problems.length === 0 || gone(meta.ulid)) continue;
    problems++;
    for (const { file, offset, reason, mint, maxt } of verification.problems) {
      const [from, to] = [Math.max(mint, meta.minTime), Math.min(maxt, meta.maxTime - 1)];
      await out.line(`block ${meta.ulid}: ${file} at ${offset}: ${reason}`);
      await out.line(`  affected: ${printRange(from, to)}`);
    }
    if (verification.truncated) await out.line(`block ${meta.ulid}: … and more`);
  }
  for (const name of leftovers)
    await out.line(`note: ${name} is left from a crash; the next start removes it`);
  for (const ulid of superseded)
    await out.line(`note: block ${ulid} is replaced by another; the next start removes it`);
  for (const [a, b] of overlapping)
    await out.line(`note: blocks ${a} and ${b} overlap in time; compaction merges them`);
  const quarantine = `${dir}/${QUARANTINE_FOLDER}`;
  const aside = fs.exists(quarantine) ? fs.list(quarantine) : [];
  for (const name of aside)
    await out.line(`note: ${quarantine}/${name} was moved aside because it is damaged`);
  await out.line(`${blocks.length} blocks, ${samples} samples`);
  return problems;
}

async function verifyOurLog(logDir: string, out: Output): Promise<number> {
  if (!fs.exists(logDir)) return 0;
  const { segments, records, bytes, problems, torn } = verifyLog(fs, logDir);
  for (const { file, start, end, reason, mint, maxt } of problems) {
    await out.line(`log: ${file}, bytes ${start} to ${end}: ${reason}`);
    await out.line(`  affected: about ${printRange(mint, maxt)}`);
  }
  for (const text of torn)
    await out.line(`note: the log's unfinished end, where nothing acknowledged lies: ${text}`);
  await out.line(`log: ${segments} files, ${records} records, ${printBytes(bytes)}`);
  return problems.length;
}

async function verifyWal(dir: string, out: Output): Promise<number> {
  if (!fs.exists(dir)) return 0;
  const damages: WalDamage[] = [];
  let records = 0;
  let files = 0;
  await loadZstd();
  readPrometheusWal(fs, dir, {
    record: () => void records++,
    damage: (damage) => void damages.push(damage),
    file: () => void files++,
  });
  for (const { file, offset, reason } of damages)
    await out.line(`Prometheus' log: ${file} at ${offset}: ${reason}`);
  if (files > 0) await out.line(`Prometheus' log ${dir}: ${files} files, ${records} records`);
  return damages.length;
}
