/** The benchmarks in their small form, so that they cannot rot. */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../../support/server.js";

/** Runs a benchmark and returns the figures it wrote. */
function runBench(t: TestContext, script: string, nodeFlags: string[], args: string[]): unknown {
  const folder = mkdtempSync(join(tmpdir(), "varve-small-bench-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const json = join(folder, "figures.json");
  const path = fileURLToPath(new URL(`../../../dist-bench/${script}`, import.meta.url));
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [...nodeFlags, path, "--size", "small", "--json", json, ...args],
    { encoding: "utf8", timeout: 120_000 },
  );
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return JSON.parse(readFileSync(json, "utf8"));
}

test("the engine takes every workload in process, without any native addon", (t) => {
  const args = ["--passes", "1", "W1", "W2", "W1s", "W2v2", "W3", "W5"];
  const { figures } = runBench(t, "bench.js", ["--no-addons"], args) as {
    figures: { workload: string; workers: number; cpuNsPerSample: number }[];
  };
  assert.equal(figures.length, 12);
  for (const { cpuNsPerSample } of figures) assert.ok(cpuNsPerSample > 0 && cpuNsPerSample < 100_000);
});

test("the comparison runs, and loses nothing by a kill", async (t) => {
  const port = String(await freePort());
  const { outcomes } = runBench(t, "peers.js", [], ["--only", "varve", "--port", port, "W1", "W3"]) as {
    outcomes: { workload: string; figures: Record<string, number> }[];
  };
  assert.deepEqual(
    outcomes.map(({ workload, figures }) => [
      workload,
      figures["refusedRequests"],
      figures["missingAfterKill"],
    ]),
    [
      ["W1", 0, 0],
      ["W3", 0, 0],
    ],
  );
});
