/** The alerting rules in docs/deploy: promtool reads them, and every metric in them is one of the server's own. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { peerOrSkip, startPeer } from "../support/peers.js";
import { startServer } from "../support/server.js";

const FILE = fileURLToPath(new URL("../../docs/deploy/alerts.yml", import.meta.url));

test("promtool finds the alerting rules in order, and they ask for metrics that are there", async (t) => {
  const promtool = peerOrSkip(t, "promtool");
  if (promtool === null) return;
  const check = startPeer(t, promtool, ["check", "rules", "--lint=all", "--lint-fatal", FILE]);
  assert.equal(await check.exited, 0, check.output());
  const { url } = await startServer(t);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const later = ["varve_http_access_refused_total"]; // there from the first refusal on
  await (await fetch(`${url}/api/v1/write`, { method: "POST", body: "x" })).text();
  const all = metrics + (await (await fetch(`${url}/metrics`)).text());
  const named = new Set(readFileSync(FILE, "utf8").match(/\bvarve_\w+/g));
  assert.ok(named.size > 8);
  for (const name of named) assert.ok(all.includes(name) || later.includes(name), `${name} is not served`);
});
