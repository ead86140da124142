/** Answers that their clients read slowly, while the thread that made them answers others, on the real server. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { TRANSPORTS } from "../support/front-end.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

/** Together over 7 MB of answer: more than what sockets take of it before they are read. */
const SERIES = 34;
const STEPS = 10_000;

interface Matrix {
  readonly data: { readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[] };
}

/** Resolves with the answer's head; the body waits. */
async function openAnswer(url: string, factor: number): Promise<IncomingMessage> {
  const params = new URLSearchParams({
    query: `last_over_time(x[1h]) * ${factor}`,
    start: "1000",
    end: String(1000 + STEPS - 1),
    step: "1",
  });
  const sent = request(`${url}/api/v1/query_range?${params}`, { agent: false });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

async function assertAnswer(response: IncomingMessage, factor: number): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const { result } = (JSON.parse(Buffer.concat(parts).toString()) as Matrix).data;
  assert.equal(result.length, SERIES);
  for (const { values } of result) {
    assert.equal(values.length, STEPS);
    assert.ok(values.every(([, value]) => value === String(123 * factor)));
  }
}

for (const transport of TRANSPORTS) {
  test(`${transport}: an answer stays what it is while others ask`, async (t) => {
    const server = await startServer(t, {
      flags: ["--storage.tsdb.retention.time=0s", `--web.transport=${transport}`],
    });
    const samples = Array.from({ length: 7 }, (_, i) => ({
      timestamp: 1_000_000 + i * 1_800_000,
      value: 123,
    }));
    const series = Array.from({ length: SERIES }, (_, i) => ({
      labels: [
        ["__name__", "x"],
        ["series", String(i)],
      ] as const,
      samples,
    }));
    assert.equal((await postV1(server.url, series)).status, 204);
    const slow = await openAnswer(server.url, 1);
    for (let factor = 2; factor < 6; factor++) {
      await assertAnswer(await openAnswer(server.url, factor), factor);
    }
    const gone = await openAnswer(server.url, 6);
    gone.destroy();
    await assertAnswer(await openAnswer(server.url, 7), 7);
    await assertAnswer(slow, 1);
  });
}
