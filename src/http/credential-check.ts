import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { PASSWORD_CACHE_MAX, PASSWORD_CHECKS_MAX } from "../base/limits.js";
import type { PasswordPool } from "../workers/password-pool.js";
import type { Credentials, ScopeSet } from "./web-settings.js";

/** Who sends a request. */
export interface Caller {
  /** Of the user or token. */
  readonly name: string;
  readonly scopes: ScopeSet;
}

/** "unknown": nobody that is known here; "busy": too many passwords are being compared. */
export type Identified = Caller | "unknown" | "busy";

/**
 * Finds whom an Authorization header belongs to. Tokens are compared as hashes, all of them, in constant time.
 * Passwords are compared with bcrypt on another thread; a user who does not exist costs as much as one who does.
 */
export class CredentialCheck {
  private readonly credentials: Credentials;
  private readonly pool: PasswordPool;
  /** Keyed hashes of headers: no password stays in memory. Wrong ones, however many, push no right one out. */
  private right = new Map<string, Caller>();
  private wrong = new Set<string>();
  private readonly key = randomBytes(32);
  /**
   * Somebody's hash of each cost that there is. Every password is compared with one of each, of which one may be the
   * user's own: to make up for a cheap hash otherwise would take a few more calls, and those show in the time.
   */
  private readonly standIns: ReadonlyMap<number, string>;
  private underWay = 0;

  constructor(credentials: Credentials, pool: PasswordPool) {
    this.credentials = credentials;
    this.pool = pool;
    this.standIns = new Map([...credentials.users.values()].map(({ hash }) => [bcryptCost(hash), hash]));
  }

  /** `authorization` is not "". The promise does not reject. */
  identify(authorization: string): Identified | Promise<Identified> {
    if (/^bearer /i.test(authorization)) return this.findToken(authorization.slice("bearer ".length).trim());
    if (!/^basic /i.test(authorization) || this.standIns.size === 0) return "unknown";
    const digest = createHmac("sha256", this.key).update(authorization).digest("base64");
    const known = this.right.get(digest);
    if (known !== undefined) return known;
    if (this.wrong.has(digest)) return "unknown";
    if (this.underWay >= PASSWORD_CHECKS_MAX) return "busy";
    return this.compare(authorization, digest);
  }

  private findToken(token: string): Identified {
    const digest = createHash("sha256").update(token).digest();
    let found: Identified = "unknown";
    for (const known of this.credentials.tokens) {
      if (timingSafeEqual(digest, known.digest)) found = known;
    }
    return found;
  }

  private async compare(authorization: string, digest: string): Promise<Identified> {
    const text = Buffer.from(authorization.slice("basic ".length), "base64").toString();
    const mark = text.indexOf(":");
    const name = text.slice(0, Math.max(0, mark));
    const user = mark < 0 ? undefined : this.credentials.users.get(name);
    const cost = user === undefined ? Number.NaN : bcryptCost(user.hash);
    const hashes = [...this.standIns].map(([each, hash]) => (each === cost ? (user?.hash ?? hash) : hash));
    const own = [...this.standIns.keys()].indexOf(cost);
    this.underWay++;
    const matches = await this.pool.verify({ password: text.slice(mark + 1), hashes, own });
    this.underWay--;
    if (!matches || user === undefined) {
      if (this.wrong.size >= PASSWORD_CACHE_MAX) this.wrong = new Set();
      this.wrong.add(digest);
      return "unknown";
    }
    if (this.right.size >= PASSWORD_CACHE_MAX) this.right = new Map();
    const caller = { name, scopes: user.scopes };
    this.right.set(digest, caller);
    return caller;
  }
}

/** The logarithm of the rounds, from "$2y$10$…". */
function bcryptCost(hash: string): number {
  return Number(hash.slice(4, 6));
}
