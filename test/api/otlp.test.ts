/** OTLP over HTTP: recorded requests give the series that Prometheus made of them; the real SDK sends live. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Histogram, type HistogramSpan, ResetHint } from "../../dist/model/histogram.js";
import { Labels } from "../../dist/model/labels.js";
import type { PlainSample, PlainSeries } from "../support/block-fixtures.js";
import { runSdk } from "../support/otlp-sdk.js";
import { decodeSamples, encodeRead, postRead, printSeries } from "../support/read-client.js";
import { startServer } from "../support/server.js";

const PATH = "/api/v1/otlp/v1/metrics";
const FOREVER = "--storage.tsdb.retention.time=0s";
const FOLDER = new URL("../../data/otlp/", import.meta.url);

interface RecordedRequest {
  readonly name: string;
  readonly type: string;
  readonly encoding: string;
  readonly body: string;
}

interface ExpectedRecord {
  readonly kind: "float" | "histogram" | "exemplar";
  readonly labels: Readonly<Record<string, string>>;
  readonly t: number;
  readonly v?: string;
  readonly bits?: string;
  readonly h?: string;
  readonly ex?: Readonly<Record<string, string>>;
}

const requests = JSON.parse(readFileSync(new URL("requests.json", FOLDER), "utf8")) as RecordedRequest[];
const expected = JSON.parse(
  gunzipSync(readFileSync(new URL("expected.json.gz", FOLDER))).toString(),
) as Record<string, Record<string, ExpectedRecord[]>>;

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  default: [],
  "default-delta": ["--otlp.native-delta-ingestion"],
  utf8: ["--otlp.translation-strategy=NoUTF8EscapingWithSuffixes"],
  none: ["--otlp.translation-strategy=NoTranslation"],
  promote: [
    "--otlp.promote-resource-attributes=deployment.environment,host.name",
    "--otlp.keep-identifying-resource-attributes",
    "--otlp.convert-histograms-to-nhcb",
  ],
  promoteall: ["--otlp.promote-all-resource-attributes"],
};

function post(url: string, { type, encoding, body }: RecordedRequest): Promise<Response> {
  const text = encoding === "" && type.includes("json");
  return fetch(url + PATH, {
    method: "POST",
    headers: { "Content-Type": type, ...(encoding === "" ? {} : { "Content-Encoding": encoding }) },
    body: text ? body : new Uint8Array(Buffer.from(body, "base64")),
  });
}

const STALE_BITS = "7ff0000000000002";

interface GoHistogram {
  readonly schema: number;
  readonly count: number;
  readonly sum: string;
  readonly zc: number;
  readonly zt: string;
  readonly ps: { Offset: number; Length: number }[] | null;
  readonly ns: { Offset: number; Length: number }[] | null;
  readonly pb: number[] | null;
  readonly nb: number[] | null;
  readonly cv: number[] | null;
}

/** As Prometheus' Go fields have it; null for a stale marker. */
function histogramOf(text: string): Histogram | null {
  const go = JSON.parse(text.replace(/"count":9218868437227405314/, '"count":-1')) as GoHistogram;
  if (go.count === -1) return null;
  const spans = (list: GoHistogram["ps"]): HistogramSpan[] =>
    (list ?? []).map(({ Offset, Length }) => ({ offset: Offset, length: Length }));
  let sum = 0;
  const absolute = (deltas: number[] | null): number[] => {
    sum = 0;
    return (deltas ?? []).map((delta) => {
      sum += delta;
      return sum;
    });
  };
  return {
    float: false,
    resetHint: ResetHint.UNKNOWN,
    schema: go.schema,
    zeroThreshold: Number(go.zt),
    zeroCount: go.zc,
    count: go.count,
    sum: Number(go.sum),
    positiveSpans: spans(go.ps),
    negativeSpans: spans(go.ns),
    positiveBuckets: absolute(go.pb),
    negativeBuckets: absolute(go.nb),
    customValues: go.cv ?? [],
  };
}

