/** Every route of the table against every kind of caller. */
import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { hashSync } from "bcryptjs";
import type { AnyRoute, Scope } from "../../../dist/http/router.js";
import { ListenError } from "../../../dist/http/transport.js";
import { type Credentials, SCOPE_BITS, scopeSet } from "../../../dist/http/web-settings.js";
import { basic, startFrontEnd, type TestFrontEnd, TRANSPORTS, usersOf } from "../../support/front-end.js";
import { clientTls, getTls, pem, serverTls } from "../../support/tls.js";

const SCOPES: readonly Scope[] = ["read", "write", "admin"];
const BODY = { method: "POST", body: Uint8Array.of(1, 2, 3) };
const USERS = usersOf({ alice: "s3cret", bob: "pä:ss" });
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** A user and a token for each scope alone, for all of them and for nothing. */
function scopedCredentials(anonymous: Credentials["anonymous"] = null): Credentials {
  const sets = [...SCOPES.map((scope) => [scope]), [...SCOPES], []];
  const named = sets.map((scopes) => ({ name: scopes.join("+") || "nothing", scopes: scopeSet(scopes) }));
  return {
    users: new Map(named.map(({ name, scopes }) => [name, { hash: hashSync(`${name}-pw`, 4), scopes }])),
    tokens: named.map(({ name, scopes }) => ({
      name,
      digest: createHash("sha256").update(`${name}-token`).digest(),
      scopes,
    })),
    anonymous,
  };
}

interface Caller {
  readonly name: string;
  readonly headers: Record<string, string>;
  /** Null: nobody who is known. */
  readonly scopes: number | null;
}

function callersOf({ users, tokens }: Credentials): Caller[] {
  const known = [...users].flatMap(([name, { scopes }]) => [
    { name: `user ${name}`, headers: basic(name, `${name}-pw`), scopes },
    { name: `user ${name}, wrong password`, headers: basic(name, `${name}-wrong`), scopes: null },
    { name: `user ${name}, token as password`, headers: basic(name, `${name}-token`), scopes: null },
  ]);
  const bearers = tokens.map(({ name, scopes }) => ({
    name: `token ${name}`,
    headers: bearer(`${name}-token`),
    scopes,
  }));
  const strangers = [
    {},
    basic("nobody", "read-pw"),
    basic("", ""),
    basic("read", ""),
    bearer(""),
    bearer("read-pw"),
    bearer(createHash("sha256").update("read-token").digest("hex")),
    { Authorization: "Basic !!!" },
    { Authorization: `Digest ${Buffer.from("read:read-pw").toString("base64")}` },
    { Authorization: "read-token" },
  ].map((headers) => ({ name: JSON.stringify(headers), headers, scopes: null }));
  return [...known, ...bearers, ...strangers] as Caller[];
}

const pathOf = (route: AnyRoute): string => route.path.replace(/\{\w+\}/, "job");

/** Whether `route` lets a request through, by each of its methods; 401 and 403 say it does not. */
async function statuses(url: string, route: AnyRoute, headers: Record<string, string>): Promise<number[]> {
  const answers = route.methods.map(async (method) => {
    const body = method === "GET" || method === "HEAD" ? {} : { body: BODY.body };
    const answer = await fetch(url + pathOf(route), { method, headers, ...body });
    await answer.arrayBuffer();
    if (answer.status === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /realm="varve"/);
    return answer.status;
  });
  return Promise.all(answers);
}

async function checkTable(t: TestContext, front: TestFrontEnd, credentials: Credentials): Promise<void> {
  const { url, frontEnd } = front;
  let answers = 0;
  for (const caller of callersOf(credentials)) {
    // Known at once from here on, so that no answer is "too many passwords".
    await (await fetch(url, { headers: caller.headers })).arrayBuffer();
    for (const route of frontEnd.routes) {
      const scopes =
        caller.scopes ?? (caller.headers["Authorization"] === undefined ? credentials.anonymous : null);
      const allowed = ((scopes ?? 0) & SCOPE_BITS[route.scope]) !== 0;
      for (const status of await statuses(url, route, caller.headers)) {
        answers++;
        const what = `${caller.name} at ${route.path} (${route.scope}): ${status}`;
        if (allowed) assert.ok(status !== 401 && status !== 403, what);
        else assert.equal(status, caller.scopes === null ? 401 : 403, what);
      }
    }
  }
  t.diagnostic(`${answers} answers of ${frontEnd.routes.length} routes`);
}

