/** The query API over HTTP, held to what Prometheus 3.5 answers to the same requests, byte for byte. */
import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { TRANSPORTS } from "../support/front-end.js";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1, postV2 } from "../support/write-client.js";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** [path and query, status, body], recorded from Prometheus 3.5.3 with an empty database. */
const ANSWERS: readonly (readonly [string, number, string])[] = [
  [
    "query",
    400,
    bad('invalid parameter \\"query\\": unknown position: parse error: no expression found in input'),
  ],
  ["query?query=1&time=1435781451.781", 200, ok('{"resultType":"scalar","result":[1435781451.781,"1"]}')],
  ["query?query=1e22&time=1", 200, ok('{"resultType":"scalar","result":[1,"10000000000000000000000"]}')],
  [
    "query?query=vector(1e-7)&time=1.5",
    200,
    ok('{"resultType":"vector","result":[{"metric":{},"value":[1.500,"1e-07"]}]}'),
  ],
  ["query?query=%22a%3Cb%22&time=1", 200, ok('{"resultType":"string","result":[1,"a\\u003cb"]}')],
  ["query?query=nothing&time=1", 200, ok('{"resultType":"vector","result":[]}')],
  [
    "query_range?query=vector(time()/7)&start=1.5&end=4&step=0.5",
    200,
    ok(
      '{"resultType":"matrix","result":[{"metric":{},"values":[[1.500,"0.21428571428571427"],[2,"0.2857142857142857"],' +
        '[2.500,"0.35714285714285715"],[3,"0.42857142857142855"],[3.500,"0.5"],[4,"0.5714285714285714"]]}]}',
    ),
  ],
  [
    "query?query=1&time=x",
    400,
    bad(
      `invalid parameter \\"time\\": invalid time value for 'time': cannot parse \\"x\\" to a valid timestamp`,
    ),
  ],
  [
    "query?query=1&timeout=x",
    400,
    bad('invalid parameter \\"timeout\\": cannot parse \\"x\\" to a valid duration'),
  ],
  ["query?query=1&limit=-1", 400, bad('invalid parameter \\"limit\\": limit must be non-negative')],
  [
    "query_range?query=1",
    400,
    bad('invalid parameter \\"start\\": cannot parse \\"\\" to a valid timestamp'),
  ],
  [
    "query_range?query=1&start=5&end=1",
    400,
    bad('invalid parameter \\"end\\": end timestamp must not be before start time'),
  ],
  [
    "query_range?query=1&start=1&end=11002&step=1",
    400,
    bad(
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ),
  ],
  ["series", 400, bad("no match[] parameter provided")],
  [
    "series?match[]={}",
    400,
    bad('invalid parameter \\"match[]\\": match[] must contain at least one non-empty matcher'),
  ],
  ["series?match[]=up&start=5&end=1", 200, ok("[]")],
  ["labels", 200, ok("[]")],
  ["labels?match[]={}", 400, bad("match[] must contain at least one non-empty matcher")],
  ["label/a/values", 200, ok("[]")],
  [
    "label/a/values?limit=x",
    400,
    bad('invalid parameter \\"limit\\": strconv.Atoi: parsing \\"x\\": invalid syntax'),
  ],
  ["metadata", 200, ok("{}")],
  ["metadata?limit=x", 400, bad("limit must be a number")],
  ["query_exemplars?query=up", 200, ok("[]")],
  ["query_exemplars?query=1", 204, ""],
  ["query_exemplars?query=up&start=5&end=1", 400, bad("end timestamp must not be before start timestamp")],
  ["format_query?query=sum(rate(up%5B5m%5D))%2F2", 200, ok('"sum(rate(up[5m])) / 2"')],
  ["parse_query?query=1", 200, ok('{"type":"numberLiteral","val":"1"}')],
  [
    "parse_query?query=up%7Ba!%3D%22b%22%7D",
    200,
    ok(
      '{"anchored":false,"matchers":[{"name":"a","type":"!=","value":"b"},{"name":"__name__","type":"=","value":"up"}],' +
        '"name":"up","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"}',
    ),
  ],
  ["query?query=1&time=0x1p4", 200, ok('{"resultType":"scalar","result":[16,"1"]}')],
  ["query?query=%ff", 400, bad(`invalid parameter \\"query\\": 1:1: parse error: unexpected character: '�'`)],
  [
    "query?query=a%7Bb=%22%ff%22%7D",
    400,
    bad(`invalid parameter \\"query\\": 1:5: parse error: invalid UTF-8 rune`),
  ],
  [
    "labels?limit=a%e2%82b",
    400,
    bad('invalid parameter \\"limit\\": strconv.Atoi: parsing \\"a\\\\xe2\\\\x82b\\": invalid syntax'),
  ],
  ["series?match[]=a&x=%zz", 400, bad('error parsing form values: invalid URL escape \\"%zz\\"')],
  [
    "query?query=1&timeout=0",
    503,
    '{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}',
  ],
  [
    "format_query",
    400,
    bad('invalid parameter \\"query\\": unknown position: parse error: no expression found in input'),
  ],
];

