/** Queries that are long, many, given up or ended by somebody else, on the real server. */
import * as assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../support/front-end.js";
import { startServer, type TestServer } from "../support/server.js";

/** Takes minutes, and next to no memory. */
const ENDLESS = {
  query: "quantile_over_time(0.5, vector(time())[100h:1s])",
  start: "1700000000",
  end: "1700010000",
  step: "1",
};
const SHORT = { query: "vector(1)", time: "1700000000" };

setMaxListeners(0);

interface Answer {
  readonly status: number;
  readonly errorType?: string;
  readonly error?: string;
  readonly data: unknown;
}

/** Asks from one of the machine's loopback addresses. */
function ask(
  server: TestServer,
  path: string,
  params: Readonly<Record<string, string>> = {},
  options: { readonly from?: string; readonly signal?: AbortSignal; readonly method?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}/api/v1${path}?${new URLSearchParams(params)}`,
      {
        method: options.method ?? "GET",
        localAddress: options.from ?? "127.0.0.1",
        agent: false,
        headers: { "X-Request-Id": "test-7" },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => {
          const body = text === "" ? {} : (JSON.parse(text) as object);
          resolve({ data: null, ...body, status: response.statusCode ?? 0 });
        });
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

interface Active {
  readonly id: string;
  readonly state: string;
  readonly query: string;
  readonly [name: string]: unknown;
}

async function activeQueries(server: TestServer): Promise<readonly Active[]> {
  return (await ask(server, "/status/active_queries")).data as readonly Active[];
}

async function untilActive(server: TestServer, count: number, state = ""): Promise<readonly Active[]> {
  for (;;) {
    const all = (await activeQueries(server)).filter((query) => state === "" || query.state === state);
    if (all.length === count) return all;
    await sleep(5);
  }
}

function start(t: TestContext, ...flags: string[]): Promise<TestServer> {
  return startServer(t, { flags });
}

for (const transport of TRANSPORTS) {
  test(`${transport}: a query is listed while it runs, and ended by its id`, async (t) => {
    const server = await start(t, `--web.transport=${transport}`, "--query.max-concurrency=1");
    const running = ask(server, "/query_range", ENDLESS);
    const [first] = await untilActive(server, 1, "running");
    const waiting = ask(server, "/query", SHORT);
    const second = (await untilActive(server, 1, "waiting"))[0];
    assert.ok(first !== undefined && second !== undefined);
    assert.match(first.id, /^[0-9A-F]{16}$/);
    const { id, duration, received, waited, samples, ...rest } = first;
    assert.match(String(duration), /^\d+\.\d{3}s$/);
    assert.match(String(waited), /^\d+\.\d{3}s$/);
    assert.ok(Date.now() - Date.parse(String(received)) < 60_000);
    assert.equal(typeof samples, "number");
    assert.deepEqual(rest, {
      remote_addr: rest["remote_addr"],
      query: ENDLESS.query,
      start: 1_700_000_000_000,
      end: 1_700_010_000_000,
      step: 1000,
      endpoint: "/api/v1/query_range",
      state: "running",
      user: "",
      request_id: "test-7",
    });
    assert.match(String(rest["remote_addr"]), /127\.0\.0\.1|0000:0000:0000:0000:0000:ffff:7f00:0001/);
    assert.deepEqual([second.query, second["start"], second["step"]], ["vector(1)", 1_700_000_000_000, 0]);

    assert.equal((await ask(server, "/status/active_queries/0", {}, { method: "DELETE" })).status, 404);
    const path = `/status/active_queries/${id}`;
    assert.equal((await ask(server, path, {}, { method: "DELETE" })).status, 204);
    const ended = await running;
    assert.deepEqual(
      [ended.status, ended.errorType, ended.error],
      [499, "canceled", "query was canceled in expression evaluation"],
    );
    assert.equal((await waiting).status, 200);
    assert.equal((await ask(server, path, {}, { method: "DELETE" })).status, 404);
    assert.deepEqual(await activeQueries(server), []);
  });

  test(`${transport}: a client that goes away ends its query, also one that waits`, async (t) => {
    const server = await start(t, `--web.transport=${transport}`, "--query.max-concurrency=1");
    const [first, second] = [new AbortController(), new AbortController()];
    const lost = [
      ask(server, "/query_range", ENDLESS, { signal: first.signal }),
      ask(server, "/query_range", ENDLESS, { signal: second.signal }),
    ];
    const settled = Promise.allSettled(lost);
    await untilActive(server, 2);
    second.abort();
    await untilActive(server, 1);
    first.abort();
    await untilActive(server, 0);
    for (const { status } of await settled) assert.equal(status, "rejected");
    assert.equal((await ask(server, "/query", SHORT)).status, 200);
  });
}

test("a waiting query is ended by its id, too", async (t) => {
  const server = await start(t, "--query.max-concurrency=1");
  const gone = new AbortController();
  const running = ask(server, "/query_range", ENDLESS, { signal: gone.signal });
  await untilActive(server, 1, "running");
  const waiting = ask(server, "/query", SHORT);
  const [found] = await untilActive(server, 1, "waiting");
  await ask(server, `/status/active_queries/${found?.id}`, {}, { method: "DELETE" });
  const { status, error } = await waiting;
  assert.deepEqual([status, error], [499, "query was canceled in query queue"]);
  gone.abort();
  await assert.rejects(running);
});

test("the timeout counts from the arrival: what waits too long is answered though no thread is free", async (t) => {
  const server = await start(t, "--query.max-concurrency=1", "--query.timeout=1m");
  const gone = new AbortController();
  const running = ask(server, "/query_range", ENDLESS, { signal: gone.signal });
  await untilActive(server, 1, "running");
  const waited = await ask(server, "/query", { ...SHORT, timeout: "300ms" });
  assert.deepEqual(
    [waited.status, waited.errorType, waited.error],
    [503, "timeout", "query timed out in query queue"],
  );
  gone.abort();
  await assert.rejects(running);
  while ((await activeQueries(server)).length > 0); // else the next one waits for the thread
  const long = await ask(server, "/query_range", { ...ENDLESS, timeout: "200ms" });
  assert.deepEqual(
    [long.status, long.errorType, long.error],
    [503, "timeout", "query timed out in expression evaluation"],
  );
});

test("a client with a hundred long queries does not keep another one waiting", async (t) => {
  const server = await start(t, "--query.max-concurrency=1");
  const gone = new AbortController();
  const flood = Array.from({ length: 100 }, () =>
    ask(
      server,
      "/query_range",
      { ...ENDLESS, end: "1700000005" },
      { from: "127.0.0.2", signal: gone.signal },
    ),
  );
  const settled = Promise.allSettled(flood);
  await untilActive(server, 100);
  assert.equal((await ask(server, "/query", SHORT, { from: "127.0.0.3" })).status, 200);
  const left = (await activeQueries(server)).length;
  assert.ok(left > 80, `${100 - left} of the hundred went first`);
  gone.abort();
  await settled;
});

test("with three threads and more, one client never has all of them", async (t) => {
  const server = await start(t, "--query.max-concurrency=3");
  const gone = new AbortController();
  const flood = Array.from({ length: 10 }, () =>
    ask(server, "/query_range", ENDLESS, { from: "127.0.0.2", signal: gone.signal }),
  );
  const settled = Promise.allSettled(flood);
  await untilActive(server, 2, "running");
  await untilActive(server, 10);
  assert.equal((await ask(server, "/query", SHORT, { from: "127.0.0.3" })).status, 200);
  assert.equal((await activeQueries(server)).filter(({ state }) => state === "running").length, 2);
  gone.abort();
  await settled;
});

test("slow queries are logged with what is needed to find and repeat them", async (t) => {
  const server = await start(t, "--query.log-slow-duration=1ms", "--log.format=json");
  await ask(server, "/query_range", { ...ENDLESS, timeout: "50ms" });
  await sleep(50);
  const lines = server
    .output()
    .split("\n")
    .filter((line) => line.includes("slow query"));
  const line = JSON.parse(lines.at(-1) ?? "{}") as Record<string, unknown>;
  const { time, id, duration, waited, samples, remote, ...rest } = line;
  assert.deepEqual(rest, {
    level: "warn",
    msg: "slow query",
    endpoint: "/api/v1/query_range",
    query: ENDLESS.query,
    start: 1_700_000_000_000,
    end: 1_700_010_000_000,
    step: 1000,
    status: 503,
    requestId: "test-7",
  });
  for (const one of [time, id, duration, waited, samples, remote]) assert.notEqual(one, undefined);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^varve_slow_queries_total [1-9]/m);
});

test("a threshold of zero logs no query", async (t) => {
  const server = await start(t, "--query.log-slow-duration=0s");
  await ask(server, "/query_range", { ...ENDLESS, timeout: "50ms" });
  assert.ok(!server.output().includes("slow query"));
});