for (const transport of TRANSPORTS) {
  test(`${transport}: every route answers those alone who have its scope`, async (t) => {
    const credentials = scopedCredentials();
    const front = await startFrontEnd(t, { transport, web: { credentials } });
    // `enabled` is off: where it is on, the routes below answer 200 and not 403.
    const lifecycle = { enabled: true, reloads: front.reloads, quit: () => true };
    const open = await startFrontEnd(t, { transport, web: { credentials }, lifecycle });
    await checkTable(t, open, credentials);
    assert.equal(open.engine.slotsInUse, 0);
    const { url } = open;
    assert.equal((await fetch(`${url}/nothing`)).status, 401);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "DELETE" })).status, 401);
    const headers = basic("read", "read-pw");
    assert.equal((await fetch(`${url}/nothing`, { headers })).status, 404);
    assert.equal((await fetch(`${url}/api/v1/query`, { method: "OPTIONS" })).status, 204);
  });

  test(`${transport}: what nobody in particular may do is what the settings say`, async (t) => {
    const credentials = scopedCredentials(scopeSet(["open"]));
    const front = await startFrontEnd(t, {
      transport,
      web: { credentials },
      lifecycle: { enabled: true, reloads: (await startFrontEnd(t, {})).reloads, quit: () => true },
    });
    await checkTable(t, front, credentials);
    assert.equal((await fetch(`${front.url}/-/ready`)).status, 200);
    assert.equal((await fetch(`${front.url}/metrics`)).status, 401);
  });

  test(`${transport}: users of Prometheus' file may do everything, whatever their names hold`, async (t) => {
    const { url } = await startFrontEnd(t, { transport, web: USERS });
    const lower = { Authorization: basic("bob", "pä:ss").Authorization.replace("Basic", "basic") };
    for (const headers of [basic("alice", "s3cret"), basic("bob", "pä:ss"), lower]) {
      assert.equal((await fetch(`${url}/metrics`, { headers })).status, 200);
      assert.equal((await fetch(`${url}/api/v1/write`, { ...BODY, headers })).status, 204);
      assert.equal((await fetch(`${url}/-/quit`, { method: "POST", headers })).status, 403);
    }
    assert.equal((await fetch(`${url}/metrics`, { headers: basic("bob", "pä") })).status, 401);
  });

  test(`${transport}: nothing is stored before the password is known to be right`, async (t) => {
    const { url, engine } = await startFrontEnd(t, { transport, web: USERS });
    const write = (headers: Record<string, string>) => fetch(`${url}/api/v1/write`, { ...BODY, headers });
    const refused = await write(basic("alice", "wrong"));
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get("x-request-id") ?? "", /./);
    assert.equal(engine.ingested.length, 0);
    assert.equal((await write(basic("alice", "s3cret"))).status, 204);
    assert.equal(engine.ingested.length, 1);
    const many = await Promise.all(Array.from({ length: 60 }, (_, i) => write(basic("alice", `wrong${i}`))));
    for (const { status, headers } of many) {
      assert.ok(status === 401 || (status === 503 && headers.get("retry-after") === "1"), String(status));
    }
    assert.equal(engine.ingested.length, 1);
    assert.equal(engine.slotsInUse, 0);
    assert.equal((await write(basic("alice", "s3cret"))).status, 204);
  });

  test(`${transport}: other users, headers and limits hold from the reload on`, async (t) => {
    const { url, frontEnd } = await startFrontEnd(t, { transport, web: USERS });
    const ask = async (headers: Record<string, string>) => fetch(`${url}/-/healthy`, { headers });
    assert.equal((await ask(basic("alice", "s3cret"))).status, 200);
    const web = { tls: null, rateLimit: null, answerHeaders: ["X-Frame-Options", "deny"] };
    const carol = usersOf({ carol: "n3w" }).credentials;
    assert.ok(carol !== undefined);
    frontEnd.reload({ ...web, credentials: carol });
    assert.equal((await ask(basic("alice", "s3cret"))).status, 401);
    const answer = await ask(basic("carol", "n3w"));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-frame-options"), "deny");
    frontEnd.reload({ ...web, credentials: carol, rateLimit: { intervalMs: 60_000, burst: 3 } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask(basic("carol", "n3w"))).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    const limited = await fetch(`${url}/api/v1/write`, BODY);
    assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "1"]);
  });

  test(`${transport}: HTTPS with the configured certificate, and with the next one without another start`, async (t) => {
    const answerHeaders = ["X-Frame-Options", "deny"];
    const web = { tls: serverTls(), answerHeaders };
    const { port, url, frontEnd } = await startFrontEnd(t, { transport, web });
    const before = await getTls(port);
    assert.deepEqual([before.status, before.protocol], [200, "TLSv1.3"]);
    await assert.rejects(fetch(`${url}/-/healthy`), "plain HTTP is not answered");
    await assert.rejects(getTls(port, { ca: pem("other-client.pem") }), "the client checks the certificate");
    const settings = { rateLimit: null, credentials: scopedCredentials(15), answerHeaders };
    frontEnd.reload({ ...settings, tls: serverTls({}, "server-2") });
    const after = await getTls(port);
    assert.notEqual(after.fingerprint, before.fingerprint);
    assert.equal(frontEnd.listener.port, port);
    for (const tls of [null, serverTls({ keyPem: pem("client-key.pem") })]) {
      assert.throws(() => frontEnd.reload({ ...settings, tls }), ListenError);
    }
    assert.equal((await getTls(port)).fingerprint, after.fingerprint, "what failed changed nothing");
    for (let i = 0; i < 5; i++) {
      frontEnd.reload({ ...settings, tls: serverTls({}, i % 2 === 0 ? "server" : "server-2") });
      assert.equal((await getTls(port)).status, 200);
    }
    await sleep(1200);
    assert.equal((await getTls(port)).fingerprint, before.fingerprint);
    const plain = await startFrontEnd(t, { transport, web: { answerHeaders } });
    for (const path of ["/-/healthy", "/nothing", "/api/v1/query"]) {
      assert.equal((await fetch(plain.url + path)).headers.get("x-frame-options"), "deny");
    }
  });
}

