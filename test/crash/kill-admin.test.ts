/**
 * The real server is killed (SIGKILL) at random moments while samples are deleted, tombstones cleaned, snapshots taken
 * and blocks written and merged: nothing acknowledged is lost, nothing deleted comes back, nothing is there twice, each
 * snapshot is whole. `promtool`, where it is on PATH, reads every block that is left.
 *
 * VARVE_KILL_ROUNDS=20 kills twenty times; SEED=n repeats the choices of a run.
 */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findPeer } from "../support/peers.js";
import { randomBelow, seededRandom } from "../support/random.js";
import { encodeRequestV1, snappyCompress } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";
import { varve } from "../support/varve-command.js";

const { VARVE_KILL_ROUNDS = "3", SEED = String(Date.now() % 1_000_000) } = process.env;
const ROUNDS = Number(VARVE_KILL_ROUNDS);
const SERIES = 30;
const SAMPLES = 240;
const FLAGS = ["--storage.tsdb.min-block-duration=10s"];

/** Samples that a series may have: all, none, or what nobody promised. */
type Model = Map<string, "whole" | "gone" | "unsure">;

async function write(server: TestServer, names: readonly string[], endMs: number): Promise<void> {
  const samples = Array.from({ length: SAMPLES }, (_, i) => ({ timestamp: endMs - i * 1000, value: i }));
  const body = encodeRequestV1(
    names.map((name) => ({
      labels: [
        ["__name__", name],
        ["name", name],
      ],
      samples,
    })),
  );
  const answer = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" },
    body: snappyCompress(body),
  });
  assert.equal(answer.status, 204, await answer.text());
}

async function admin(
  server: TestServer,
  action: string,
  params: Record<string, string> = {},
): Promise<string> {
  const answer = await fetch(`${server.url}/api/v1/admin/tsdb/${action}`, {
    method: "POST",
    body: new URLSearchParams(params),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return text;
}

async function counts(server: TestServer, endMs: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const series = await fetch(
    `${server.url}/api/v1/query?${new URLSearchParams({ query: '{__name__=~"k_.*"}[1h]', time: String(endMs / 1000 + 1) })}`,
  );
  const body = (await series.json()) as {
    warnings?: unknown;
    data: { result: { metric: { __name__: string }; values: unknown[] }[] };
  };
  assert.equal(series.status, 200, JSON.stringify(body));
  assert.equal(body.warnings, undefined, "no block is damaged");
  for (const { metric, values } of body.data.result) found.set(metric.__name__, values.length);
  assert.deepEqual(await countedOverTime(server, endMs), found, "count_over_time and the samples themselves");
  return found;
}

async function countedOverTime(server: TestServer, endMs: number): Promise<Map<string, number>> {
  const query = 'count_over_time({__name__=~"k_.*"}[1h])';
  const answer = await fetch(
    `${server.url}/api/v1/query?${new URLSearchParams({ query, time: String(endMs / 1000 + 1) })}`,
  );
  const { data } = (await answer.json()) as {
    data: { result: { metric: { name: string }; value: [number, string] }[] };
  };
  return new Map(data.result.map(({ metric, value }) => [metric.name, Number(value[1])]));
}

/** Reads the folder of a server that ended, as others do. */
function checkFolder(directory: string, found: ReadonlyMap<string, number>): void {
  const verified = varve("verify", directory);
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  const promtool = findPeer("promtool");
  if (promtool === null) return;
  mkdirSync(join(directory, "wal")); // promtool wants one
  const match = '--match={__name__=~"k_.*"}';
  const dump = execFileSync(promtool, ["tsdb", "dump", match, directory], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const counts = new Map<string, number>();
  for (const line of dump.split("\n").slice(0, -1)) {
    const name = /__name__="([^"]*)"/.exec(line)?.[1] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of counts) {
    assert.ok(
      count <= (found.get(name) ?? 0),
      `${name}: ${count} samples in the blocks, ${found.get(name)} in all`,
    );
  }
}

/** Works on the server until it is killed. */
async function work(
  server: TestServer,
  model: Model,
  snapshots: string[],
  random: () => number,
): Promise<void> {
  const names = [...model.keys()].filter((name) => model.get(name) !== "gone");
  try {
    for (;;) {
      const choice = random();
      if (choice < 0.8) {
        const name = names[randomBelow(random, names.length)] as string;
        model.set(name, "unsure");
        await admin(server, "delete_series", { "match[]": name });
        model.set(name, "gone");
      } else if (choice < 0.9) await admin(server, "clean_tombstones");
      else {
        const { data } = JSON.parse(await admin(server, "snapshot")) as { data: { name: string } };
        snapshots.push(data.name);
      }
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error; // the server was alive
  }
}

test(`killed ${ROUNDS} times while samples are deleted (seed ${SEED})`, { timeout: 300_000 }, async (t) => {
  const random = seededRandom(Number(SEED));
  const server = await startServer(t, { flags: FLAGS });
  const model: Model = new Map();
  const snapshots: string[] = [];
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: SERIES }, (_, i) => `k_${round}_${i}`);
    await write(server, names, endMs);
    for (const name of names) model.set(name, "whole");
    const working = work(server, model, snapshots, random);
    await sleep(randomBelow(random, 2500));
    await server.kill();
    await working;
    await server.start();
    const found = await counts(server, endMs);
    for (const [name, state] of model) {
      const count = found.get(name) ?? 0;
      if (state === "whole") assert.equal(count, SAMPLES, `${name}: acknowledged and lost`);
      if (state === "gone") assert.equal(count, 0, `${name}: deleted and back`);
      assert.ok(count <= SAMPLES, `${name}: ${count} samples of ${SAMPLES}`);
    }
  }
  const found = await counts(server, endMs);
  assert.equal(await server.stop(), 0);
  checkFolder(server.dataDirectory, found);
  const there = snapshots.length === 0 ? [] : readdirSync(join(server.dataDirectory, "snapshots"));
  for (const name of snapshots) assert.ok(there.includes(name), `${name}: a snapshot that was promised`);
  const last = snapshots.at(-1);
  if (last === undefined) return;
  const dataDirectory = join(server.dataDirectory, "snapshots", last);
  const restored = await startServer(t, { flags: FLAGS, dataDirectory });
  for (const count of (await counts(restored, endMs)).values()) assert.ok(count <= SAMPLES);
});
