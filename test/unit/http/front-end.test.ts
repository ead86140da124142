import * as assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { ListenError } from "../../../dist/http/transport.js";
import { startFrontEnd, TRANSPORTS } from "../../support/front-end.js";
import { until } from "../../support/peers.js";
import { RawConnection } from "../../support/raw-http.js";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
/** Only a test that fails waits this long. */
const GONE_MS_MAX = 20_000;

for (const transport of TRANSPORTS) {
  test(`${transport}: queries reach the engine as kind and parameters, by GET and form POST`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    const ask = async (path: string, init?: RequestInit) => {
      const answer = await fetch(`${url}/api/v1${path}`, init);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "application/json");
      await answer.text();
      return engine.queries.at(-1);
    };
    assert.deepEqual(await ask("/query?query=a%2Bb+c&time=1&query=d"), {
      kind: "query",
      params: [
        ["query", "a+b c"],
        ["time", "1"],
        ["query", "d"],
      ],
    });
    assert.deepEqual(
      await ask("/query_range?start=2", { method: "POST", headers: FORM, body: "query=x&start=1" }),
      {
        kind: "query_range",
        params: [
          ["query", "x"],
          ["start", "1"],
          ["start", "2"],
        ],
      },
    );
    assert.deepEqual(await ask("/labels?match[]=a&match%5B%5D=%7Bb%3D%22%C3%A9%22%7D&bad=%zz&x;y"), {
      kind: "labels",
      params: [
        ["match[]", "a"],
        ["match[]", '{b="é"}'],
      ],
    });
    assert.deepEqual(await ask("/query?query=1", { method: "POST", body: "query=2" }), {
      kind: "query",
      params: [["query", "1"]],
    });
    for (const [path, kind] of [
      ["/labels", "labels"],
      ["/format_query", "format_query"],
      ["/parse_query", "parse_query"],
      ["/query_exemplars", "query_exemplars"],
    ] as const) {
      assert.deepEqual(await ask(path), { kind, params: [] });
    }
  });

  test(`${transport}: endpoints that judge the form itself say what is wrong with it`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const refusal = async (path: string, init: RequestInit = {}): Promise<string> => {
      const answer = await fetch(`${url}${path}`, init);
      assert.equal(answer.status, 400, path);
      const text = await answer.text();
      return text.startsWith("{") ? (JSON.parse(text) as { error: string }).error : text.trimEnd();
    };
    const badEscape = 'error parsing form values: invalid URL escape "%zz"';
    const semicolon = "error parsing form values: invalid semicolon separator in query";
    for (const path of ["/api/v1/series", "/api/v1/rules", "/federate"]) {
      assert.equal(await refusal(`${path}?match[]=a&x=%zz`), badEscape);
      assert.equal(await refusal(`${path}?match[]=a&x=%zz&a;b`), semicolon);
    }
    const form = { method: "POST", headers: FORM };
    assert.equal(await refusal("/api/v1/series?x=%zz", { ...form, body: "match[]=a&a;b" }), semicolon);
    assert.equal(await refusal("/api/v1/admin/tsdb/delete_series", { ...form, body: "a=%zz1" }), badEscape);
    for (const [type, why] of [
      ["application/x-www-form-urlencoded;;", "mime: invalid media parameter"],
      ["application/x-www-form-urlencoded; a=b; A=c", "mime: duplicate parameter name"],
      ["/", "mime: no media type"],
      ["a/", "mime: expected token after slash"],
      ["a b", "mime: expected slash after first token"],
      ["a/b c", "mime: unexpected content after media subtype"],
    ] as const) {
      const init = { method: "POST", headers: { "Content-Type": type }, body: "match[]=a" };
      assert.equal(await refusal("/api/v1/series", init), `error parsing form values: ${why}`, type);
    }
    const quoted = { "Content-Type": 'Application/x-www-form-urlencoded; a="b;c" ;' };
    const good = { method: "POST", headers: quoted, body: "match[]=a" };
    assert.equal((await fetch(`${url}/api/v1/series`, good)).status, 200);
  });

  test(`${transport}: paths are read with their escapes undone`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    assert.equal((await fetch(`${url}/api/v1/%71uery?query=1`)).status, 200);
    assert.equal((await fetch(`${url}/api/v1/label/a%2Fb/values`)).status, 404);
    const broken = await fetch(`${url}/api/v1/label/a%zz/values`);
    assert.deepEqual([broken.status, await broken.text()], [400, "400 Bad Request"]);
  });

  test(`${transport}: a connection serves on after HEAD`, async (t) => {
    const { port } = await startFrontEnd(t, { transport });
    const raw = new RawConnection(port);
    for (const [path, status] of [
      ["/-/healthy", 200],
      ["/api/v1/query", 405],
    ] as const) {
      raw.send(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      while (!raw.received.includes("\r\n\r\n") && !raw.closed) await sleep(5);
      assert.ok(raw.received.startsWith(`HTTP/1.1 ${status} `), raw.received);
      assert.match(raw.received, /content-length: [1-9]/i);
      raw.received = "";
      raw.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
      assert.equal((await raw.answer()).status, 200);
    }
    raw.destroy();
  });

  test(`${transport}: label names come unescaped from the path`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    for (const [escaped, name] of [
      ["job", "job"],
      ["a%20b", "a b"],
      ["U__http_2e_status__code", "http.status_code"],
      ["U__a_1f600_", "a😀"],
      ["U__broken_zz_", "U__broken_zz_"],
      ["U__open_2e", "U__open_2e"],
      ["%ff", "\udcff"],
      ["%e2%82%C3%A9", "\udce2\udc82é"],
    ] as const) {
      assert.equal((await fetch(`${url}/api/v1/label/${escaped}/values?x=1`)).status, 200);
      assert.deepEqual(engine.queries.at(-1), {
        kind: "label_values",
        params: [["x", "1"]],
        labelName: name,
      });
    }
    assert.equal((await fetch(`${url}/api/v1/label/a/b/values`)).status, 404);
    assert.equal((await fetch(`${url}/api/v1/label/a/values`, { method: "POST" })).status, 405);
  });

  test(`${transport}: answers pass through, status and all, compressed where it pays`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    const body = Buffer.from(JSON.stringify({ data: "x".repeat(600_000) }));
    const ask = (encoding: string, proxy = "192.0.2.1") =>
      new Promise<{
        status: number;
        encoding: string | undefined;
        bytes: Buffer;
        length: string | undefined;
      }>((resolve) => {
        const headers = {
          ...(encoding === "" ? {} : { "Accept-Encoding": encoding }),
          ...(proxy === "" ? {} : { "X-Forwarded-For": proxy }),
        };
        request({ port, host: "127.0.0.1", path: "/api/v1/query", headers }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("end", () =>
            resolve({
              status: answer.statusCode ?? 0,
              encoding: answer.headers["content-encoding"],
              length: answer.headers["content-length"],
              bytes: Buffer.concat(chunks),
            }),
          );
        }).end();
      });
    engine.onQuery = () => ({ status: 422, body });
    for (const encoding of ["", "identity", "gzip;q=0", "br"]) {
      const plain = await ask(encoding);
      assert.deepEqual([plain.status, plain.encoding], [422, undefined]);
      assert.equal(plain.length, String(body.length));
      assert.ok(plain.bytes.equals(body));
    }
    assert.equal((await ask("gzip", "")).encoding, undefined, "not for a client on the same machine");
    const zipped = await ask("deflate, gzip;q=0.9");
    assert.equal(zipped.encoding, "gzip");
    assert.ok(zipped.bytes.length < 10_000 && gunzipSync(zipped.bytes).equals(body));
    engine.onQuery = () => ({ status: 200, body: Buffer.from("{}") });
    assert.equal((await ask("gzip")).encoding, undefined);
    engine.onQuery = () => ({ status: 204, body: Buffer.alloc(0) });
    assert.equal((await ask("gzip")).status, 204);
  });

  test(`${transport}: a large answer reaches a slow reader whole`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    const body = Buffer.alloc(20_000_000, "0123456789");
    engine.onQuery = () => ({ status: 200, body });
    const raw = new RawConnection(port);
    raw.send("GET /api/v1/query HTTP/1.1\r\nHost: x\r\n\r\n");
    raw.socket.pause();
    await sleep(300);
    raw.socket.resume();
    const answer = await raw.answer(20_000);
    assert.equal(answer.body.length, body.length);
    assert.equal(answer.body.slice(-20), "01234567890123456789");
    raw.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await raw.answer()).status, 200);
    raw.destroy();
  });

  test(`${transport}: a client that goes away aborts its query`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    engine.onQuery = () => null;
    const raw = new RawConnection(port);
    raw.send("GET /api/v1/query HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(
      () => engine.queries.length === 1,
      GONE_MS_MAX,
      () => "the query is asked",
    );
    assert.equal(engine.abortedQueries, 0);
    raw.destroy();
    await until(
      () => engine.abortedQueries === 1,
      GONE_MS_MAX,
      () => "it ended",
    );
  });

  test(`${transport}: cross-origin scripts may read the API and nothing else`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const origin = { Origin: "http://grafana.example" };
    const answer = await fetch(`${url}/api/v1/rules`, { headers: origin });
    assert.equal(answer.headers.get("access-control-allow-origin"), "http://grafana.example");
    assert.equal(answer.headers.get("vary"), "Origin");
    const preflight = await fetch(`${url}/api/v1/query`, { method: "OPTIONS", headers: origin });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-methods"), "GET, POST, OPTIONS");
    const without = await fetch(`${url}/api/v1/rules`);
    assert.equal(without.headers.get("access-control-allow-origin"), null);
    const metrics = await fetch(`${url}/metrics`, { headers: origin });
    assert.equal(metrics.headers.get("access-control-allow-origin"), null);
    const strict = await startFrontEnd(t, { transport, corsOrigin: "https?://(a|b)\\.example" });
    const allow = async (from: string) =>
      (await fetch(`${strict.url}/api/v1/rules`, { headers: { Origin: from } })).headers.get(
        "access-control-allow-origin",
      );
    assert.equal(await allow("http://a.example"), "http://a.example");
    assert.equal(await allow("http://a.example.evil"), null);
  });

  test(`${transport}: unknown paths are 404, wrong methods 405 with Allow`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const nothing = await fetch(`${url}/nothing?x`);
    assert.deepEqual([nothing.status, await nothing.text()], [404, "404 page not found\n"]);
    const put = await fetch(`${url}/api/v1/query`, { method: "PUT" });
    assert.deepEqual([put.status, put.headers.get("allow")], [405, "GET, OPTIONS, POST"]);
    assert.equal((await fetch(`${url}/-/healthy`, { method: "POST" })).status, 405);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "DELETE" })).status, 405);
  });

  test(`${transport}: readiness follows the database`, async (t) => {
    const { url, gate, engine } = await startFrontEnd(t, { transport }, false);
    gate.progress("replaying the log: 2 of 9 segments");
    const starting = await fetch(`${url}/-/ready`);
    assert.equal(starting.status, 503);
    assert.match(await starting.text(), /replaying the log: 2 of 9 segments/);
    assert.equal(starting.headers.get("x-prometheus-stopping"), "false");
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
    const query = await fetch(`${url}/api/v1/query?query=1`);
    assert.equal(query.status, 503);
    assert.equal((await fetch(`${url}/api/v1/metadata`)).status, 503);
    assert.equal((await fetch(`${url}/api/v1/status/buildinfo`)).status, 200);
    gate.open(engine);
    const ready = await fetch(`${url}/-/ready`);
    assert.deepEqual([ready.status, await ready.text()], [200, "Varve is Ready.\n"]);
    const head = await fetch(`${url}/-/ready`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    engine.state = { state: "degraded", message: "disk full" };
    assert.match(await (await fetch(`${url}/-/ready`)).text(), /degraded: disk full/);
    gate.stop();
    const stopping = await fetch(`${url}/-/ready`);
    assert.deepEqual([stopping.status, stopping.headers.get("x-prometheus-stopping")], [503, "true"]);
  });

  test(`${transport}: status endpoints answer in Prometheus' shape`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const data = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${url}/api/v1${path}`);
      assert.equal(answer.status, 200, path);
      const body = (await answer.json()) as { status: string; data: unknown };
      assert.equal(body.status, "success");
      return body.data;
    };
    assert.deepEqual(await data("/alerts"), { alerts: [] });
    assert.deepEqual(await data("/targets"), {
      activeTargets: [],
      droppedTargets: [],
      droppedTargetCounts: {},
    });
    const active = (await data("/targets?state=ACTIVE")) as Record<string, unknown>;
    assert.equal(active["droppedTargetCounts"], null);
    assert.deepEqual(await data("/alertmanagers"), { activeAlertmanagers: [], droppedAlertmanagers: [] });
    assert.deepEqual(await data("/status/flags"), { "web.listen-address": "127.0.0.1:9090" });
    assert.deepEqual(await data("/status/config"), { yaml: "" });
    const build = (await data("/status/buildinfo")) as Record<string, string>;
    assert.deepEqual([build["version"], build["varveVersion"]], ["3.5.0", "0.0.1"]);
    const runtime = (await data("/status/runtimeinfo")) as Record<string, unknown>;
    assert.equal(runtime["storageRetention"], "15d");
    assert.equal(runtime["durability"], "fsync");
    assert.ok(Number.isFinite(Date.parse(String(runtime["startTime"]))));
  });

  test(`${transport}: /metrics has the front end's and the engine's families, well formed`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    await fetch(`${url}/api/v1/query?query=1`);
    await fetch(`${url}/api/v1/write`, { method: "POST", body: Uint8Array.of(1) });
    const answer = await fetch(`${url}/metrics`);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    for (const line of [
      /^varve_http_requests_total\{handler="\/api\/v1\/query",code="200"\} 1$/m,
      /^varve_http_requests_total\{handler="\/api\/v1\/write",code="204"\} 1$/m,
      /^varve_http_request_duration_seconds_bucket\{handler="\/api\/v1\/write",le="\+Inf"\} 1$/m,
      /^varve_http_write_body_bytes_total 1$/m,
      /^process_cpu_seconds_total [\d.]+$/m,
      /^process_resident_memory_bytes \d+$/m,
      /^varve_ready 1$/m,
      /^varve_fake 1$/m,
    ]) {
      assert.ok(line.test(text), String(line));
    }
    const sample = /^[a-z_][a-z0-9_]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? \S+$/;
    const typed = new Set<string>();
    for (const line of text.trimEnd().split("\n")) {
      const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
      if (type !== null) {
        assert.ok(!typed.has(type[1]), `${type[1]} is typed once`);
        typed.add(type[1]);
      } else if (!line.startsWith("# HELP ")) {
        assert.match(line, sample);
        const name = line.replace(/[{ ].*/, "").replace(/_(bucket|sum|count)$/, "");
        assert.ok(typed.has(name) || typed.has(line.replace(/[{ ].*/, "")), line);
      }
    }
  });

  test(`${transport}: long query strings pass, endless headers are 431`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    const raw = new RawConnection(port);
    raw.send(`GET /api/v1/query?query=${"a".repeat(30_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await raw.answer()).status, 200);
    assert.equal(engine.queries[0].params[0][1].length, 30_000);
    const long = new RawConnection(port);
    long.send("GET / HTTP/1.1\r\nHost: x\r\n");
    for (let i = 0; i < 40 && !long.closed; i++) {
      long.send(`A${i}: ${"a".repeat(5000)}\r\n`);
      await sleep(5);
    }
    await long.waitClosed();
    assert.match(long.received, /^HTTP\/1\.1 431 /);
    raw.destroy();
  });

  test(`${transport}: malformed requests end their connection, not the server`, async (t) => {
    const { url, port } = await startFrontEnd(t, { transport });
    for (const text of [
      "\0\0\0\0\r\n\r\n",
      "GET\r\n\r\n",
      "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
      "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      "POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "GET / HTTP/9.9\r\n\r\n",
    ]) {
      const raw = new RawConnection(port);
      raw.send(text);
      await sleep(30);
      raw.destroy();
    }
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
  });

  test(`${transport}: connections above the bound are refused, below it served again`, async (t) => {
    const { url, port, frontEnd } = await startFrontEnd(t, { transport, connectionsMax: 3 });
    const held = Array.from({ length: 3 }, () => new RawConnection(port));
    await sleep(50);
    assert.equal(frontEnd.listener.connectionCount(), 3);
    const over = new RawConnection(port);
    over.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await over.answer()).status, 503);
    assert.equal(await over.waitClosed(), true);
    for (const raw of held) raw.destroy();
    await sleep(50);
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
  });

  test(`${transport}: a port that is taken is said so`, async (t) => {
    const { port } = await startFrontEnd(t, { transport });
    await assert.rejects(startFrontEnd(t, { transport, port }), (error: Error) => {
      assert.ok(error instanceof ListenError);
      assert.match(error.message, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`));
      return true;
    });
  });

  test(`${transport}: the page at / loads nothing from elsewhere`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const page = await fetch(`${url}/`);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    const html = await page.text();
    assert.match(html, /Varve 0\.0\.1/);
    assert.doesNotMatch(html, /https?:\/\//);
  });
}
