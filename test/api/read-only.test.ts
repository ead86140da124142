/** `--storage.read-only` beside the server that writes, and on the folder that it left. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

async function valuesOf(url: string): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/query?query=up`);
  const { data } = (await response.json()) as { data: { result: { value: unknown[] }[] } };
  return data.result.map(({ value }) => value[1]);
}

test("what is stored is read, nothing is written, no lock is taken", async (t) => {
  const writer = await startServer(t);
  const series = [
    { labels: [["__name__", "up"] as [string, string]], samples: [{ timestamp: Date.now(), value: 7 }] },
  ];
  assert.equal((await postV1(writer.url, series)).status, 204);
  const flags = ["--storage.read-only", "--web.enable-admin-api"];
  const files = (): string[] => readdirSync(writer.dataDirectory, { recursive: true }).map(String).sort();
  const before = files();
  for (const beside of [true, false]) {
    if (!beside) await writer.stop();
    const known = beside ? before : files();
    const reader = await startServer(t, { dataDirectory: writer.dataDirectory, flags });
    assert.equal((await fetch(`${reader.url}/-/ready`)).status, 200);
    assert.deepEqual(await valuesOf(reader.url), ["7"]);
    const refused = await postV1(reader.url, series);
    assert.equal(refused.status, 503);
    assert.match(refused.text, /only reads/);
    const deletion = await fetch(`${reader.url}/api/v1/admin/tsdb/delete_series?match[]=up`, {
      method: "POST",
    });
    assert.equal(deletion.status, 503);
    assert.deepEqual(await valuesOf(reader.url), ["7"]);
    assert.equal(await reader.stop(), 0);
    assert.deepEqual(files(), known);
  }
});
