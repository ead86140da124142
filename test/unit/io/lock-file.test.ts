import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { systemClock } from "../../../dist/base/clock.js";
import { RefusalError } from "../../../dist/base/errors.js";
import {
  HEARTBEAT_LOST_MS,
  LockFile,
  type LockHolder,
  type ProcessTable,
} from "../../../dist/io/lock-file.js";
import { nodeFileSystem } from "../../../dist/io/node-file-system.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const PATH = "/data/lock";
const ME: LockHolder = { pid: 42, host: "a", bootId: "boot", startTick: "1000" };

function processes(self: LockHolder, running: Record<number, string> = {}): ProcessTable {
  return { self: () => self, startTickOrNull: (pid) => running[pid] ?? null };
}

function dataFolder(): MemFileSystem {
  const fs = new MemFileSystem();
  fs.mkdir("/data");
  return fs;
}

const isInUse = (pid: number) => (error: unknown) =>
  error instanceof RefusalError && error.code === "unavailable" && error.message.includes(`process ${pid}`);

test("a live holder keeps the second process out, and its message names the pid", () => {
  const fs = dataFolder();
  const clock = new FakeClock();
  const lock = LockFile.acquire(fs, PATH, clock, processes(ME));
  const other = processes({ ...ME, pid: 43, startTick: "2000" }, { 42: "1000" });
  assert.throws(() => LockFile.acquire(fs, PATH, clock, other), isInUse(42));
  assert.deepEqual(fs.list("/data"), ["lock"]);
  lock.release();
  LockFile.acquire(fs, PATH, clock, other).release();
  assert.deepEqual(fs.list("/data"), []);
});

test("the lock of a killed process, a pid given anew, an older boot or half a file is taken over", () => {
  const dead: [LockHolder, Record<number, string>][] = [
    [ME, {}],
    [ME, { 42: "1001" }],
    [{ ...ME, bootId: "before" }, { 42: "1000" }],
  ];
  for (const [holder, running] of dead) {
    const fs = dataFolder();
    LockFile.acquire(fs, PATH, new FakeClock(), processes(holder));
    const lock = LockFile.acquire(fs, PATH, new FakeClock(), processes({ ...ME, pid: 50 }, running));
    assert.deepEqual(fs.list("/data"), ["lock"]);
    assert.match(new TextDecoder().decode(fs.readFile(PATH)), /"pid":50/);
    lock.release();
  }
  for (const content of ["", '{"pid":42', "null", '{"pid":"x"}']) {
    const fs = dataFolder();
    fs.put(PATH, new TextEncoder().encode(content));
    LockFile.acquire(fs, PATH, new FakeClock(), processes(ME));
  }
});

test("a holder on another host lives as long as its heartbeat", () => {
  const fs = dataFolder();
  const clock = new FakeClock(0);
  LockFile.acquire(fs, PATH, clock, processes({ ...ME, host: "other" }));
  clock.jumpTo(fs.stat(PATH).mtimeMs + HEARTBEAT_LOST_MS - 1);
  assert.throws(() => LockFile.acquire(fs, PATH, clock, processes(ME)), isInUse(42));
  clock.jumpTo(fs.stat(PATH).mtimeMs + HEARTBEAT_LOST_MS);
  LockFile.acquire(fs, PATH, clock, processes(ME));
});

test("works where the file system knows no links", () => {
  const mem = dataFolder();
  const fs = new FaultFileSystem(mem, { operations: ["link"], failAt: 1, failures: 99, code: "EIO" });
  const lock = LockFile.acquire(fs, PATH, new FakeClock(), processes(ME));
  const other = processes({ ...ME, pid: 43 }, { 42: "1000" });
  assert.throws(() => LockFile.acquire(fs, PATH, new FakeClock(), other), isInUse(42));
  lock.release();
  assert.deepEqual(mem.list("/data"), []);
});

test("release leaves a lock alone that is somebody else's by now", () => {
  const fs = dataFolder();
  const first = LockFile.acquire(fs, PATH, new FakeClock(), processes(ME));
  LockFile.acquire(fs, PATH, new FakeClock(), processes({ ...ME, pid: 50 }));
  first.release();
  assert.deepEqual(fs.list("/data"), ["lock"]);
});

test("a real process holds the lock until it is killed with -9", async () => {
  const folder = mkdtempSync(`${tmpdir()}/varve-lock-`);
  const path = `${folder}/lock`;
  const url = (room: string): string =>
    JSON.stringify(new URL(`../../../dist/${room}`, import.meta.url).href);
  const program = `
    import { LockFile } from ${url("io/lock-file.js")};
    import { nodeFileSystem } from ${url("io/node-file-system.js")};
    import { systemClock } from ${url("base/clock.js")};
    LockFile.acquire(nodeFileSystem, ${JSON.stringify(path)}, systemClock);
    process.stdout.write("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
  try {
    await once(child.stdout, "data");
    const pid = child.pid as number;
    assert.throws(() => LockFile.acquire(nodeFileSystem, path, systemClock), isInUse(pid));
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = LockFile.acquire(nodeFileSystem, path, systemClock);
    lock.refresh();
    lock.release();
    assert.deepEqual(nodeFileSystem.list(folder), []);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
