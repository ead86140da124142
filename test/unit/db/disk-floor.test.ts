import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DiskFloor } from "../../../dist/db/disk-floor.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const MIB = 2 ** 20;

test("writes are refused below the floor, and taken again once there is a little more", () => {
  const disk = new MemFileSystem({ capacityBytes: 101 * MIB });
  const floor = new DiskFloor(disk, "/", 100 * MIB);
  assert.equal(floor.refusal, null, "nothing is refused before the first look");
  floor.check();
  assert.equal(floor.refusal, null);
  assert.equal(floor.freeBytes, 101 * MIB);
  disk.capacityBytes = 99.5 * MIB;
  floor.check();
  assert.equal(floor.refusal, "the disk has 99MiB left, less than --storage.min-free-bytes=100MiB");
  disk.capacityBytes = 101 * MIB;
  floor.check();
  assert.notEqual(floor.refusal, null, "it does not flicker");
  disk.capacityBytes = 106 * MIB;
  floor.check();
  assert.equal(floor.refusal, null);
});

test("a floor of 0 refuses nothing, and a disk that does not tell changes nothing", () => {
  const disk = new MemFileSystem({ capacityBytes: 0 });
  const none = new DiskFloor(disk, "/", 0);
  none.check();
  assert.equal(none.refusal, null);
  const fs = new FaultFileSystem(disk);
  const floor = new DiskFloor(fs, "/", MIB);
  floor.check();
  const { refusal } = floor;
  assert.notEqual(refusal, null);
  fs.rule = { operations: ["freeBytes"], failAt: 1, code: "EIO" };
  floor.check();
  assert.equal(floor.refusal, refusal);
  assert.ok(Number.isNaN(floor.freeBytes));
});