/** Expected samples by series; stale markers of histograms are told by `histogramOf`. */
function expectedSeries(records: readonly ExpectedRecord[]): Record<string, string[]> {
  const found = new Map<string, { labels: Labels; samples: Map<number, PlainSample> }>();
  const stale: Record<string, string[]> = {};
  for (const { kind, labels, t, v, bits, h } of records) {
    if (kind === "exemplar") continue;
    const key = Labels.fromObject(labels);
    const histogram = kind === "histogram" ? histogramOf(h ?? "") : null;
    if (kind === "histogram" && histogram === null) {
      stale[key.toString()] = [`${t} stale false`];
      continue;
    }
    const series = found.get(key.key) ?? { labels: key, samples: new Map<number, PlainSample>() };
    found.set(key.key, series);
    const number = v === "+Inf" ? Number.POSITIVE_INFINITY : Number(v);
    // Of two values at one time the first stays.
    if (!series.samples.has(t)) {
      series.samples.set(t, [t, histogram ?? (bits === STALE_BITS ? Number.NaN : number)]);
    }
  }
  const plain: PlainSeries[] = [...found.values()].map(({ labels, samples }) => ({
    labels,
    samples: [...samples.values()].sort(([a], [b]) => a - b),
  }));
  return { ...printSeries(plain), ...stale };
}

async function storedSeries(url: string): Promise<Record<string, string[]>> {
  const everything = { startMs: 0, endMs: 2_000_000_000_000, matchers: [["NEQ", "__name__", ""]] } as const;
  const response = await postRead(url, encodeRead([everything], []));
  return printSeries(decodeSamples(new Uint8Array(await response.arrayBuffer()))[0] ?? []);
}

const ERRONEOUS: readonly string[] = ["names", "kinds", "delta-0", "delta-1"];

for (const [setting, flags] of Object.entries(SETTINGS)) {
  test(`recorded requests give Prometheus' series (${setting})`, async (t) => {
    for (const group of [["protobuf"], ["json"], ["gzip"], ["delta"], ["names"], ["kinds"], ["resource"]]) {
      const some = requests.filter(({ name }) => group.some((prefix) => name.startsWith(prefix)));
      const server = await startServer(t, { flags: [FOREVER, "--storage.durability=memory", ...flags] });
      for (const request of some) {
        const response = await post(server.url, request);
        const text = await response.text();
        assert.equal(response.status, 200, `${request.name}: ${text}`);
        if (!ERRONEOUS.includes(request.name))
          assert.ok(text === "" || text === "{}", `${request.name}: ${text}`);
      }
      const wanted = expectedSeries(some.flatMap(({ name }) => expected[setting]?.[name] ?? []));
      assert.ok(Object.keys(wanted).length > 3, `${group[0]} has series`);
      assert.deepEqual(await storedSeries(server.url), wanted, `${setting} ${group[0]}`);
      await server.kill();
    }
  });
}

test("exemplars come with their traces, on the bucket they belong to", async (t) => {
  const server = await startServer(t, { flags: [FOREVER] });
  const request = requests.find(({ name }) => name === "kinds") as RecordedRequest;
  await (await post(server.url, request)).arrayBuffer();
  const query = new URLSearchParams({ query: '{__name__=~"h_seconds_.+|e_milliseconds"}' });
  const answer = await fetch(`${server.url}/api/v1/query_exemplars`, { method: "POST", body: query });
  const { data } = (await answer.json()) as {
    data: {
      seriesLabels: Record<string, string>;
      exemplars: { labels: object; value: string; timestamp: number }[];
    }[];
  };
  const print = (labels: object, exemplar: object, value: string, t0: number): string =>
    JSON.stringify([Object.entries(labels).sort(), Object.entries(exemplar).sort(), Number(value), t0]);
  const found = data.flatMap(({ seriesLabels, exemplars }) =>
    exemplars.map(({ labels, value, timestamp }) =>
      print(seriesLabels, labels, value, Math.round(timestamp * 1000)),
    ),
  );
  const wanted = (expected["default"]?.["kinds"] ?? [])
    .filter(({ kind }) => kind === "exemplar")
    .map(({ labels, ex, v, t: time }) => print(labels, ex ?? {}, v ?? "", time));
  assert.ok(wanted.length >= 4);
  assert.deepEqual(found.sort(), wanted.sort());
});

