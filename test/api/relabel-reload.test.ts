/** Rules are changed again and again while senders write: each sample is judged by one set of rules, and none is lost. */
import * as assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { rawSeries } from "../support/prometheus-api.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const SENDERS = 4;
const SERIES = 50;
const RELOADS = 25;

test("reloads under load", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-reload-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "relabel.yml");
  const write = (set: number): void => {
    const rules = `{target_label: rules, replacement: "set-${set % 3}"}, {regex: secret, action: labeldrop}`;
    writeFileSync(
      `${file}.new`,
      set % 5 === 4 ? "write_relabel_configs: [" : `write_relabel_configs: [${rules}]\n`,
    );
    renameSync(`${file}.new`, file);
  };
  write(0);
  const flags = [`--storage.relabel-config=${file}`, "--ingest.workers=2"];
  const server = await startServer(t, { flags });
  const start = Date.now() - 3_600_000;
  let ends = false;
  const sent: number[] = Array.from({ length: SENDERS }, () => 0);
  const senders = sent.map(async (_, sender) => {
    while (!ends) {
      const round = sent[sender] ?? 0;
      const series = Array.from({ length: SERIES }, (_, i) => ({
        labels: [
          ["__name__", "m"],
          ["i", String(i)],
          ["secret", `s${i % 7}`],
          ["sender", String(sender)],
        ] as [string, string][],
        samples: [{ timestamp: start + round, value: round }],
      }));
      const { status, text } = await postV1(server.url, series);
      assert.equal(status, 204, text);
      sent[sender] = round + 1;
    }
  });
  for (let set = 1; set <= RELOADS; set++) {
    write(set);
    process.kill(server.pid, "SIGHUP");
    const before = [...sent];
    while (sent.some((rounds, sender) => rounds <= (before[sender] ?? 0) + 1)) await sleep(5);
  }
  ends = true;
  await Promise.all(senders);

  const found = await rawSeries(server.url, "m", start + 3_600_000, 3_700_000);
  const times = new Map<string, Set<number>>();
  const sets = new Set<string | undefined>();
  for (const { labels, samples } of found.values()) {
    const { i, sender, rules, secret } = labels;
    assert.equal(secret, undefined);
    sets.add(rules);
    const key = `${sender} ${i}`;
    const seen = times.get(key) ?? new Set();
    times.set(key, seen);
    for (const [timeMs, value] of samples) {
      assert.ok(!seen.has(timeMs), `${key} has ${timeMs} under two sets of rules`);
      assert.equal(Number(value), timeMs - start);
      seen.add(timeMs);
    }
  }
  assert.deepEqual([...sets].sort(), ["set-0", "set-1", "set-2"]);
  for (let sender = 0; sender < SENDERS; sender++) {
    assert.ok((sent[sender] ?? 0) >= 2 * RELOADS, `${sent[sender]} rounds`);
    for (let i = 0; i < SERIES; i++)
      assert.equal(times.get(`${sender} ${i}`)?.size, sent[sender], `${sender} ${i}`);
  }
});
