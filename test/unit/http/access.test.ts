/** The rules that the table of routes does not show: the admin API, limits, the cost of a wrong password. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { MetricRegistry } from "../../../dist/base/self-metrics.js";
import { Access, type Refusal } from "../../../dist/http/access.js";
import { CredentialCheck } from "../../../dist/http/credential-check.js";
import type { Exchange } from "../../../dist/http/transport.js";
import { OPEN_SETTINGS, scopeSet, type WebSettings } from "../../../dist/http/web-settings.js";
import type { PasswordPool, PasswordTask } from "../../../dist/workers/password-pool.js";
import { FakeClock } from "../../support/fake-clock.js";
import { basic, startFrontEnd, TRANSPORTS } from "../../support/front-end.js";

const ADMIN = { scope: "admin" } as const;

function exchange(headers: Readonly<Record<string, string>>): Exchange {
  return { caller: "", header: (name: string) => headers[name] ?? "" } as unknown as Exchange;
}

function openAccess(web: Partial<WebSettings>, rules = { loopback: true, adminApi: false }) {
  const access = new Access({ ...OPEN_SETTINGS, ...web }, rules, new FakeClock(0), new MetricRegistry());
  return (headers: Readonly<Record<string, string>>, route: Parameters<Access["admit"]>[1] = ADMIN) =>
    access.admit(exchange(headers), route) as Refusal | null;
}

test("without credentials the admin API is for programs on this machine", () => {
  const ask = openAccess({});
  const local = [
    {},
    { host: "localhost:9090" },
    { host: "127.0.0.1:9090" },
    { host: "[::1]:9090" },
    { host: "127.0.0.1:9090", origin: "http://127.0.0.1:9090", "sec-fetch-site": "same-origin" },
    { host: "localhost", "sec-fetch-site": "none" },
  ];
  for (const headers of local) assert.equal(ask(headers), null, JSON.stringify(headers));
  const remote = [
    { host: "localhost", "x-forwarded-for": "127.0.0.1" },
    { host: "localhost", forwarded: "for=127.0.0.1" },
    { host: "localhost", "x-real-ip": "127.0.0.1" },
    { host: "localhost", via: "1.1 proxy" },
    { host: "varve.example.com" },
    { host: "localhost.example.com:9090" },
    { host: "127.0.0.1.example.com" },
    { host: "127.0.0.1:9090", origin: "http://evil.example" },
    { host: "127.0.0.1:9090", origin: "http://127.0.0.1:3000" },
    { host: "127.0.0.1:9090", origin: "null" },
    { host: "127.0.0.1:9090", "sec-fetch-site": "cross-site" },
  ];
  for (const headers of remote) {
    const refused = ask(headers);
    assert.deepEqual(
      [refused?.status, refused?.message, refused?.envelope],
      [503, "admin APIs disabled", true],
    );
  }
  assert.equal(openAccess({}, { loopback: false, adminApi: false })({ host: "localhost" })?.status, 503);
  assert.equal(openAccess({}, { loopback: false, adminApi: true })({ "x-forwarded-for": "1.2.3.4" }), null);
});

test("a flag or a loopback address does not replace credentials where there are some", () => {
  const hash = hashSync("x", 4);
  const users = new Map([["reader", { hash, scopes: scopeSet(["read"]) }]]);
  const ask = openAccess(
    { credentials: { users, tokens: [], anonymous: null } },
    { loopback: true, adminApi: true },
  );
  assert.equal(ask({ host: "localhost" })?.status, 401);
});

test("what requests without credentials may do can be less than everything, and certificates count as some", () => {
  const anonymous = scopeSet(["read"]);
  const ask = openAccess({ credentials: { users: new Map(), tokens: [], anonymous } });
  assert.equal(ask({}, { scope: "read" }), null);
  assert.equal(ask({}, { scope: "write" })?.status, 403);
  const tls = { clientAuth: "RequireAndVerifyClientCert" } as WebSettings["tls"];
  assert.equal(openAccess({ tls }, { loopback: false, adminApi: false })({}), null);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: the whole admin API is closed to what came through a proxy`, async (t) => {
    const { url, frontEnd } = await startFrontEnd(t, { transport });
    const admin = frontEnd.routes.filter(({ scope }) => scope === "admin");
    assert.ok(admin.length > 0);
    for (const { path, methods, lifecycle } of admin) {
      for (const method of methods) {
        if (method === "GET" || method === "HEAD") continue;
        const answer = await fetch(url + path, { method, headers: { "X-Forwarded-For": "127.0.0.1" } });
        assert.equal(answer.status, lifecycle === true ? 403 : 503, path);
      }
    }
  });

  test(`${transport}: reload and quit are switched on by a flag, with Prometheus' words`, async (t) => {
    const off = await startFrontEnd(t, { transport });
    const ask = async (url: string, method: string) => {
      const answer = await fetch(url, { method });
      return [answer.status, await answer.text()];
    };
    assert.deepEqual(await ask(`${off.url}/-/reload`, "POST"), [403, "Lifecycle API is not enabled."]);
    assert.deepEqual(await ask(`${off.url}/-/quit`, "PUT"), [403, "Lifecycle API is not enabled."]);
    assert.deepEqual(await ask(`${off.url}/-/quit`, "GET"), [405, "Only POST or PUT requests allowed"]);
    const { reloads } = off;
    let quits = 0;
    const lifecycle = { enabled: true, reloads, quit: () => quits++ === 0 };
    const { url } = await startFrontEnd(t, { transport, lifecycle });
    let reloaded = 0;
    reloads.add("counted", () => void reloaded++);
    assert.deepEqual(await ask(`${url}/-/reload`, "POST"), [200, ""]);
    assert.equal(reloaded, 1);
    reloads.add("broken", () => {
      throw new Error("line 3 is wrong");
    });
    assert.deepEqual(await ask(`${url}/-/reload`, "PUT"), [
      500,
      "failed to reload config: line 3 is wrong\n",
    ]);
    assert.equal(reloaded, 2, "one that fails does not keep the others");
    assert.match(await (await fetch(`${url}/metrics`)).text(), /^varve_config_last_reload_successful 0$/m);
    assert.deepEqual(await ask(`${url}/-/quit`, "POST"), [200, "Requesting termination... Goodbye!"]);
    assert.deepEqual(await ask(`${url}/-/quit`, "POST"), [200, "Termination already in progress."]);
  });

  test(`${transport}: a request has one name in its answer: its sender's, if it can be used`, async (t) => {
    const { url } = await startFrontEnd(t, { transport });
    const idOf = async (sent: string | null, path = "/-/healthy", init: RequestInit = {}) => {
      const headers = sent === null ? {} : { "X-Request-Id": sent };
      const answer = await fetch(url + path, { ...init, headers });
      await answer.arrayBuffer();
      return answer.headers.get("x-request-id");
    };
    assert.equal(await idOf("7f3a-b.c:d/e+f=@"), "7f3a-b.c:d/e+f=@");
    const made = [await idOf(null), await idOf('forged" level=error'), await idOf("x".repeat(129))];
    for (const id of made) assert.match(id ?? "", /^[0-9a-z]+-[0-9a-z]+$/);
    assert.equal(new Set(made).size, 3);
    assert.equal(await idOf("mine", "/nothing"), "mine");
    const write = { method: "POST", body: Uint8Array.of(1) };
    assert.equal(await idOf("mine", "/write", write), "mine");
    assert.equal(await idOf(null, "/write", write), null, "a write that is stored needs no name");
    assert.notEqual(await idOf(null, "/write", { method: "PUT", body: "x" }), null);
  });
}

test("users that do not exist cost what those cost who do, however dear their hashes are", async () => {
  const users = new Map([
    ["cheap", { hash: hashSync("a", 4), scopes: 15 }],
    ["dear", { hash: hashSync("b", 6), scopes: 15 }],
    ["dear too", { hash: hashSync("c", 6), scopes: 15 }],
  ]);
  const tasks: PasswordTask[] = [];
  const pool = {
    verify: async (task: PasswordTask) => tasks.push(task) < 0,
  } as unknown as PasswordPool;
  const check = new CredentialCheck({ users, tokens: [], anonymous: null }, pool);
  const asked = ["cheap", "dear", "dear too", "nobody", ""];
  for (const user of asked) await check.identify(basic(user, "x").Authorization);
  assert.equal(tasks.length, asked.length, "one task each");
  for (const { hashes } of tasks) {
    assert.deepEqual(
      hashes.map((hash) => hash.slice(4, 6)),
      ["04", "06"],
    );
  }
  assert.deepEqual(
    tasks.map(({ hashes, own }) => hashes[own]),
    asked.map((user) => users.get(user)?.hash),
  );
});
