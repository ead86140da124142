import * as assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRequestV1, snappyCompress } from "../support/remote-write.js";
import { startServer } from "../support/server.js";

test("below the floor writes are answered 503 with the reason, and reads go on", async (t) => {
  const server = await startServer(t, { flags: ["--storage.min-free-bytes=1000000GiB"] });
  const body = encodeRequestV1([
    { labels: [["__name__", "up"]], samples: [{ timestamp: Date.now(), value: 1 }] },
  ]);
  const answer = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" },
    body: snappyCompress(body),
  });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
  const reason = /the disk has \d+MiB left, less than --storage\.min-free-bytes=/;
  assert.match(await answer.text(), reason);
  const ready = await fetch(`${server.url}/-/ready`);
  assert.equal(ready.status, 200);
  assert.match(await ready.text(), reason);
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^varve_storage_below_floor 1$/m);
  assert.equal((await fetch(`${server.url}/api/v1/query?query=up`)).status, 200);
});
