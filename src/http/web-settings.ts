import type { Scope } from "./router.js";
import type { TlsSettings } from "./transport.js";

/** What `--web.config.file` says; it may be replaced while the server runs. */
export interface WebSettings {
  readonly tls: TlsSettings | null;
  readonly credentials: Credentials;
  /** Null: as many requests as come. */
  readonly rateLimit: RateLimit | null;
  /** Headers of every answer, flat. */
  readonly answerHeaders: readonly string[];
}

/** Who may do what. No users and no tokens: nobody is asked who he is. */
export interface Credentials {
  /** By user name. */
  readonly users: ReadonlyMap<string, User>;
  readonly tokens: readonly Token[];
  /** What a request without credentials may do; null: what it may where there are none at all. */
  readonly anonymous: ScopeSet | null;
}

export interface User {
  /** bcrypt. */
  readonly hash: string;
  readonly scopes: ScopeSet;
}

/** A bearer token, of which only the hash is kept. */
export interface Token {
  readonly name: string;
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
  readonly scopes: ScopeSet;
}

/** A bucket of `burst` requests that gains one every `intervalMs`. */
export interface RateLimit {
  readonly intervalMs: number;
  readonly burst: number;
}

/** Bits of scopes. */
export type ScopeSet = number;

export const SCOPE_BITS: Readonly<Record<Scope, ScopeSet>> = { open: 1, read: 2, write: 4, admin: 8 };
export const ALL_SCOPES: ScopeSet = 15;

/** Whoever may do something may have what is open. */
export function scopeSet(scopes: readonly Scope[]): ScopeSet {
  return scopes.reduce((set, scope) => set | SCOPE_BITS[scope], scopes.length === 0 ? 0 : SCOPE_BITS.open);
}

export const OPEN_SETTINGS: WebSettings = {
  tls: null,
  credentials: { users: new Map(), tokens: [], anonymous: null },
  rateLimit: null,
  answerHeaders: [],
};