/** The same of endpoints that take GET only. */
const GET_ANSWERS: readonly (readonly [string, number, string])[] = [
  ["rules", 200, ok('{"groups":[]}')],
  ["rules?type=RECORD&exclude_alerts=T&group_limit=5&match[]=a", 200, ok('{"groups":[]}')],
  ["rules?type=%C3%89", 400, bad('invalid parameter \\"type\\": not supported value \\"é\\"')],
  ["rules?match[]={}", 400, bad("match[] must contain at least one non-empty matcher")],
  [
    "rules?exclude_alerts=x",
    400,
    bad(
      'invalid parameter \\"exclude_alerts\\": error converting exclude_alerts: strconv.ParseBool: parsing \\"x\\": invalid syntax',
    ),
  ],
  [
    "rules?group_limit=2147483648",
    400,
    bad(
      'invalid parameter \\"group_limit\\": group_limit needs to be a valid number: strconv.ParseInt: parsing \\"2147483648\\": value out of range',
    ),
  ],
  [
    "rules?group_limit=0",
    400,
    bad('invalid parameter \\"group_limit\\": group_limit needs to be greater than 0'),
  ],
  [
    "rules?group_next_token=a",
    400,
    bad(
      'invalid parameter \\"group_next_token\\": group_limit needs to be present in order to paginate over the groups',
    ),
  ],
  [
    "rules?group_next_token=a&group_limit=1",
    400,
    bad(`invalid parameter \\"group_next_token\\": invalid group_next_token 'a'. were rule groups changed?`),
  ],
  ["targets", 200, ok('{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}')],
  ["targets?state=active", 200, ok('{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}')],
  ["targets/metadata", 200, ok("[]")],
  ["targets/metadata?limit=x", 400, bad("limit must be a number")],
  [
    "targets/metadata?match_target=1",
    400,
    bad('invalid parameter \\"match_target\\": 1:1: parse error: unexpected number \\"1\\"'),
  ],
];

function ok(data: string): string {
  return `{"status":"success","data":${data}}`;
}

