import * as assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../../dist/base/errors.js";
import { RecordType } from "../../dist/wal/record-format.js";
import { RecordReader, segmentPath } from "../../dist/wal/segments.js";
import { FaultFileSystem, type FileOperation, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { LOG_DIR, readBack, segmentFile } from "../support/log.js";
import { type Acknowledged, LogWorkload } from "../support/log-workload.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const SYNCS: readonly FileOperation[] = [
  "fdatasyncAsync",
  "fsyncDirectoryAsync",
  "fsyncDirectory",
  "truncate",
  "unlink",
];
const decode = (payload: Uint8Array): string => new TextDecoder().decode(payload);

function emptyDisk(): MemFileSystem {
  const disk = new MemFileSystem();
  disk.mkdir("/data");
  disk.syncAll();
  return disk;
}

/** What a restart after the crash must find; `disk` is changed by the repair. */
function checkAfterCrash(
  disk: MemFileSystem,
  acknowledged: readonly Acknowledged[],
  workload: LogWorkload,
): void {
  const { records } = readBack(disk);
  const series = new Set<string>();
  const samples = new Set<string>();
  for (const { type, payload } of records) {
    const content = decode(payload);
    if (type === RecordType.SERIES) {
      series.add(content);
      continue;
    }
    assert.ok(workload.submitted.has(content), `nobody submitted ${content}`);
    samples.add(content);
  }
  const reader = new RecordReader(disk, LOG_DIR);
  for (const { payload, place } of acknowledged) {
    assert.ok(samples.has(payload), `acknowledged and lost: ${payload}`);
    assert.ok(series.has(/series \d+/.exec(payload)?.[0] ?? ""), `its series is lost: ${payload}`);
    assert.equal(decode(reader.readRecord(place.segment, place.offset, RecordType.SAMPLES)), payload);
  }
  reader.close();
  const again = readBack(disk.crashClone());
  assert.equal(again.summary.tornBytes, 0, "the cut itself is durable");
  assert.equal(again.records.length, records.length);
}

test("a power cut before any sync loses nothing acknowledged, and the log goes on from there", async () => {
  const disk = emptyDisk();
  const fs = new FaultFileSystem(disk);
  const cuts: { disk: MemFileSystem; acknowledged: number }[] = [];
  let operations = 0;
  let workload: LogWorkload | null = null;
  fs.before = (operation) => {
    if (!SYNCS.includes(operation)) return;
    const acknowledged = workload?.acknowledged.length ?? 0;
    cuts.push({ disk: disk.crashClone(), acknowledged });
    for (let i = 0; i < 3; i++) cuts.push({ disk: disk.crashClone({ seed: operations++ }), acknowledged });
    cuts.push({ disk: disk.clone(), acknowledged });
  };
  workload = new LogWorkload(fs);
  await workload.run("life", { submissions: 60, inFlight: 4 });
  assert.equal(workload.acknowledged.length, 60);
  assert.ok(cuts.length > 100, `${cuts.length} cuts`);
  for (const cut of cuts) {
    checkAfterCrash(cut.disk, workload.acknowledged.slice(0, cut.acknowledged), workload);
    const after = new LogWorkload(new FaultFileSystem(cut.disk));
    await after.run("afterlife", { submissions: 3, inFlight: 1 });
    for (const payload of workload.submitted) after.submitted.add(payload);
    const both = [...workload.acknowledged.slice(0, cut.acknowledged), ...after.acknowledged];
    checkAfterCrash(cut.disk.crashClone(), both, after);
  }
});

for (const code of ["ENOSPC", "EIO"] as const) {
  for (const [failures, partial] of [
    [1, 0],
    [1, 0.5],
    [1, 1],
    [4, 0.3],
  ]) {
    test(`the n-th call fails with ${code}, ${failures} in a row after ${partial} of a write`, async () => {
      let reached = true;
      for (let failAt = 1; reached; failAt++) {
        assert.ok(failAt < 1000, "the workload never ends without a failure");
        const disk = emptyDisk();
        const fs = new FaultFileSystem(disk);
        const workload = new LogWorkload(fs);
        fs.rule = { operations: [...WRITING_OPERATIONS, "open"], failAt, failures, code, partial };
        await workload.run(`n=${failAt}`, { submissions: 12, inFlight: 2 });
        reached = fs.failed > 0;
        for (const error of workload.refusals) {
          assert.ok(error instanceof RefusalError && error.code === "storage_failed", String(error));
        }
        assert.equal(workload.acknowledged.length, 12, `served again after failure ${failAt}`);
        assert.equal(disk.openCount, 0, "no descriptor is leaked");
        checkAfterCrash(disk.crashClone(), workload.acknowledged, workload);
        for (let seed = 0; seed < 3; seed++)
          checkAfterCrash(disk.crashClone({ seed }), workload.acknowledged, workload);
        checkAfterCrash(disk, workload.acknowledged, workload);
      }
    });
  }
}

test("on a full disk nothing is acknowledged, and after cleaning up everything is", async () => {
  const disk = emptyDisk();
  const fs = new FaultFileSystem(disk);
  disk.capacityBytes = 2000;
  const workload = new LogWorkload(fs);
  await workload.run("full", { submissions: 40, inFlight: 3, attempts: 2 });
  assert.ok(workload.acknowledged.length > 0 && workload.acknowledged.length < 40);
  checkAfterCrash(disk.crashClone(), workload.acknowledged, workload);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  const after = new LogWorkload(fs);
  await after.run("cleaned", { submissions: 5, inFlight: 1 });
  assert.equal(after.acknowledged.length, 5);
});

test("whichever call of the repair fails, the same records are read", () => {
  const build = (): MemFileSystem => {
    const disk = emptyDisk();
    const records = [1, 2, 3, 4].map((i) => [RecordType.SAMPLES, new Uint8Array(40).fill(i)] as const);
    const damaged = segmentFile(1, records);
    damaged[32 + 60] ^= 4;
    disk.put(segmentPath(LOG_DIR, 1), damaged);
    disk.put(segmentPath(LOG_DIR, 2), segmentFile(2, records).subarray(0, -7));
    return disk;
  };
  const expected = readBack(build()).records;
  assert.equal(expected.length, 6);
  let reached = true;
  for (let failAt = 1; reached; failAt++) {
    const fs = new FaultFileSystem(build(), { operations: WRITING_OPERATIONS, failAt, code: "EIO" });
    const found = readBack(fs);
    reached = fs.failed > 0;
    assert.deepEqual(found.records, expected);
    assert.equal(found.damages.length, 2);
  }
});

test("a log that answers before its sync is caught by these very checks", async () => {
  const disk = emptyDisk();
  const fs = new FaultFileSystem(disk);
  fs.fdatasyncAsync = async () => {};
  const workload = new LogWorkload(fs);
  await workload.run("canary", { submissions: 5, inFlight: 1 });
  assert.throws(
    () => checkAfterCrash(disk.crashClone(), workload.acknowledged, workload),
    /acknowledged and lost/,
  );
});
