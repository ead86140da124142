/** k6 with each of the ways in which it can say who it is, into a server that wants to know. */
import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hashSync } from "bcryptjs";
import { startLoadTarget } from "../support/load-target.js";
import { peerOrSkip, startPeer } from "../support/peers.js";
import { freePort, TestServer } from "../support/server.js";
import { clientTls, getTls, tlsFile } from "../support/tls.js";

const SCRIPT = fileURLToPath(new URL("../../data/k6/checkout.js", import.meta.url));
const WRITER = "writer-token";
const READER = { Authorization: "Bearer reader-token" };
const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

/** TLS 1.3, a client certificate, and one of: a user who may write, tokens to write or to read. */
const WEB_CONFIG = [
  "tls_server_config:",
  `  cert_file: ${tlsFile("server.pem")}`,
  `  key_file: ${tlsFile("server-key.pem")}`,
  "  client_auth_type: RequireAndVerifyClientCert",
  `  client_ca_file: ${tlsFile("ca.pem")}`,
  "  min_version: TLS13",
  "basic_auth_users:",
  `  k6: ${hashSync("k6-password", 6)}`,
  "varve_access:",
  "  users: {k6: [write]}",
  "  tokens:",
  `    - {name: writer, sha256: ${sha256(WRITER)}, scopes: [write]}`,
  `    - {name: reader, sha256: ${sha256("reader-token")}, scopes: [read]}`,
].join("\n");

async function startSecureServer(t: TestContext): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "varve-secure-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "web.yml");
  writeFileSync(config, WEB_CONFIG);
  const flags = [`--web.config.file=${config}`, "--log.level=debug"];
  const server = new TestServer(await freePort(), join(folder, "data"), { flags });
  server.launch();
  t.after(() => server.kill());
  for (let i = 0; i < 400; i++) {
    const answer = await getTls(server.port, {
      path: "/-/ready",
      headers: READER,
      ...clientTls("client"),
    }).catch(() => null);
    if (answer?.status === 200) return server;
    await sleep(50);
  }
  throw new Error(server.output());
}

/** Runs k6 for a few seconds and counts its series; the output says what it complained of. */
async function runK6(
  t: TestContext,
  k6: string,
  server: TestServer,
  testid: string,
  env: Readonly<Record<string, string>>,
): Promise<{ series: number; output: string }> {
  const target = await startLoadTarget(t);
  const args = ["run", "-q", "-o", "experimental-prometheus-rw", "--tag", `testid=${testid}`, SCRIPT];
  const run = startPeer(t, k6, args, {
    K6_NO_USAGE_REPORT: "true",
    K6_PROMETHEUS_RW_SERVER_URL: `https://localhost:${server.port}/api/v1/write`,
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "1s",
    K6_PROMETHEUS_RW_CLIENT_CERTIFICATE: tlsFile("client.pem"),
    K6_PROMETHEUS_RW_CLIENT_CERTIFICATE_KEY: tlsFile("client-key.pem"),
    SSL_CERT_FILE: tlsFile("ca.pem"),
    TARGET: target,
    DURATION: "3s",
    ...env,
  });
  assert.equal(await run.exited, 0, run.output());
  const query = new URLSearchParams({ query: `count(last_over_time({testid="${testid}"}[5m]))` });
  const path = `/api/v1/query?${query}`;
  const { status, text } = await getTls(server.port, { path, headers: READER, ...clientTls("client") });
  assert.equal(status, 200, text);
  const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
  return { series: Number(data.result[0]?.value[1] ?? 0), output: run.output() };
}

test("k6 writes with a client certificate over TLS 1.3 and a token, a password or a header", async (t) => {
  const k6 = peerOrSkip(t, "k6");
  if (k6 === null) return;
  const server = await startSecureServer(t);
  const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    bearer: { K6_PROMETHEUS_RW_BEARER_TOKEN: WRITER, K6_PROMETHEUS_RW_TLS_MINIMUM_VERSION: "1.3" },
    basic: { K6_PROMETHEUS_RW_USERNAME: "k6", K6_PROMETHEUS_RW_PASSWORD: "k6-password" },
    header: { K6_PROMETHEUS_RW_HTTP_HEADERS: `Authorization:Bearer ${WRITER},X-Request-Id:run-7` },
  };
  for (const [testid, env] of Object.entries(ways)) {
    const { series, output } = await runK6(t, k6, server, testid, env);
    assert.ok(series > 20, `${testid}: ${series} series\n${output}`);
    assert.doesNotMatch(output, /level=(error|warning)/, testid);
  }
  const refused: Readonly<Record<string, [Readonly<Record<string, string>>, RegExp]>> = {
    "wrong-token": [
      {
        K6_PROMETHEUS_RW_BEARER_TOKEN: "another-token",
        K6_PROMETHEUS_RW_HTTP_HEADERS: "X-Request-Id:run-8",
      },
      /401/,
    ],
    "other-scope": [{ K6_PROMETHEUS_RW_BEARER_TOKEN: "reader-token" }, /403/],
    "wrong-password": [{ K6_PROMETHEUS_RW_USERNAME: "k6", K6_PROMETHEUS_RW_PASSWORD: "guess" }, /401/],
    "other-authority": [
      {
        ...ways["bearer"],
        K6_PROMETHEUS_RW_CLIENT_CERTIFICATE: tlsFile("other-client.pem"),
        K6_PROMETHEUS_RW_CLIENT_CERTIFICATE_KEY: tlsFile("other-client-key.pem"),
      },
      /tls|certificate|connection reset|EOF/i,
    ],
    expired: [
      {
        ...ways["bearer"],
        K6_PROMETHEUS_RW_CLIENT_CERTIFICATE: tlsFile("expired-client.pem"),
        K6_PROMETHEUS_RW_CLIENT_CERTIFICATE_KEY: tlsFile("expired-client-key.pem"),
      },
      /tls|certificate|connection reset|EOF/i,
    ],
  };
  for (const [testid, [env, complaint]] of Object.entries(refused)) {
    const { series, output } = await runK6(t, k6, server, testid, env);
    assert.equal(series, 0, testid);
    assert.match(output, complaint, testid);
  }
  assert.match(server.output(), /request not let through.*requestId=run-8/);
  assert.doesNotMatch(server.output(), /-token|k6-password|guess|\$2[aby]\$/);
  assert.equal(await server.stop(), 0);
});