function bad(message: string): string {
  return `{"status":"error","errorType":"bad_data","error":"${message}"}`;
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext) => startServer(t, { flags: [`--web.transport=${transport}`] });

  test(`${transport}: an empty database answers as Prometheus`, async (t) => {
    const { url } = await start(t);
    for (const [path, status, body] of ANSWERS) {
      const answer = await fetch(`${url}/api/v1/${path}`);
      assert.deepEqual([answer.status, await answer.text()], [status, body], path);
      const [name = "", query = ""] = path.split("?");
      if (name.startsWith("label/") || name === "metadata") continue;
      const posted = await fetch(`${url}/api/v1/${name}`, { method: "POST", headers: FORM, body: query });
      assert.deepEqual([posted.status, await posted.text()], [status, body], `POST ${path}`);
    }
  });

  test(`${transport}: endpoints that are empty judge their parameters as Prometheus`, async (t) => {
    const { url } = await start(t);
    for (const [path, status, body] of GET_ANSWERS) {
      const answer = await fetch(`${url}/api/v1/${path}`);
      assert.deepEqual([answer.status, await answer.text()], [status, body], path);
    }
  });

  test(`${transport}: series are listed for ranges that have samples of theirs`, async (t) => {
    const { url } = await start(t);
    // A chunk ends where a block does: samples on both sides of that would lie in two.
    const sinceBlockMs = Date.now() % 7_200_000;
    const nowMs = Date.now() - (sinceBlockMs % 1000) - (sinceBlockMs < 400_000 ? 400_000 : 0);
    const at = (secondsAgo: number) => nowMs - 1000 * secondsAgo;
    const sample = (secondsAgo: number) => ({ value: secondsAgo, timestamp: at(secondsAgo) });
    const series: WireSeries[] = [
      { labels: [["__name__", "float"]], samples: [sample(300), sample(200)] },
      { labels: [["__name__", "late"]], samples: [sample(100), sample(300), sample(250)] },
      { labels: [["__name__", "histogram"]], histograms: [{ schema: 1, countInt: 0, timestamp: at(300) }] },
    ];
    assert.equal((await postV1(url, series)).status, 204);
    const names = async (from: number, to: number): Promise<unknown> => {
      const range = `start=${at(from) / 1000}&end=${at(to) / 1000}`;
      const answer = await fetch(`${url}/api/v1/label/__name__/values?${range}`);
      return ((await answer.json()) as { data: unknown }).data;
    };
    assert.deepEqual(await names(300, 300), ["float", "histogram", "late"]);
    assert.deepEqual(await names(1000, 301), []);
    assert.deepEqual(await names(260, 220), ["float", "late"]);
    assert.deepEqual(await names(150, 50), ["late"]);
    assert.deepEqual(await names(90, 0), []);
  });

  test(`${transport}: what was written is read back through every endpoint`, async (t) => {
    const { url } = await start(t);
    const nowMs = Date.now() - (Date.now() % 1000);
    const series: WireSeries[] = ["a", "b"].map((instance, i) => ({
      labels: [
        ["__name__", "http_requests_total"],
        ["instance", instance],
        ["path", '/a"b\\<é>'],
      ],
      samples: [0, 1, 2, 3].map((k) => ({ value: 10 * k + i + 0.5, timestamp: nowMs - 60_000 + k * 15_000 })),
      metadata: { type: 1, help: "Requests <all>", unit: "requests" },
      exemplars: [{ labels: [["trace_id", "t1"]], value: 7, timestamp: nowMs - 20_000 }],
    }));
    assert.equal((await postV2(url, series)).status, 204);
    const metric = (instance: string): string =>
      `{"__name__":"http_requests_total","instance":"${instance}","path":"/a\\"b\\\\<é>"}`;
    const seconds = nowMs / 1000;
    const get = async (path: string): Promise<string> => {
      const answer = await fetch(`${url}/api/v1/${path}`);
      const text = await answer.text();
      assert.equal(answer.status, 200, `${path}: ${text}`);
      return text;
    };
    assert.equal(
      await get(`query?query=http_requests_total&time=${seconds}`),
      ok(
        `{"resultType":"vector","result":[{"metric":${metric("a")},"value":[${seconds},"30.5"]},` +
          `{"metric":${metric("b")},"value":[${seconds},"31.5"]}]}`,
      ),
    );
    assert.equal(
      await get(
        `query_range?query=http_requests_total{instance="a"}&start=${seconds - 60}&end=${seconds}&step=30`,
      ),
      ok(
        `{"resultType":"matrix","result":[{"metric":${metric("a")},"values":[[${seconds - 60},"0.5"],` +
          `[${seconds - 30},"20.5"],[${seconds},"30.5"]]}]}`,
      ),
    );
    assert.equal(await get("series?match[]=http_requests_total"), ok(`[${metric("a")},${metric("b")}]`));
    assert.equal(await get("labels"), ok('["__name__","instance","path"]'));
    assert.equal(await get("label/instance/values"), ok('["a","b"]'));
    assert.equal(await get("label/path/values"), ok('["/a\\"b\\\\\\u003cé\\u003e"]'));
    assert.equal(
      await get("label/instance/values?match[]={instance!=%22a%22,__name__=~%22.%2B%22}"),
      ok('["b"]'),
    );
    assert.equal(
      await get("labels?limit=2"),
      '{"status":"success","data":["__name__","instance"],"warnings":["results truncated due to limit"]}',
    );
    assert.equal(
      await get("metadata"),
      ok(
        '{"http_requests_total":[{"type":"counter","unit":"requests","help":"Requests \\u003call\\u003e"}]}',
      ),
    );
    const exemplars = JSON.parse(
      await get(`query_exemplars?query=http_requests_total&start=${seconds - 60}&end=${seconds}`),
    ) as { data: { exemplars: unknown[] }[] };
    assert.equal(exemplars.data.length, 2);
    assert.deepEqual(exemplars.data[0].exemplars, [
      { labels: { trace_id: "t1" }, value: "7", timestamp: (nowMs - 20_000) / 1000 },
    ]);
  });

  test(`${transport}: refusals say how many, why and which, and the good samples stay`, async (t) => {
    const { url } = await start(t);
    const nowMs = Date.now();
    const sample = (value: number, timestamp: number) => ({ value, timestamp });
    const one = (name: string, ...samples: { value: number; timestamp: number }[]): WireSeries => ({
      labels: [
        ["__name__", name],
        ["job", "a"],
      ],
      samples,
    });
    assert.equal((await postV1(url, [one("m", sample(1, nowMs))])).status, 204);
    assert.equal((await postV1(url, [one("m", sample(1, nowMs))])).status, 204, "replay is harmless");
    const refused = await postV1(url, [
      one("m", sample(2, nowMs), sample(3, nowMs + 1000)),
      one("far", sample(1, nowMs + 3_600_000)),
      { labels: [["job", "nameless"]], samples: [sample(1, nowMs)] },
    ]);
    assert.equal(refused.status, 400);
    assert.deepEqual(refused.written, { samples: null, histograms: null, exemplars: null });
    const essence = Buffer.from(refused.text).subarray(0, 200).toString();
    assert.match(essence, /^refused 3 of 4 samples: /);
    assert.match(essence, /duplicate/);
    const query = await fetch(`${url}/api/v1/query?query=m&time=${(nowMs + 1000) / 1000}`);
    const body = (await query.json()) as { data: { result: { value: [number, string] }[] } };
    assert.equal(body.data.result[0].value[1], "3");
    assert.equal((await postV2(url, [one("m", sample(9, nowMs))])).written.samples, 0);
  });

  test(`${transport}: acknowledged samples are there after SIGTERM and a new start`, async (t) => {
    const server = await start(t);
    const nowMs = Date.now();
    const labels: [string, string][] = [["__name__", "kept"]];
    assert.equal(
      (await postV1(server.url, [{ labels, samples: [{ value: 5, timestamp: nowMs }] }])).status,
      204,
    );
    assert.equal(await server.stop(), 0);
    await server.start();
    const query = await fetch(`${server.url}/api/v1/query?query=kept&time=${nowMs / 1000}`);
    assert.match(await query.text(), /"5"\]/);
  });

  test(`${transport}: a large answer is compressed for who accepts it`, async (t) => {
    const { url } = await start(t);
    const nowMs = Date.now();
    const series = Array.from(
      { length: 200 },
      (_, i): WireSeries => ({
        labels: [
          ["__name__", "wide"],
          ["i", String(i)],
        ],
        samples: [{ value: i, timestamp: nowMs }],
      }),
    );
    assert.equal((await postV1(url, series)).status, 204);
    const { port } = new URL(url);
    const { request } = await import("node:http");
    const zipped = await new Promise<Buffer>((resolve) => {
      const path = `/api/v1/query?query=wide&time=${nowMs / 1000}`;
      const headers = { "Accept-Encoding": "gzip", Via: "1.1 proxy" };
      request({ port, host: "127.0.0.1", path, headers }, (answer) => {
        assert.equal(answer.headers["content-encoding"], "gzip");
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => resolve(Buffer.concat(chunks)));
      }).end();
    });
    const body = JSON.parse(gunzipSync(zipped).toString()) as { data: { result: unknown[] } };
    assert.equal(body.data.result.length, 200);
  });
}
