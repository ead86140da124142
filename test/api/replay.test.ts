import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, type TestServer } from "../support/server.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const CAPTURE = fileURLToPath(new URL("../../data/captures/k6-trend-stats.rwcap", import.meta.url));

function replay(...args: string[]): Promise<{ status: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, "replay", ...args], (error, _stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stderr }),
    );
  });
}

/** Every sample of every series, as the API prints it. */
async function everything(server: TestServer): Promise<string> {
  const query = new URLSearchParams({ query: '{__name__=~"k6_.*"}[1h]', time: "1795357000" });
  const { data } = (await (await fetch(`${server.url}/api/v1/query?${query}`)).json()) as {
    data: { result: { metric: Record<string, string>; values: unknown[] }[] };
  };
  return JSON.stringify(
    data.result.map(({ metric, values }) => [Object.entries(metric).sort(), values]).sort(),
  );
}

test("traffic of k6 that was captured is the same data in a fresh server when it is replayed", async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "varve-replay-"));
  t.after(() => rmSync(dataDirectory, { recursive: true, force: true }));
  const first = await startServer(t, { dataDirectory });
  const steer = (query: string) => fetch(`${first.url}/api/v1/admin/capture?${query}`, { method: "POST" });
  assert.equal((await steer("action=start&duration=5m")).status, 200);
  assert.equal((await steer("action=start")).status, 400);
  const recorded = await replay(
    CAPTURE,
    "--to",
    first.url,
    "--speed",
    "max",
    "--header",
    "Authorization: Bearer s3cret",
  );
  assert.equal(recorded.status, 0, recorded.stderr);
  assert.match(recorded.stderr, /replayed 10 requests, 0\.1 MiB \(10 × 204\)/);
  const ended = (await (await steer("action=stop")).json()) as {
    data: { requests: number; active: boolean };
  };
  assert.deepEqual([ended.data.requests, ended.data.active], [10, false]);
  const [name = ""] = readdirSync(join(dataDirectory, "captures"));
  const file = join(dataDirectory, "captures", name);
  assert.ok(!readFileSync(file).includes("s3cret"), "no secret is captured");
  const second = await startServer(t, {});
  const again = await replay(file, "--to", `${second.url}/`, "--speed", "1000x");
  assert.equal(again.status, 0, again.stderr);
  const data = await everything(second);
  assert.ok(data.length > 10_000);
  assert.equal(data, await everything(first));
});

test("a capture ends when its file is full", async (t) => {
  const server = await startServer(t, {});
  const url = `${server.url}/api/v1/admin/capture`;
  assert.equal((await fetch(`${url}?bytes=20000`, { method: "POST" })).status, 200);
  assert.equal((await replay(CAPTURE, "--to", server.url, "--speed", "max")).status, 0);
  const { data } = (await (await fetch(url)).json()) as {
    data: { active: boolean; requests: number; bytes: number; ended: string };
  };
  assert.deepEqual([data.active, data.requests, data.ended], [false, 2, "the file is full"]);
  assert.ok(data.bytes <= 20_000);
});

test("what is no capture, no URL or no speed is said in one line; a refusing server makes exit status 1", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "varve-replay-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "x.rwcap");
  writeFileSync(file, "this is something else");
  const server = await startServer(t, { flags: ["--limits.series=1"] });
  assert.match((await replay(file, "--to", server.url)).stderr, /a length of \d+ bytes: this is no capture/);
  writeFileSync(file, readFileSync(CAPTURE).subarray(0, 3000));
  assert.match((await replay(file, "--to", server.url)).stderr, /ends in the middle of a request/);
  assert.equal((await replay(CAPTURE, "--to", "nowhere")).status, 2);
  assert.equal((await replay(CAPTURE, "--to", server.url, "--speed", "fast")).status, 2);
  const refused = await replay(CAPTURE, "--to", server.url, "--speed", "max");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /first refusal: request 1: 400 refused/);
});
