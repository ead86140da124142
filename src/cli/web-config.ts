import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { RefusalError } from "../base/errors.js";
import type { TlsFiles } from "../http/transport.js";

/** What `--web.config.file` says, in the schema of Prometheus' exporter-toolkit. */
export interface WebConfig {
  readonly tls: TlsFiles | null;
  /** User name to bcrypt hash; empty: no authentication. */
  readonly users: ReadonlyMap<string, string>;
  /** Headers of every answer, flat. */
  readonly answerHeaders: readonly string[];
}

const CLIENT_AUTH: Readonly<Record<string, TlsFiles["clientAuth"]>> = {
  NoClientCert: "",
  VerifyClientCertIfGiven: "VerifyClientCertIfGiven",
  RequireAndVerifyClientCert: "RequireAndVerifyClientCert",
};
const VERSIONS: Readonly<Record<string, TlsFiles["versionMin"]>> = { TLS12: "TLSv1.2", TLS13: "TLSv1.3" };
const HEADERS: readonly string[] = [
  "Content-Security-Policy",
  "X-Frame-Options",
  "X-Content-Type-Options",
  "X-XSS-Protection",
  "Strict-Transport-Security",
];
const BCRYPT = /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the file. Files that it names are relative to its folder. Throws RefusalError("bad_data") naming the key
 * that is wrong: a setting that is not understood must not be taken for security that is there.
 */
export function readWebConfig(path: string): WebConfig {
  const top = section(load(path), path, ["tls_server_config", "http_server_config", "basic_auth_users"]);
  const http = section(top["http_server_config"], "http_server_config", ["http2", "headers"]);
  const headers = section(http["headers"], "http_server_config.headers", HEADERS);
  return {
    tls: readTls(top["tls_server_config"], dirname(path)),
    users: readUsers(top["basic_auth_users"]),
    answerHeaders: Object.keys(headers).flatMap((name) => [name, text(headers, name)]),
  };
}

function load(path: string): unknown {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    throw refuse(`${path}: ${(error as Error).message}`);
  }
  try {
    return parse(source);
  } catch (error) {
    throw refuse(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function readTls(value: unknown, folder: string): TlsFiles | null {
  if (value === undefined || value === null) return null;
  const tls = section(value, "tls_server_config", [
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "min_version",
    "max_version",
  ]);
  const certFile = resolve(folder, text(tls, "cert_file"));
  const keyFile = resolve(folder, text(tls, "key_file"));
  const auth = tls["client_auth_type"] === undefined ? "NoClientCert" : text(tls, "client_auth_type");
  const clientAuth = CLIENT_AUTH[auth];
  if (clientAuth === undefined) {
    throw refuse(`client_auth_type ${auth} is none of ${Object.keys(CLIENT_AUTH).join(", ")}`);
  }
  const caFile = tls["client_ca_file"] === undefined ? "" : resolve(folder, text(tls, "client_ca_file"));
  if (clientAuth !== "" && caFile === "") throw refuse("client_auth_type needs client_ca_file");
  return {
    certFile,
    keyFile,
    certPem: readPem(certFile),
    keyPem: readPem(keyFile),
    clientCaPem: caFile === "" ? "" : readPem(caFile),
    clientAuth,
    versionMin: version(tls, "min_version", "TLS12"),
    versionMax: version(tls, "max_version", "TLS13"),
  };
}

function version(tls: Fields, name: string, otherwise: string): TlsFiles["versionMin"] {
  const known = VERSIONS[tls[name] === undefined ? otherwise : text(tls, name)];
  if (known === undefined) throw refuse(`${name} is none of ${Object.keys(VERSIONS).join(", ")}`);
  return known;
}

function readUsers(value: unknown): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [name, hash] of Object.entries(section(value, "basic_auth_users", null))) {
    // The hash is a secret: it is not repeated in the message.
    if (typeof hash !== "string" || !BCRYPT.test(hash)) {
      throw refuse(`basic_auth_users: the password of ${JSON.stringify(name)} is not a bcrypt hash`);
    }
    users.set(name, hash);
  }
  return users;
}

/** A mapping with no other keys than `keys` (null: any). */
function section(value: unknown, name: string, keys: readonly string[] | null): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw refuse(`${name} is not a mapping`);
  const unknown = keys === null ? undefined : Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw refuse(`${name}: ${JSON.stringify(unknown)} is not known`);
  return value as Fields;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw refuse(`${name} is missing or not a text`);
  return value;
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

function refuse(message: string): RefusalError {
  return new RefusalError("bad_data", `--web.config.file: ${message}`);
}
