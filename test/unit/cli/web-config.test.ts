import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import { readWebConfig } from "../../../dist/cli/web-config.js";

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
  const config = readWebConfig(join(dir, "web.yml"));
  assert.deepEqual(config.tls, {
    certFile: join(dir, "server.crt"),
    keyFile: join(dir, "server.key"),
    certPem: "CERT",
    keyPem: "KEY",
    clientCaPem: "CA",
    clientAuth: "RequireAndVerifyClientCert",
    versionMin: "TLSv1.3",
    versionMax: "TLSv1.3",
  });
  assert.deepEqual(
    [...config.users],
    [
      ["alice", HASH],
      ["bob", HASH],
    ],
  );
  assert.deepEqual(config.answerHeaders, ["X-Frame-Options", "deny"]);
});

test("an empty file asks for nothing", (t) => {
  const dir = folder(t, { "web.yml": "" });
  const { tls, users, answerHeaders } = readWebConfig(join(dir, "web.yml"));
  assert.deepEqual([tls, users.size, answerHeaders], [null, 0, []]);
});

test("what is not understood is refused by name, and secrets are not repeated", (t) => {
  for (const [text, message] of [
    ["tls_config: {}", /"tls_config" is not known/],
    ["tls_server_config: {cert_file: a}", /a/],
    ["tls_server_config: {cert_file: web.yml, key_file: absent}", /ENOENT/],
    [
      "tls_server_config: {cert_file: web.yml, key_file: web.yml, cipher_suites: [x]}",
      /"cipher_suites" is not known/,
    ],
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
      () => readWebConfig(join(dir, "web.yml")),
      (error: Error) => {
        assert.ok(error instanceof RefusalError);
        assert.match(error.message, /^--web\.config\.file: /);
        assert.match(error.message, message, text);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  }
  assert.throws(() => readWebConfig("/nowhere/web.yml"), RefusalError);
});