test("no route answers a client without the certificate that is asked for", async (t) => {
  const tls = serverTls({
    clientAuth: "RequireAndVerifyClientCert",
    clientCaPem: pem("ca.pem"),
    allowedSans: ["sender.test"],
  });
  const { port, frontEnd, engine } = await startFrontEnd(t, { transport: "auto", web: { tls } });
  assert.equal(frontEnd.listener.transport, "node", "auto finds out that this is node's");
  const strangers = [{}, clientTls("expired-client"), clientTls("other-client"), clientTls("server-2")];
  for (const route of frontEnd.routes) {
    for (const method of route.methods) {
      const options = { path: pathOf(route), method };
      const body = method === "GET" || method === "HEAD" ? undefined : BODY.body;
      const { status } = await getTls(port, { ...options, ...clientTls("client") }, body);
      assert.ok(status !== 401 && (status !== 403 || route.lifecycle === true), `${route.path}: ${status}`);
      for (const stranger of strangers) {
        await assert.rejects(getTls(port, { ...options, ...stranger }, body), route.path);
      }
    }
  }
  assert.equal(engine.slotsInUse, 0);
  await assert.rejects(startFrontEnd(t, { transport: "uws", web: { tls } }), ListenError);
});

test("a certificate that need not be there must be right where it is", async (t) => {
  const tls = serverTls({ clientAuth: "VerifyClientCertIfGiven", clientCaPem: pem("ca.pem") });
  const { port, frontEnd } = await startFrontEnd(t, { transport: "auto", web: { tls } });
  assert.equal((await getTls(port)).status, 200);
  assert.equal((await getTls(port, clientTls("client"))).status, 200);
  for (const name of ["expired-client", "other-client"])
    await assert.rejects(getTls(port, clientTls(name)), name);
  const settings = { rateLimit: null, credentials: scopedCredentials(15), answerHeaders: [] };
  frontEnd.reload({ ...settings, tls: { ...tls, clientAuth: "RequireAndVerifyClientCert" } });
  await assert.rejects(getTls(port), "asked for since the reload");
  assert.equal((await getTls(port, clientTls("client"))).status, 200);
  frontEnd.reload({ ...settings, tls: serverTls() });
  assert.equal((await getTls(port)).status, 200);
});

test("versions, suites and curves are those of the file", async (t) => {
  const start = async (settings: Parameters<typeof serverTls>[0]) =>
    (await startFrontEnd(t, { transport: "auto", web: { tls: serverTls(settings) } })).port;
  const strict = await start({ versionMin: "TLSv1.3" });
  await assert.rejects(getTls(strict, { maxVersion: "TLSv1.2" }));
  assert.equal((await getTls(strict)).status, 200);
  const old = await start({ versionMax: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" });
  assert.deepEqual(
    [(await getTls(old)).protocol, (await getTls(old)).cipher],
    ["TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  );
  const curve = await start({ curves: "P-384" });
  await assert.rejects(getTls(curve, { ecdhCurve: "X25519" }));
  assert.equal((await getTls(curve, { ecdhCurve: "P-384" })).status, 200);
});
