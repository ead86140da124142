/** Text in and out over HTTP, on both transports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { TRANSPORTS } from "../support/front-end.js";
import { startServer } from "../support/server.js";

async function post(url: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const content = typeof body === "string" ? body : new Uint8Array(body);
  const response = await fetch(url, { method: "POST", body: content, headers });
  return { status: response.status, text: await response.text() };
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

for (const transport of TRANSPORTS) {
  test(`${transport}: what goes in comes out`, async (t) => {
    const server = await startServer(t, { flags: [`--web.transport=${transport}`] });
    const now = Date.now();
    const text = `# TYPE up gauge\n# HELP up whether\nup{job="a"} 1 ${now}\nup{job="b"} 2.5\n`;
    assert.deepEqual(await post(`${server.url}/api/v1/import/prometheus?timestamp=${now - 1000}`, text), {
      status: 204,
      text: "",
    });
    const lines = [
      {
        metric: { __name__: "down", x: "ä" },
        values: [1, null, "Infinity"],
        timestamps: [now - 3, now - 2, now - 1],
      },
      {
        metric: { __name__: "h" },
        histograms: [{ schema: 0, count: 3, sum: 4, positive: [[0, [1, 2]]] }],
        timestamps: [now],
      },
    ];
    const body = gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    assert.equal(
      (await post(`${server.url}/api/v1/import`, body, { "Content-Encoding": "gzip" })).status,
      204,
    );

    const exported = (await get(`${server.url}/api/v1/export?match[]={__name__=~".%2B"}`))
      .trimEnd()
      .split("\n");
    assert.deepEqual(
      exported.map((line) => JSON.parse(line)),
      [
        lines[0],
        {
          metric: { __name__: "h" },
          histograms: [
            { schema: 0, zeroThreshold: 0, zeroCount: 0, count: 3, sum: 4, positive: [[0, [1, 2]]] },
          ],
          timestamps: [now],
        },
        { metric: { __name__: "up", job: "a" }, values: [1], timestamps: [now] },
        { metric: { __name__: "up", job: "b" }, values: [2.5], timestamps: [now - 1000] },
      ],
    );
    const seconds = (ms: number) => (ms / 1000).toFixed(3);
    assert.equal(
      await get(`${server.url}/api/v1/export?match[]=up&format=openmetrics`),
      `up{job="a"} 1 ${seconds(now)}\nup{job="b"} 2.5 ${seconds(now - 1000)}\n# EOF\n`,
    );
    assert.equal(
      await get(
        `${server.url}/api/v1/export?match[]=up&format=csv&columns=job,__value__,__timestamp__&end=${seconds(now - 500)}`,
      ),
      `job,__value__,__timestamp__\nb,2.5,${now - 1000}\n`,
    );
    const metadata = JSON.parse(await get(`${server.url}/api/v1/metadata?metric=up`)) as { data: unknown };
    assert.deepEqual(metadata.data, { up: [{ type: "gauge", help: "whether", unit: "" }] });
  });

  test(`${transport}: a large export streams, compressed where that is asked for`, async (t) => {
    const server = await startServer(t, { flags: [`--web.transport=${transport}`] });
    const start = Date.now() - 60_000;
    for (let part = 0; part < 4; part++) {
      const rows: string[] = [];
      for (let i = 0; i < 500; i++) {
        const values = Array.from({ length: 100 }, (_, k) => Math.sin(i * 100 + k));
        const timestamps = values.map((_, k) => start + k);
        rows.push(JSON.stringify({ metric: { __name__: "m", i: `${part}-${i}` }, values, timestamps }));
      }
      assert.equal((await post(`${server.url}/api/v1/import`, rows.join("\n"))).status, 204);
    }
    const response = await fetch(`${server.url}/api/v1/export?match[]=m`, {
      headers: { "Accept-Encoding": "gzip", "X-Forwarded-For": "192.0.2.1" },
    });
    assert.equal(response.headers.get("content-encoding"), "gzip");
    const text = await response.text();
    assert(text.length > 4e6, `${text.length} characters`);
    const series = new Set<string>();
    let samples = 0;
    for (const line of text.trimEnd().split("\n")) {
      const { metric, values } = JSON.parse(line) as { metric: Record<string, string>; values: number[] };
      series.add(metric["i"] ?? "");
      samples += values.length;
    }
    assert.deepEqual([series.size, samples], [2000, 200_000]);
  });
}

test("bad lines are named, the others are stored", async (t) => {
  const server = await startServer(t);
  const now = Date.now();
  const text = `up 1 ${now}\nup{ 2\nup{job="x"} 3 ${now}\nup{job="y"} 3 1000000000000\n`;
  const answer = await post(`${server.url}/api/v1/import/prometheus`, text);
  assert.equal(answer.status, 400);
  assert.match(answer.text, /^stored 2 of 3 samples, 1 lines cannot be read\n/);
  assert.match(answer.text, /refused 1 of 3 samples: 1 .*up\{job="y"\}/);
  assert.match(answer.text, /line 2: /);
  assert.match(answer.text, /varve import/);
  const stored = (await get(`${server.url}/api/v1/export?match[]=up`)).trimEnd().split("\n");
  assert.equal(stored.length, 2);
  assert.equal((await post(`${server.url}/api/v1/import`, "{")).status, 400);
  assert.equal((await post(`${server.url}/api/v1/import`, "x", { "Content-Encoding": "gzip" })).status, 400);
  assert.equal((await post(`${server.url}/api/v1/import`, "x", { "Content-Encoding": "br" })).status, 415);
});

test("labels in the path, as the Pushgateway has them", async (t) => {
  const server = await startServer(t);
  const encoded = Buffer.from("a/b").toString("base64url");
  const path = `/api/v1/import/prometheus/metrics/job/my%20job/path@base64/${encoded}?extra_label=dc=x`;
  assert.equal((await post(server.url + path, 'up{job="other"} 1\n')).status, 204);
  const [line = ""] = (await get(`${server.url}/api/v1/export?match[]=up`)).split("\n");
  const { metric } = JSON.parse(line) as { metric: unknown };
  assert.deepEqual(metric, { __name__: "up", job: "my job", path: "a/b", dc: "x" });
  for (const wrong of ["instance/x", "job", "job/a/b"]) {
    assert.equal(
      (await post(`${server.url}/api/v1/import/prometheus/metrics/${wrong}`, "up 1\n")).status,
      400,
      wrong,
    );
  }
});

test("an export that cannot be is refused", async (t) => {
  const server = await startServer(t);
  for (const query of [
    "",
    "match[]={",
    "match[]=up&format=xml",
    "match[]=up&start=x",
    "match[]=up&format=csv&columns=__timestamp__:x",
  ]) {
    const response = await fetch(`${server.url}/api/v1/export?${query}`);
    assert.equal(response.status, 400, query);
  }
  assert.equal(await get(`${server.url}/api/v1/export?match[]=nothing`), "");
});
