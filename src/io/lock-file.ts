/**
 * Keeps a second process out of a data folder. Node has no flock(2), so the lock is a file that names its
 * holder well enough to tell a live one from one that was killed: the pid alone would not do, since pids are
 * given anew, above all inside containers.
 *
 * On the same host and boot the holder lives if its pid runs and started at the noted tick. Of a holder on
 * another host (another container on a shared volume) only the heartbeat is seen: it lives as long as the file
 * was touched within HEARTBEAT_LOST_MS.
 */
import { hostname } from "node:os";
import type { Clock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { FileSystem } from "./file-system.js";

/** After what silence a foreign holder is taken for dead; `refresh` must be called several times within it. */
export const HEARTBEAT_LOST_MS = 30_000;

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Changes with every boot of the machine; "" where the system does not tell. */
  readonly bootId: string;
  /** When the process started, in the system's own unit; "" where the system does not tell. */
  readonly startTick: string;
}

/** What the lock asks about processes; a test answers for itself. */
export interface ProcessTable {
  self(): LockHolder;
  /** The start tick of a running process of this host, null if there is none. */
  startTickOrNull(pid: number): string | null;
}

const ATTEMPTS_MAX = 5;

export class LockFile {
  private readonly fs: FileSystem;
  private readonly path: string;
  private readonly content: Uint8Array;

  private constructor(fs: FileSystem, path: string, content: Uint8Array) {
    this.fs = fs;
    this.path = path;
    this.content = content;
  }

  /** Takes the lock `path`, over a dead holder's too. Throws RefusalError("unavailable") naming the live one. */
  static acquire(
    fs: FileSystem,
    path: string,
    clock: Clock,
    processes: ProcessTable = systemProcesses(fs),
  ): LockFile {
    const self = processes.self();
    const content = new TextEncoder().encode(`${JSON.stringify(self)}\n`);
    const draft = `${path}.${self.host}.${self.pid}`;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (linkNew(fs, draft, path, content)) return new LockFile(fs, path, content);
      const found = readOrNull(fs, path);
      if (found === null) continue;
      const holder = parseHolder(found);
      if (holder !== null && isAlive(fs, path, holder, self, clock, processes))
        throw inUse(path, holder, self);
      removeStale(fs, path, found, `${draft}.stale`);
    }
    throw new RefusalError("unavailable", `the lock ${path} is fought over by several processes`);
  }

  /** The heartbeat: shows holders on other hosts that this one lives. A failing disk is not its business. */
  refresh(): void {
    try {
      const fd = this.fs.open(this.path, "r+");
      try {
        this.fs.write(fd, this.content, 0);
      } finally {
        this.fs.close(fd);
      }
    } catch {
      // Full or failing disk: the log reports it, and a holder on this host is known by its pid.
    }
  }

  /** Never throws: a lock that a failing disk keeps is taken over once this process has ended. */
  release(): void {
    try {
      const found = readOrNull(this.fs, this.path);
      if (found !== null && equalBytes(found, this.content)) this.fs.unlink(this.path);
    } catch {
      // As above.
    }
  }
}

/**
 * Makes the lock appear with its content in one step; false if there is one. Where the file system knows no
 * links, in two steps: a second process that comes in between finds an empty lock and takes it.
 */
function linkNew(fs: FileSystem, draft: string, path: string, content: Uint8Array): boolean {
  const fd = fs.open(draft, "w");
  try {
    fs.write(fd, content, 0);
  } finally {
    fs.close(fd);
  }
  try {
    fs.link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    return createNew(fs, path, content);
  } finally {
    fs.unlink(draft);
  }
}

function createNew(fs: FileSystem, path: string, content: Uint8Array): boolean {
  try {
    const fd = fs.open(path, "wx");
    try {
      fs.write(fd, content, 0);
    } finally {
      fs.close(fd);
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Of several takers one moves the stale lock; one who moved a fresh lock by mistake puts it back. */
function removeStale(fs: FileSystem, path: string, stale: Uint8Array, aside: string): void {
  try {
    fs.rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (!equalBytes(fs.readFile(aside), stale)) {
    try {
      fs.link(aside, path);
    } catch {
      // A third process has the lock by now; the next attempt meets it.
    }
  }
  fs.unlink(aside);
}

function isAlive(
  fs: FileSystem,
  path: string,
  holder: LockHolder,
  self: LockHolder,
  clock: Clock,
  processes: ProcessTable,
): boolean {
  if (holder.host !== self.host) {
    const silentMs = fs.exists(path) ? clock.nowMs() - fs.stat(path).mtimeMs : Number.POSITIVE_INFINITY;
    return silentMs < HEARTBEAT_LOST_MS;
  }
  if (holder.bootId !== self.bootId) return false;
  return processes.startTickOrNull(holder.pid) === holder.startTick;
}

function inUse(path: string, holder: LockHolder, self: LockHolder): RefusalError {
  const where = holder.host === self.host ? "" : ` on host ${holder.host}`;
  return new RefusalError(
    "unavailable",
    `the data folder is in use by process ${holder.pid}${where} (${path})`,
  );
}

/** Null for a file that no `acquire` wrote in full: nobody holds that. */
function parseHolder(content: Uint8Array): LockHolder | null {
  try {
    const { pid, host, bootId, startTick } = JSON.parse(new TextDecoder().decode(content)) as LockHolder;
    const whole =
      Number.isInteger(pid) &&
      typeof host === "string" &&
      typeof bootId === "string" &&
      typeof startTick === "string";
    return whole ? { pid, host, bootId, startTick } : null;
  } catch {
    return null;
  }
}

/** This machine's processes: from /proc where there is one, else by asking whether the pid can be signalled. */
function systemProcesses(fs: FileSystem): ProcessTable {
  const startTickOrNull = (pid: number): string | null => {
    if (readOrNull(fs, "/proc/self/stat") === null) return canSignal(pid) ? "" : null;
    const stat = readOrNull(fs, `/proc/${pid}/stat`);
    return stat === null ? null : parseStartTick(new TextDecoder().decode(stat));
  };
  return {
    self() {
      const bootId = readOrNull(fs, "/proc/sys/kernel/random/boot_id");
      return {
        pid: process.pid,
        host: hostname(),
        bootId: bootId === null ? "" : new TextDecoder().decode(bootId).trim(),
        startTick: startTickOrNull(process.pid) ?? "",
      };
    },
    startTickOrNull,
  };
}

/**
 * Field 22 of /proc/<pid>/stat (proc(5)). The second field is the program's name in parentheses and may hold
 * anything, so counting begins behind the last one. A zombie is dead: null.
 */
function parseStartTick(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  return state === "Z" || state === "X" ? null : (fields[19] ?? null);
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readOrNull(fs: FileSystem, path: string): Uint8Array | null {
  try {
    return fs.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return null;
    throw error;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