test("what is refused is said: deltas in a partial success, nothing else in an error", async (t) => {
  const server = await startServer(t, { flags: [FOREVER] });
  const send = async (body: object): Promise<[number, unknown]> => {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(server.url + PATH, { method: "POST", headers, body: JSON.stringify(body) });
    return [response.status, await response.json()];
  };
  const sum = (name: string, aggregationTemporality: number) => ({
    name,
    sum: { aggregationTemporality, dataPoints: [{ timeUnixNano: "1700000000000000000", asInt: "1" }] },
  });
  const request = (...metrics: object[]) => ({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
  const errorMessage = 'invalid temporality and type combination for metric "d"';
  assert.deepEqual(await send(request(sum("c", 2), sum("d", 1))), [
    200,
    { partialSuccess: { rejectedDataPoints: "1", errorMessage } },
  ]);
  assert.deepEqual(await send(request(sum("d", 1))), [400, { code: 3, message: errorMessage }]);
  assert.deepEqual(await send({ resourceMetrics: [{ scopeMetrics: 5 }] }), [
    400,
    { code: 3, message: "the request has a field that is not a list" },
  ]);
  assert.equal((await send(request()))[0], 200);
  const plain = await fetch(server.url + PATH, {
    method: "POST",
    body: "x",
    headers: { "Content-Type": "text/x" },
  });
  assert.equal(plain.status, 400);
  assert.match(await plain.text(), /^unsupported content type: text\/x/);
});

test("damaged bodies are answered, and a body that unpacks to too much is refused", async (t) => {
  const server = await startServer(t, { flags: [FOREVER] });
  const bomb = gzipSync(Buffer.alloc(64 << 20, 32), { level: 9 });
  const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  const refused = await fetch(server.url + PATH, { method: "POST", headers, body: new Uint8Array(bomb) });
  assert.equal(refused.status, 400);
  const recorded = requests.find(({ name }) => name === "protobuf-0") as RecordedRequest;
  const good = Buffer.from(recorded.body, "base64");
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.nat(good.length), async (changes, length) => {
      const bytes = Buffer.from(good.subarray(0, length));
      for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
      const response = await post(server.url, { ...recorded, body: bytes.toString("base64") });
      await response.arrayBuffer();
      assert.ok([200, 400].includes(response.status), `status ${response.status}`);
    }),
    { numRuns: 150 },
  );
});

test("the OpenTelemetry SDK sends live, in every encoding", async (t) => {
  for (const json of [false, true]) {
    for (const gzip of [false, true]) {
      const server = await startServer(t);
      await runSdk({ url: server.url + PATH, json, gzip, delta: false });
      const query = async (text: string): Promise<string | undefined> => {
        const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(text)}`);
        const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
        return data.result[0]?.value[1];
      };
      const job = '{job="shop/checkout",instance="host-1:8080"}';
      assert.equal(await query(`sum(http_server_requests_total${job})`), "102");
      assert.equal(await query(`sum(sent_bytes_total${job})`), String(1275 * 100.5 * 2));
      assert.equal(await query(`db_connections${job}`), "50");
      assert.equal(await query(`http_server_request_duration_seconds_count${job}`), "100");
      assert.equal(await query(`histogram_count(queue_wait_milliseconds${job})`), "100");
      assert.equal(await query(`cpu_utilization_ratio${job}`), "0.75");
      assert.equal(await query(`disk_io_bytes_per_second${job}`), "100");
      assert.equal(await query(`target_info{host_name="host-1"}`), "1");
      await server.kill();
    }
  }
});
