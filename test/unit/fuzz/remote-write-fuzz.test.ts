import * as assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type FuzzReport, runFuzz } from "../../fuzz/remote-write.fuzz.js";
import { RequestSource } from "../../fuzz/request-source.js";
import { judgeAccepted } from "../../fuzz/write-verdict.js";

const NOW = Date.UTC(2026, 10, 22, 15);

async function against(listener: RequestListener, count: number): Promise<FuzzReport> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await runFuzz({
      url: `http://127.0.0.1:${port}`,
      count,
      seed: 7,
      nowMs: NOW,
      requestTimeoutMs: 300,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a receiver that accepts everything is found out", async () => {
  const { violations } = await against((request, response) => {
    request.resume().on("end", () => response.writeHead(204).end());
  }, 400);
  for (const lie of [
    /no snappy block/,
    /not well-formed protobuf/,
    /no metric name/,
    /label name is there twice/,
  ]) {
    assert.ok(
      violations.some((violation) => lie.test(violation)),
      `${lie} in ${violations.join("\n")}`,
    );
  }
});

test("so is one that hangs, crashes, says nothing or asks for retries without a time", async () => {
  const faults: [RequestListener, RegExp][] = [
    [() => {}, /no answer in time/],
    [(request) => request.socket.destroy(), /socket hang up|ECONNRESET/],
    [(_, response) => void response.writeHead(400).end(), /400 without a word/],
    [(_, response) => void response.writeHead(500).end("oops"), /answered 500 oops/],
    [(_, response) => void response.writeHead(503).end("later"), /503 without Retry-After/],
  ];
  for (const [listener, reason] of faults) {
    const { violations } = await against(listener, 5);
    assert.ok(
      violations.some((violation) => reason.test(violation)),
      `${reason} in ${violations.join("\n")}`,
    );
  }
});

test("requests are the same for the same seed, and many of them could be accepted", () => {
  const source = new RequestSource(3, NOW);
  const twin = new RequestSource(3, NOW);
  let acceptable = 0;
  const kinds = new Set<string>();
  for (let number = 0; number < 600; number++) {
    const request = source.request(number);
    assert.deepEqual(request, twin.request(number));
    kinds.add(request.kind);
    if (request.protocol === null) continue;
    if (typeof judgeAccepted(request.body, request.protocol, NOW) === "object") acceptable++;
  }
  assert.ok(acceptable > 150 && acceptable < 450, `${acceptable} of 600`);
  assert.ok(kinds.size > 15, [...kinds].join(", "));
});
