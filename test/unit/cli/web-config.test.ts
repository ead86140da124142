import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import { readWebConfig } from "../../../dist/cli/web-config.js";
import { OPEN_SETTINGS } from "../../../dist/http/web-settings.js";

const HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "varve-web-config-"));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

test("Prometheus' own example is understood", (t) => {
  const dir = folder(t, {
    "web.yml": [
      "tls_server_config:",
      "  cert_file: server.crt",
      "  key_file: server.key",
      "  client_auth_type: RequireAndVerifyClientCert",
      "  client_ca_file: ca.crt",
      "  min_version: TLS13",
      "http_server_config:",
      "  http2: true",
      "  headers:",
      "    X-Frame-Options: deny",
      "basic_auth_users:",
      `  alice: ${HASH}`,
      `  bob: ${HASH}`,
    ].join("\n"),
    "server.crt": "CERT",
    "server.key": "KEY",
    "ca.crt": "CA",
  });
  const config = readWebConfig(join(dir, "web.yml"), []);
  assert.deepEqual(config.tls, {
    certFile: join(dir, "server.crt"),
    keyFile: join(dir, "server.key"),
    certPem: "CERT",
    keyPem: "KEY",
    clientCaPem: "CA",
    clientAuth: "RequireAndVerifyClientCert",
    versionMin: "TLSv1.3",
    versionMax: "TLSv1.3",
    ciphers: "",
    preferServerCiphers: true,
    curves: "",
    allowedSans: [],
  });
  assert.deepEqual(
    [...config.credentials.users],
    [
      ["alice", { hash: HASH, scopes: 15 }],
      ["bob", { hash: HASH, scopes: 15 }],
    ],
  );
  assert.deepEqual(config.answerHeaders, ["X-Frame-Options", "deny"]);
});

test("an empty file asks for nothing", (t) => {
  const dir = folder(t, { "web.yml": "" });
  assert.deepEqual(readWebConfig(join(dir, "web.yml"), []), OPEN_SETTINGS);
});

test("the rest of Prometheus' schema, and users and tokens with scopes", (t) => {
  const secret = "correct horse battery staple";
  const digest = createHash("sha256").update(secret).digest();
  const dir = folder(t, {
    "web.yml": [
      "tls_server_config:",
      "  cert: CERT",
      "  key: KEY",
      "  client_ca: CA",
      "  client_auth_type: VerifyClientCertIfGiven",
      "  client_allowed_sans: [a.test, b.test]",
      "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]",
      "  prefer_server_cipher_suites: false",
      "  curve_preferences: [X25519, CurveP256]",
      "rate_limit: {interval: 500us, burst: 20}",
      "basic_auth_users:",
      `  alice: ${HASH}`,
      `  bob: ${HASH}`,
      "varve_access:",
      "  users: {bob: [read]}",
      "  anonymous: [open]",
      "  tokens:",
      `    - {name: k6, sha256: ${digest.toString("hex")}, scopes: [write]}`,
      "    - {name: grafana, file: grafana.token, scopes: [read, admin]}",
    ].join("\n"),
    "grafana.token": `${secret}\n`,
  });
  const files: string[] = [];
  const { tls, credentials, rateLimit } = readWebConfig(join(dir, "web.yml"), files);
  assert.deepEqual(files, [join(dir, "web.yml"), join(dir, "grafana.token")]);
  assert.deepEqual(tls, {
    certFile: "",
    keyFile: "",
    certPem: "CERT",
    keyPem: "KEY",
    clientCaPem: "CA",
    clientAuth: "VerifyClientCertIfGiven",
    versionMin: "TLSv1.2",
    versionMax: "TLSv1.3",
    ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
    preferServerCiphers: false,
    curves: "X25519:P-256",
    allowedSans: ["a.test", "b.test"],
  });
  assert.deepEqual(rateLimit, { intervalMs: 0.5, burst: 20 });
  assert.deepEqual(
    [...credentials.users.values()].map(({ scopes }) => scopes),
    [15, 3],
  );
  assert.equal(credentials.anonymous, 1);
  assert.deepEqual(
    credentials.tokens.map(({ name, digest: hash, scopes }) => [name, Buffer.from(hash), scopes]),
    [
      ["k6", digest, 5],
      ["grafana", digest, 11],
    ],
  );
});

test("what is not understood is refused by name, and secrets are not repeated", (t) => {
  for (const [text, message] of [
    ["tls_config: {}", /"tls_config" is not known/],
    ["tls_server_config: {cert_file: a}", /a/],
    ["tls_server_config: {cert_file: web.yml, key_file: web.yml, min_version: toString}", /min_version/],
    ["tls_server_config: {cert_file: web.yml, key_file: absent}", /ENOENT/],
    [
      "tls_server_config: {cert_file: web.yml, key_file: web.yml, cipher_suites: [x]}",
      /cipher_suites x is none of/,
    ],
    ["tls_server_config: {cert_file: web.yml}", /missing one of key or key_file/],
    ["tls_server_config: {cert_file: web.yml, cert: a, key: b}", /both cert and cert_file/],
    ["tls_server_config: {cert: a, key: b, client_ca: c}", /without a client_auth_type/],
    ["tls_server_config: {cert: a, key: b, client_allowed_sans: [c]}", /without a client_auth_type/],
    ["http_server_config: {headers: {X-Frame-Options: maybe}}", /deny, sameorigin/],
    ["rate_limit: {interval: 1s}", /rate_limit\.burst/],
    ["rate_limit: {interval: soon, burst: 1}", /rate_limit\.interval/],
    ["varve_access: {users: {alice: [read]}}", /"alice" has no password/],
    [`{basic_auth_users: {alice: ${HASH}}, varve_access: {users: {alice: [all]}}}`, /"all" is none of/],
    ["varve_access: {tokens: [{name: a, sha256: hunter2, scopes: [read]}]}", /sha256 of "a" is not/],
    ["varve_access: {tokens: [{name: a, scopes: [read]}]}", /"a" needs sha256 or file/],
    ["varve_access: {tokens: [{name: a, file: absent, scopes: [read]}]}", /ENOENT/],
    ["varve_access: {tokens: {}}", /not a list/],
    [
      "tls_server_config: {cert_file: web.yml, key_file: web.yml, client_auth_type: RequestClientCert}",
      /is none of/,
    ],
    [
      "tls_server_config: {cert_file: web.yml, key_file: web.yml, client_auth_type: RequireAndVerifyClientCert}",
      /client_ca_file/,
    ],
    ["tls_server_config: {cert_file: web.yml, key_file: web.yml, min_version: TLS10}", /min_version/],
    ["http_server_config: {headers: {X-Other: a}}", /"X-Other" is not known/],
    ["basic_auth_users: {alice: hunter2}", /password of "alice" is not a bcrypt hash/],
    ["basic_auth_users: [alice]", /not a mapping/],
    ["a: [", /./],
  ] as const) {
    const dir = folder(t, { "web.yml": text });
    assert.throws(
      () => readWebConfig(join(dir, "web.yml"), []),
      (error: Error) => {
        assert.ok(error instanceof RefusalError);
        assert.match(error.message, /^--web\.config\.file: /);
        assert.match(error.message, message, text);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  }
  assert.throws(() => readWebConfig("/nowhere/web.yml", []), RefusalError);
});
