import * as assert from "node:assert/strict";
import nodeFs, { constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { nodeFileSystem as fs } from "../../../dist/io/node-file-system.js";

test("what is written in any way is read back, more buffers than one call takes too", async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/varve-io-`);
  t.after(() => rmSync(folder, { recursive: true }));
  fs.mkdir(`${folder}/a/b/c`);
  fs.mkdir(`${folder}/a/b/c`);
  const path = `${folder}/a/b/c/file`;
  const fd = fs.open(path, "wx");
  assert.throws(() => fs.open(path, "wx"), { code: "EEXIST" });
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
  const buffers = Array.from({ length: 3000 }, (_, i) =>
    i === 5 ? shared : new Uint8Array(1 + (i % 7)).fill(i),
  );
  const expected = buffers.flatMap((buffer) => [...buffer]);
  await fs.writevAsync(fd, buffers, 4);
  await fs.fdatasyncAsync(fd);
  await fs.fsyncDirectoryAsync(`${folder}/a/b/c`);
  fs.write(fd, Uint8Array.of(1, 2, 3, 4), 0);
  assert.deepEqual([...fs.readFile(path)], [1, 2, 3, 4, ...expected]);
  fs.truncate(fd, 6);
  assert.equal(fs.fileBytes(fd), 6);
  fs.close(fd);
  await assert.rejects(fs.writevAsync(fd, [shared], 0), { code: "EBADF" });
  await assert.rejects(fs.fsyncDirectoryAsync(`${folder}/none`), { code: "ENOENT" });
});

test("a file that syncs what is written is open so", {
  skip: process.platform === "linux" ? false : "reads /proc",
}, async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/varve-io-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const isSynced = (fd: number): boolean => {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
    return (Number.parseInt(flags, 8) & constants.O_DSYNC) !== 0;
  };
  const fd = fs.open(`${folder}/synced`, "wxs");
  const plain = fs.open(`${folder}/plain`, "wx");
  assert.deepEqual([fd, plain].map(isSynced), [true, false]);
  assert.throws(() => fs.open(`${folder}/synced`, "wxs"), { code: "EEXIST" });
  await fs.writevAsync(fd, [Uint8Array.of(1), Uint8Array.of(2, 3)], 0);
  assert.deepEqual([...fs.readFile(`${folder}/synced`)], [1, 2, 3]);
  fs.close(fd);
  fs.close(plain);
});

test("off Linux a sync follows what is written, and its failure is told", async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/varve-io-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const platform = Object.getOwnPropertyDescriptor(process, "platform")!;
  Object.defineProperty(process, "platform", { ...platform, value: "darwin" });
  const sync = t.mock.method(nodeFs, "fdatasync");
  syncBuiltinESMExports();
  t.after(() => {
    Object.defineProperty(process, "platform", platform);
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const fd = fs.open(`${folder}/synced`, "wxs");
  await fs.writevAsync(fd, [Uint8Array.of(1, 2)], 0);
  assert.deepEqual(
    sync.mock.calls.map((call) => call.arguments[0]),
    [fd],
  );
  sync.mock.mockImplementationOnce(((_fd: number, done: (error: Error) => void) =>
    done(new Error("not synced"))) as typeof nodeFs.fdatasync);
  await assert.rejects(fs.writevAsync(fd, [Uint8Array.of(3)], 2), /not synced/);
  fs.close(fd);
  const plain = fs.open(`${folder}/plain`, "wx");
  await fs.writevAsync(plain, [Uint8Array.of(4)], 0);
  fs.close(plain);
  assert.equal(sync.mock.callCount(), 2);
});

test("links, renames and removals", (t) => {
  const folder = mkdtempSync(`${tmpdir()}/varve-io-`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const fd = fs.open(`${folder}/b`, "w");
  fs.write(fd, Uint8Array.of(9), 0);
  fs.fsync(fd);
  fs.close(fd);
  fs.link(`${folder}/b`, `${folder}/c`);
  fs.rename(`${folder}/b`, `${folder}/a`);
  fs.fsyncDirectory(folder);
  assert.deepEqual(fs.list(folder), ["a", "c"]);
  assert.deepEqual(fs.stat(`${folder}/c`).bytes, 1);
  fs.unlink(`${folder}/a`);
  assert.ok(fs.exists(`${folder}/c`) && fs.freeBytes(folder) > 0);
  fs.removeTree(folder);
  fs.removeTree(folder);
  assert.throws(() => fs.list(folder), { code: "ENOENT" });
});
