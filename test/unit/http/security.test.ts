import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashSync } from "bcryptjs";
import { ListenError, type TlsFiles } from "../../../dist/http/transport.js";
import { startFrontEnd, TRANSPORTS } from "../../support/front-end.js";

const USERS = new Map([
  ["alice", hashSync("s3cret", 4)],
  ["bob", hashSync("pä:ss", 4)],
]);
const basic = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});
const BODY = { method: "POST", body: Uint8Array.of(1, 2, 3) };

const file = (name: string) => fileURLToPath(new URL(`../../../test/support/tls/${name}`, import.meta.url));
const pem = (name: string) => readFileSync(file(name), "utf8");
const TLS: TlsFiles = {
  certFile: file("server.pem"),
  keyFile: file("server-key.pem"),
  certPem: pem("server.pem"),
  keyPem: pem("server-key.pem"),
  clientCaPem: "",
  clientAuth: "",
  versionMin: "TLSv1.2",
  versionMax: "TLSv1.3",
};

function getTls(port: number, options: RequestOptions): Promise<{ status: number; protocol: string | null }> {
  return new Promise((resolve, reject) => {
    const path = "/-/healthy";
    const all = { host: "localhost", port, path, ca: pem("ca.pem"), agent: false, ...options };
    const sent = request(all, (answer) => {
      const { socket } = answer as unknown as { socket: { getProtocol(): string | null } };
      const protocol = socket.getProtocol();
      answer.resume();
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, protocol }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

for (const transport of TRANSPORTS) {
  test(`${transport}: no route answers without a right password`, async (t) => {
    const { url, engine, frontEnd } = await startFrontEnd(t, { transport, users: USERS });
    const credentials: [Record<string, string>, number][] = [
      [{}, 401],
      [basic("alice", "wrong"), 401],
      [basic("alice", ""), 401],
      [basic("nobody", "s3cret"), 401],
      [basic("", ""), 401],
      [{ Authorization: "Basic !!!" }, 401],
      [{ Authorization: "Bearer s3cret" }, 401],
      [basic("alice", "s3cret"), 200],
      [basic("bob", "pä:ss"), 200],
      [{ Authorization: basic("bob", "pä:ss").Authorization.replace("Basic", "basic") }, 200],
    ];
    for (const route of frontEnd.routes) {
      const path = route.path.replace("{name}", "job").replace("{id}", "known");
      const ends = route.methods.includes("DELETE");
      for (const [headers, expected] of credentials) {
        const write = "handleRaw" in route;
        const method = route.methods[0] ?? "GET";
        const answer = await fetch(url + path, { method, headers, ...(write ? BODY : {}) });
        await answer.arrayBuffer();
        assert.equal(
          answer.status,
          (write || ends) && expected === 200 ? 204 : expected,
          `${path} ${headers["Authorization"]}`,
        );
        if (expected === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /^Basic realm=/);
      }
    }
    assert.equal(engine.slotsInUse, 0);
    assert.equal((await fetch(`${url}/nothing`)).status, 401);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "DELETE" })).status, 401);
    assert.equal((await fetch(`${url}/nothing`, { headers: basic("alice", "s3cret") })).status, 404);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "OPTIONS" })).status, 204);
  });

  test(`${transport}: nothing is stored before the password is known to be right`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport, users: USERS });
    const write = (headers: Record<string, string>) => fetch(`${url}/api/v1/write`, { ...BODY, headers });
    assert.equal((await write(basic("alice", "wrong"))).status, 401);
    assert.equal(engine.ingested.length, 0);
    assert.equal((await write(basic("alice", "s3cret"))).status, 204);
    assert.equal(engine.ingested.length, 1);
    const many = await Promise.all(Array.from({ length: 60 }, (_, i) => write(basic("alice", `wrong${i}`))));
    for (const { status } of many) assert.ok(status === 401 || status === 503, String(status));
    assert.equal(engine.ingested.length, 1);
    assert.equal(engine.slotsInUse, 0);
    assert.equal((await write(basic("alice", "s3cret"))).status, 204);
  });

  test(`${transport}: HTTPS with the configured certificate, and headers on every answer`, async (t) => {
    const answerHeaders = ["X-Frame-Options", "deny"];
    const { port, url } = await startFrontEnd(t, { transport, tls: TLS, answerHeaders });
    const { status, protocol } = await getTls(port, {});
    assert.deepEqual([status, protocol], [200, "TLSv1.3"]);
    await assert.rejects(fetch(`${url}/-/healthy`), "plain HTTP is not answered");
    await assert.rejects(getTls(port, { ca: pem("other-client.pem") }), "the client checks the certificate");
    const plain = await startFrontEnd(t, { transport, answerHeaders });
    for (const path of ["/-/healthy", "/nothing", "/api/v1/query"]) {
      assert.equal((await fetch(plain.url + path)).headers.get("x-frame-options"), "deny");
    }
  });
}

test("client certificates and bounds of the TLS version are node's, and auto finds that out", async (t: TestContext) => {
  const tls: TlsFiles = { ...TLS, clientAuth: "RequireAndVerifyClientCert", clientCaPem: pem("ca.pem") };
  const { port, frontEnd } = await startFrontEnd(t, { transport: "auto", tls });
  assert.equal(frontEnd.listener.transport, "node");
  const client = { cert: pem("client.pem"), key: pem("client-key.pem") };
  assert.equal((await getTls(port, client)).status, 200);
  assert.equal((await getTls(port, { ...client, minVersion: "TLSv1.3" })).protocol, "TLSv1.3");
  await assert.rejects(getTls(port, {}), "no certificate");
  const other = { cert: pem("other-client.pem"), key: pem("other-client-key.pem") };
  await assert.rejects(getTls(port, other), "a certificate of another authority");
  await assert.rejects(startFrontEnd(t, { transport: "uws", tls }), ListenError);
  const strict = await startFrontEnd(t, { transport: "auto", tls: { ...TLS, versionMin: "TLSv1.3" } });
  await assert.rejects(getTls(strict.port, { maxVersion: "TLSv1.2" }));
  assert.equal((await getTls(strict.port, {})).status, 200);
});
