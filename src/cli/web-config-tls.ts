import { resolve } from "node:path";
import type { TlsSettings } from "../http/transport.js";
import { type Fields, flag, readText, refuse, section, textOrEmpty, texts } from "./config-fields.js";

const CLIENT_AUTH: Readonly<Record<string, TlsSettings["clientAuth"]>> = {
  NoClientCert: "",
  VerifyClientCertIfGiven: "VerifyClientCertIfGiven",
  RequireAndVerifyClientCert: "RequireAndVerifyClientCert",
};
const VERSIONS: Readonly<Record<string, TlsSettings["versionMin"]>> = { TLS12: "TLSv1.2", TLS13: "TLSv1.3" };
/** Go's names to OpenSSL's. */
const CURVES: Readonly<Record<string, string>> = {
  CurveP256: "P-256",
  CurveP384: "P-384",
  CurveP521: "P-521",
  X25519: "X25519",
};
/** The suites up to TLS 1.2 that Go calls secure; "" for those of TLS 1.3, which neither of the two configures. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: "",
  TLS_AES_256_GCM_SHA384: "",
  TLS_CHACHA20_POLY1305_SHA256: "",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
};
const KEYS: readonly string[] = [
  ...["cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file"],
  ...["client_auth_type", "client_allowed_sans", "min_version", "max_version"],
  ...["cipher_suites", "prefer_server_cipher_suites", "curve_preferences"],
];

/** `tls_server_config`; files are relative to `folder` and their names are added to `files`. */
export function readTls(value: unknown, folder: string, files: string[]): TlsSettings | null {
  const tls = section(value, "tls_server_config", KEYS);
  if (Object.keys(tls).length === 0) return null;
  const cert = pem(tls, "cert", folder, files);
  const key = pem(tls, "key", folder, files);
  const clientCa = pem(tls, "client_ca", folder, files);
  for (const [name, { pem: found }] of [["cert", cert] as const, ["key", key] as const]) {
    if (found === "") throw refuse(`tls_server_config: missing one of ${name} or ${name}_file`);
  }
  const auth = textOrEmpty(tls, "client_auth_type") || "NoClientCert";
  const clientAuth = oneOf("client_auth_type", auth, CLIENT_AUTH);
  if (clientAuth !== "" && clientCa.pem === "") throw refuse("client_auth_type needs client_ca_file");
  if (clientAuth === "" && clientCa.pem !== "") throw refuse("client_ca_file without a client_auth_type");
  const allowedSans = texts(tls, "client_allowed_sans");
  if (clientAuth === "" && allowedSans.length > 0) {
    throw refuse("client_allowed_sans without a client_auth_type");
  }
  return {
    certFile: cert.file,
    keyFile: key.file,
    certPem: cert.pem,
    keyPem: key.pem,
    clientCaPem: clientCa.pem,
    clientAuth,
    versionMin: oneOf("min_version", textOrEmpty(tls, "min_version") || "TLS12", VERSIONS),
    versionMax: oneOf("max_version", textOrEmpty(tls, "max_version") || "TLS13", VERSIONS),
    ciphers: names(tls, "cipher_suites", CIPHERS),
    preferServerCiphers: flag(tls, "prefer_server_cipher_suites", true),
    curves: names(tls, "curve_preferences", CURVES),
    allowedSans,
  };
}

/** `name_file`, or `name` where the text stands in the configuration itself; both "" where there is neither. */
function pem(tls: Fields, name: string, folder: string, files: string[]): { pem: string; file: string } {
  const inline = textOrEmpty(tls, name);
  const path = textOrEmpty(tls, `${name}_file`);
  if (inline !== "" && path !== "") throw refuse(`tls_server_config: both ${name} and ${name}_file`);
  if (path === "") return { pem: inline, file: "" };
  const file = resolve(folder, path);
  files.push(file);
  return { pem: readText(file), file };
}

function oneOf<T>(name: string, value: string, known: Readonly<Record<string, T>>): T {
  const found = Object.hasOwn(known, value) ? known[value] : undefined;
  if (found === undefined) throw refuse(`${name} ${value} is none of ${Object.keys(known).join(", ")}`);
  return found;
}

function names(tls: Fields, name: string, known: Readonly<Record<string, string>>): string {
  const found = texts(tls, name).map((value) => oneOf(name, value, known));
  return found.filter((value) => value !== "").join(":");
}
