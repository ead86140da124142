import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Scope } from "../http/router.js";
import {
  ALL_SCOPES,
  type Credentials,
  type ScopeSet,
  scopeSet,
  type Token,
  type User,
} from "../http/web-settings.js";
import { type Fields, readText, refuse, section, text, textOrEmpty, texts } from "./config-fields.js";

const BCRYPT = /^\$2[abxy]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
const SHA256 = /^[0-9a-fA-F]{64}$/;
const SCOPES: readonly string[] = ["open", "read", "write", "admin"];

/**
 * `basic_auth_users` (Prometheus': user to bcrypt hash, allowed everything) and `varve_access`, which is ours:
 * `users` (user to scopes, where it shall not be everything), `tokens` and `anonymous`.
 */
export function readCredentials(top: Fields, folder: string, files: string[]): Credentials {
  const access = section(top["varve_access"], "varve_access", ["users", "tokens", "anonymous"]);
  const scopesOf = section(access["users"], "varve_access.users", null);
  const users = readUsers(top["basic_auth_users"], scopesOf);
  for (const name of Object.keys(scopesOf)) {
    if (users.has(name)) continue;
    throw refuse(`varve_access.users: ${JSON.stringify(name)} has no password in basic_auth_users`);
  }
  const tokens = readTokens(access["tokens"], folder, files);
  const anonymous = access["anonymous"] === undefined ? null : scopes(access, "anonymous", "varve_access");
  return { users, tokens, anonymous };
}

function readUsers(value: unknown, scopesOf: Fields): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const [name, hash] of Object.entries(section(value, "basic_auth_users", null))) {
    // The hash is a secret: it is not repeated in the message.
    if (typeof hash !== "string" || !BCRYPT.test(hash)) {
      throw refuse(`basic_auth_users: the password of ${JSON.stringify(name)} is not a bcrypt hash`);
    }
    const all = !Object.hasOwn(scopesOf, name);
    users.set(name, { hash, scopes: all ? ALL_SCOPES : scopes(scopesOf, name, "varve_access.users") });
  }
  return users;
}

function readTokens(value: unknown, folder: string, files: string[]): readonly Token[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refuse("varve_access.tokens is not a list");
  const tokens = value.map((item: unknown, i): Token => {
    const where = `varve_access.tokens[${i}]`;
    const token = section(item, where, ["name", "sha256", "file", "scopes"]);
    const name = text(token, "name");
    return { name, digest: tokenDigest(token, name, folder, files), scopes: scopes(token, "scopes", where) };
  });
  const doubled = tokens.find(({ name }, i) => tokens.findIndex((other) => other.name === name) !== i);
  if (doubled !== undefined)
    throw refuse(`varve_access.tokens: ${JSON.stringify(doubled.name)} is there twice`);
  return tokens;
}

/** `sha256`: the hash itself, in hexadecimal. `file`: a file with the token, white space around it left out. */
function tokenDigest(token: Fields, name: string, folder: string, files: string[]): Uint8Array {
  const hash = textOrEmpty(token, "sha256");
  const path = textOrEmpty(token, "file");
  if ((hash === "") === (path === "")) {
    throw refuse(`varve_access.tokens: ${JSON.stringify(name)} needs sha256 or file, one of them`);
  }
  if (path === "") {
    if (SHA256.test(hash)) return Buffer.from(hash, "hex");
    throw refuse(`varve_access.tokens: the sha256 of ${JSON.stringify(name)} is not 64 hexadecimal digits`);
  }
  const file = resolve(folder, path);
  files.push(file);
  const secret = readText(file).trim();
  if (secret === "") throw refuse(`varve_access.tokens: the file of ${JSON.stringify(name)} is empty`);
  return createHash("sha256").update(secret).digest();
}

function scopes(fields: Fields, name: string, where: string): ScopeSet {
  const found = texts(fields, name);
  const unknown = found.find((scope) => !SCOPES.includes(scope));
  if (unknown !== undefined) {
    throw refuse(`${where}: ${JSON.stringify(unknown)} is none of ${SCOPES.join(", ")}`);
  }
  return scopeSet(found as readonly Scope[]);
}
