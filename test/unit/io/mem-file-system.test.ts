import * as assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

function writeFile(fs: MemFileSystem, path: string, content: string): number {
  const fd = fs.open(path, "wx");
  fs.write(fd, bytes(content), 0);
  return fd;
}

test("a power cut leaves what was synced under names whose folder was synced", () => {
  const fs = new MemFileSystem();
  fs.mkdir("/d");
  fs.fsyncDirectory("/");
  const named = writeFile(fs, "/d/named", "one");
  fs.fsync(named);
  fs.fsyncDirectory("/d");
  fs.write(named, bytes("two"), 3);
  fs.fsync(writeFile(fs, "/d/unnamed", "lost"));
  const after = fs.crashClone();
  assert.deepEqual(after.list("/d"), ["named"]);
  assert.equal(text(after.readFile("/d/named")), "one");
  fs.fdatasync(named);
  assert.equal(text(fs.crashClone().readFile("/d/named")), "onetwo");
  assert.equal(text(fs.readFile("/d/named")), "onetwo");
});

test("what is written to a file that syncs is durable, unless the sync fails", async () => {
  const mem = new MemFileSystem();
  const fs = new FaultFileSystem(mem, { operations: ["fdatasyncAsync"], failAt: 2, code: "EIO" });
  const fd = fs.open("/f", "wxs");
  fs.fsyncDirectory("/");
  await fs.writevAsync(fd, [bytes("one")], 0);
  await assert.rejects(fs.writevAsync(fd, [bytes("two")], 3), { code: "EIO" });
  assert.equal(text(mem.readFile("/f")), "onetwo");
  assert.equal(text(mem.crashClone().readFile("/f")), "one");
  const direct = mem.open("/g", "wxs");
  assert.throws(() => mem.open("/g", "wxs"), { code: "EEXIST" });
  mem.fsyncDirectory("/");
  await mem.writevAsync(direct, [bytes("three")], 0);
  assert.equal(text(mem.crashClone().readFile("/g")), "three");
});

test("with a seed some of the unsynced sectors survive, never of what was not written", () => {
  const fs = new MemFileSystem();
  fs.put("/f", new Uint8Array(0));
  const fd = fs.open("/f", "r+");
  fs.write(fd, new Uint8Array(4096).fill(7), 0);
  const seen = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const content = fs.crashClone({ seed }).readFile("/f");
    seen.add(content.filter((byte) => byte === 7).length);
    assert.ok(content.every((byte) => byte === 7 || byte === 0));
  }
  assert.ok(seen.size > 3);
});

test("a full disk takes what fits and says ENOSPC", () => {
  const fs = new MemFileSystem({ capacityBytes: 10 });
  const fd = fs.open("/f", "w");
  fs.write(fd, bytes("12345678"), 0);
  assert.throws(() => fs.write(fd, bytes("abcd"), 8), { code: "ENOSPC" });
  assert.equal(text(fs.readFile("/f")), "12345678ab");
  fs.write(fd, bytes("xy"), 0);
  fs.capacityBytes = 100;
  fs.write(fd, bytes("more"), 10);
  assert.equal(text(fs.readFile("/f")), "xy345678abmore");
});

test("renames, links and removals behave as on a disk", () => {
  const fs = new MemFileSystem();
  fs.put("/a/x", bytes("x"));
  fs.link("/a/x", "/a/y");
  assert.throws(() => fs.link("/a/x", "/a/y"), { code: "EEXIST" });
  fs.unlink("/a/x");
  assert.equal(text(fs.readFile("/a/y")), "x");
  fs.rename("/a/y", "/a/z");
  assert.deepEqual(fs.list("/a"), ["z"]);
  assert.deepEqual(fs.crashClone().list("/a"), ["x"]);
  assert.throws(() => fs.open("/a/none", "r"), { code: "ENOENT" });
  fs.removeTree("/a");
  assert.equal(fs.exists("/a"), false);
});

test("the n-th matching call fails, after part of the bytes, and the next passes", async () => {
  const mem = new MemFileSystem();
  const fs = new FaultFileSystem(mem, {
    operations: ["write", "writevAsync"],
    failAt: 2,
    code: "EIO",
    partial: 0.5,
  });
  const fd = fs.open("/f", "w");
  fs.write(fd, bytes("aaaa"), 0);
  await assert.rejects(fs.writevAsync(fd, [bytes("bb"), bytes("bb")], 4), { code: "EIO" });
  assert.equal(text(mem.readFile("/f")), "aaaabb");
  await fs.writevAsync(fd, [bytes("cc"), bytes("dd")], 4);
  assert.equal(text(mem.readFile("/f")), "aaaaccdd");
  assert.equal(fs.failed, 1);
});
