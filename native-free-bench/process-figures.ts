/** What a running process costs, read from /proc, and what it left on the disk. */
import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const IDLE_SHARE = 0.03;
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

/** User and system time of all threads of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Time of all processors since the start of the machine, and what of it the host gave to others; in ticks. */
export interface MachineTime {
  readonly all: number;
  readonly stolen: number;
}

export function machineTime(): MachineTime {
  const [line = ""] = readFileSync("/proc/stat", "latin1").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { all: ticks.reduce((sum, value) => sum + value, 0), stolen: ticks[7] ?? 0 };
}

/** The share of the processors that the host gave to others since then, 0 to 1. */
export function stolenSince({ all, stolen }: MachineTime): number {
  const now = machineTime();
  return now.all === all ? 0 : (now.stolen - stolen) / (now.all - all);
}

/** Waits until the process takes next to no processor time for three seconds; at most two minutes. */
export async function untilIdle(pid: number): Promise<void> {
  const deadline = performance.now() + 120_000;
  let quietSince = performance.now();
  let before = cpuMs(pid);
  while (performance.now() < deadline && performance.now() - quietSince < 3000) {
    await sleep(500);
    const now = cpuMs(pid);
    if (now - before > 500 * IDLE_SHARE) quietSince = performance.now();
    before = now;
  }
}

/** The most resident memory a process ever had. */
export function rssPeakBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

export function rssBytes(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

function statusBytes(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "latin1"),
  );
  return Number(found?.[1] ?? 0) * 1024;
}

export interface DiskUse {
  /** Allocated bytes of the whole folder: what `du` says. */
  readonly allBytes: number;
  /** File lengths of the folders that are Prometheus blocks, and the samples in them. */
  readonly blockBytes: number;
  readonly blockSamples: number;
}

export function diskUse(folder: string): DiskUse {
  let blockBytes = 0;
  let blockSamples = 0;
  for (const path of foldersOf(folder)) {
    const meta = readMeta(join(path, "meta.json"));
    if (meta === null) continue;
    blockBytes += treeBytes(path, "length");
    blockSamples += meta.stats?.numSamples ?? 0;
  }
  return { allBytes: treeBytes(folder, "allocated"), blockBytes, blockSamples };
}

/** Bytes of the files below a folder. Files may vanish meanwhile. */
export function treeBytes(folder: string, measure: "allocated" | "length"): number {
  let sum = 0;
  for (const path of entriesOf(folder)) {
    try {
      const stat = lstatSync(path);
      if (stat.isDirectory()) sum += treeBytes(path, measure);
      else sum += measure === "allocated" ? stat.blocks * 512 : stat.size;
    } catch {
      // Removed by a compaction between the two looks.
    }
  }
  return sum;
}

function foldersOf(folder: string): string[] {
  const below = entriesOf(folder).filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
  return [...below, ...below.flatMap((path) => (path.endsWith("blocks") ? foldersOf(path) : []))];
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readMeta(path: string): { stats?: { numSamples?: number } } | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as { stats?: { numSamples?: number } };
  } catch {
    return null;
  }
}
