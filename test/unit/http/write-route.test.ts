import * as assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WRITE_PATHS } from "../../../dist/http/write-route.js";
import { STORED } from "../../support/fake-engine.js";
import { startFrontEnd, TRANSPORTS } from "../../support/front-end.js";
import { RawConnection } from "../../support/raw-http.js";

const V1 = { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" };
const V2 = { ...V1, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request" };
const body = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);

for (const transport of TRANSPORTS) {
  const post = (url: string, headers: Record<string, string>, bytes: Uint8Array<ArrayBuffer> | string) =>
    fetch(url, { method: "POST", headers, body: bytes });

  test(`${transport}: every write path takes a body of any size byte for byte`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    assert.equal((await startFrontEnd(t, { transport })).frontEnd.listener.transport, transport);
    for (const path of WRITE_PATHS) {
      for (const length of [0, 1, 5000, 700_000]) {
        const answer = await post(url + path, V1, body(length));
        assert.equal(answer.status, 204);
        assert.equal(await answer.text(), "");
        assert.equal(answer.headers.get("content-length"), null);
        assert.equal(answer.headers.get("x-varve-durability"), "fsync");
        const got = engine.ingested.at(-1);
        assert.equal(got?.protocol, 1);
        assert.deepEqual(Buffer.from(got?.body ?? []), Buffer.from(body(length)));
      }
    }
    assert.equal(engine.slotsInUse, 0);
  });

  test(`${transport}: written headers come with 2.0 only, on success and on failure`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    const written = (answer: Response) =>
      ["Samples", "Histograms", "Exemplars"].map((what) =>
        answer.headers.get(`X-Prometheus-Remote-Write-${what}-Written`),
      );
    assert.deepEqual(written(await post(`${url}/api/v1/write`, V1, "x")), [null, null, null]);
    assert.deepEqual(written(await post(`${url}/api/v1/write`, V2, "x")), ["3", "2", "1"]);
    engine.onIngest = async () => ({ ...STORED, status: 400, message: "refused 1 of 4 samples", samples: 3 });
    const refused = await post(`${url}/api/v1/write`, V2, "x");
    assert.equal(refused.status, 400);
    assert.equal(await refused.text(), "refused 1 of 4 samples\n");
    assert.deepEqual(written(refused), ["3", "2", "1"]);
    assert.deepEqual(written(await post(`${url}/api/v1/write`, V1, "x")), [null, null, null]);
    assert.equal(refused.headers.get("retry-after"), null);
  });

  test(`${transport}: methods, encodings and types are judged before any slot is taken`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    const get = await fetch(`${url}/api/v1/write`);
    assert.equal(get.status, 405);
    assert.equal(get.headers.get("allow"), "OPTIONS, POST");
    assert.equal((await fetch(`${url}/api/v1/write`, { method: "PUT", body: "x" })).status, 405);
    const gzip = await post(`${url}/api/v1/write`, { ...V1, "Content-Encoding": "gzip" }, body(500_000));
    assert.equal(gzip.status, 415);
    assert.match(await gzip.text(), /gzip/);
    const json = await post(`${url}/api/v1/write`, { ...V1, "Content-Type": "application/json" }, "{}");
    assert.equal(json.status, 415);
    assert.equal(engine.ingested.length, 0);
  });

  test(`${transport}: an over-size body is 413, declared or chunked, and the connection stays usable`, async (t) => {
    const { url, port, engine } = await startFrontEnd(t, { transport });
    assert.equal((await post(`${url}/api/v1/write`, V1, body(1_100_000))).status, 413);
    const raw = new RawConnection(port);
    raw.send("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = body(100_000);
    for (let i = 0; i < 12; i++) {
      raw.send(`${chunk.length.toString(16)}\r\n`);
      raw.send(chunk);
      raw.send("\r\n");
    }
    raw.send("0\r\n\r\n");
    const large = await raw.answer();
    assert.equal(large.status, 413);
    assert.match(large.body, /limits\.request-bytes/);
    raw.send("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert.equal((await raw.answer()).status, 204);
    raw.destroy();
    assert.equal(engine.slotsInUse, 0);
    assert.equal(engine.ingested.length, 1);
  });

  test(`${transport}: a chunked body arrives whole, also behind Expect: 100-continue`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    const raw = new RawConnection(port);
    raw.send("POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const part of ["3\r\nabc\r\n", "a\r\n01234", "56789\r\n", "0\r\n\r\n"]) {
      raw.send(part);
      await sleep(15);
    }
    assert.equal((await raw.answer()).status, 204);
    assert.equal(Buffer.from(engine.ingested[0].body).toString(), "abc0123456789");
    raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    await sleep(50);
    assert.match(raw.received, /^HTTP\/1\.1 100 Continue/);
    raw.send("hello");
    assert.equal((await raw.answer()).status, 204);
    assert.equal(Buffer.from(engine.ingested[1].body).toString(), "hello");
    raw.destroy();
  });

  test(`${transport}: a length that a header promises takes no slot and no memory`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport });
    const raws = Array.from({ length: 20 }, () => new RawConnection(port));
    for (const raw of raws) {
      raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    }
    await sleep(100);
    assert.equal(engine.slotsInUse, 0);
    for (const raw of raws) raw.destroy();
  });

  test(`${transport}: a client that goes away gives its slot back`, async (t) => {
    const { port, url, engine } = await startFrontEnd(t, { transport });
    const raw = new RawConnection(port);
    raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart");
    await sleep(50);
    assert.equal(engine.slotsInUse, 1);
    raw.destroy();
    await sleep(50);
    assert.equal(engine.slotsInUse, 0);
    assert.equal(engine.ingested.length, 0);
    assert.match(await (await fetch(`${url}/metrics`)).text(), /^varve_http_write_aborted_total 1$/m);
  });

  test(`${transport}: a body that is too slow loses its connection and its slot`, async (t) => {
    const { port, engine } = await startFrontEnd(t, { transport, readTimeoutMs: 1000 });
    const raw = new RawConnection(port);
    raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    const drip = setInterval(() => raw.send("x"), 100);
    await sleep(300);
    assert.equal(engine.slotsInUse, 1);
    assert.equal(await raw.waitClosed(5000), true);
    clearInterval(drip);
    await sleep(20);
    assert.equal(engine.slotsInUse, 0);
  });

  test(`${transport}: slow bodies cannot keep the others out`, async (t) => {
    const { port, url, engine } = await startFrontEnd(t, { transport });
    const slow = Array.from({ length: 30 }, () => new RawConnection(port));
    for (const raw of slow) raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart");
    await sleep(400);
    assert.equal(engine.slotsInUse, engine.slotsMax);
    for (let i = 0; i < 20; i++) {
      assert.equal((await post(`${url}/api/v1/write`, V1, body(5000))).status, 204);
    }
    assert.ok(engine.slotsInUse < engine.slotsMax);
    for (const raw of slow) raw.destroy();
    await sleep(50);
    assert.equal(engine.slotsInUse, 0);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.ok(/^varve_http_write_slow_bodies_total (2[6-9]|30)$/m.test(metrics));
    assert.ok(/^varve_http_write_requests_in_flight 0$/m.test(metrics));
  });

  test(`${transport}: without a free slot requests wait their turn`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    engine.onIngest = async () => {
      await sleep(20);
      return STORED;
    };
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => post(`${url}/api/v1/write`, V1, body(1000 + i * 5000))),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([204]));
    const lengths = engine.ingested.map((one) => one.body.length).sort((a, b) => a - b);
    assert.deepEqual(
      lengths,
      Array.from({ length: 60 }, (_, i) => 1000 + i * 5000),
    );
    for (const one of engine.ingested) assert.ok(Buffer.from(one.body).equals(body(one.body.length)));
    assert.equal(engine.slotsInUse, 0);
    assert.ok(/^varve_http_write_requests_waiting 0$/m.test(await (await fetch(`${url}/metrics`)).text()));
  });

  test(`${transport}: a client that goes away while it waits leaves no trace`, async (t) => {
    const { url, port, engine } = await startFrontEnd(t, { transport });
    engine.slotsMax = 0;
    const gone = Array.from({ length: 10 }, () => new RawConnection(port));
    gone.forEach((raw, i) => {
      raw.send(`POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: ${i < 5 ? 4 : 400}\r\n\r\npart`);
    });
    await sleep(50);
    for (const raw of gone) raw.destroy();
    await sleep(50);
    engine.slotsMax = 4;
    assert.equal((await post(`${url}/api/v1/write`, V1, body(10))).status, 204);
    assert.equal(engine.ingested.length, 1);
    assert.equal(engine.slotsInUse, 0);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.ok(/^varve_http_write_requests_in_flight 0$/m.test(metrics));
    assert.ok(/^varve_http_write_aborted_total 10$/m.test(metrics));
  });

  test(`${transport}: who has waited too long for a slot is answered 503 with Retry-After`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport });
    engine.slotsMax = 0;
    const answer = await post(`${url}/api/v1/write`, V2, body(300_000));
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    assert.equal(answer.headers.get("x-prometheus-remote-write-samples-written"), "0");
  });

  test(`${transport}: while the database opens and when it stops, writes are 503`, async (t) => {
    const { url, gate, engine } = await startFrontEnd(t, { transport }, false);
    gate.progress("replaying the log: 50%");
    const starting = await post(`${url}/api/v1/write`, V1, "x");
    assert.equal(starting.status, 503);
    assert.match(await starting.text(), /replaying the log: 50%/);
    gate.open(engine);
    assert.equal((await post(`${url}/api/v1/write`, V1, "x")).status, 204);
    gate.stop();
    const stopping = await post(`${url}/api/v1/write`, V1, "x");
    assert.equal(stopping.status, 503);
    assert.ok(Number(stopping.headers.get("retry-after")) >= 1);
  });

  test(`${transport}: an answer under way is sent before close resolves`, async (t) => {
    const { url, engine, frontEnd } = await startFrontEnd(t, { transport });
    engine.onIngest = async () => {
      await sleep(200);
      return STORED;
    };
    const pending = post(`${url}/api/v1/write`, V1, "x");
    await sleep(50);
    const closed = frontEnd.close(5000);
    assert.equal((await pending).status, 204);
    await closed;
    await assert.rejects(fetch(`${url}/-/healthy`));
  });
}
