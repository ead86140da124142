import { createHmac, randomBytes } from "node:crypto";
import { PASSWORD_CACHE_MAX, PASSWORD_CHECKS_MAX } from "../base/limits.js";
import { PasswordPool } from "../workers/password-pool.js";

/** Who may use the server. */
export interface Access {
  /**
   * Judges the Authorization header ("" where it is absent). A promise: it has to be compared first; null: too many
   * comparisons are under way.
   */
  check(authorization: string): boolean | Promise<boolean> | null;
  close(): Promise<void>;
}

export const OPEN_ACCESS: Access = { check: () => true, close: async () => {} };

/** Header of every 401. */
export const CHALLENGE: readonly string[] = ["WWW-Authenticate", 'Basic realm="varve", charset="UTF-8"'];

/** Basic authentication against bcrypt hashes by user name. */
export class BasicAuth implements Access {
  private readonly users: ReadonlyMap<string, string>;
  private readonly pool = new PasswordPool();
  /** Keyed hash of a header to what it was found to be: no password stays in memory. */
  private known = new Map<string, boolean>();
  private readonly key = randomBytes(32);
  private underWay = 0;

  /** `users`: at least one. */
  constructor(users: ReadonlyMap<string, string>) {
    this.users = users;
  }

  check(authorization: string): boolean | Promise<boolean> | null {
    if (!/^basic /i.test(authorization)) return false;
    const digest = createHmac("sha256", this.key).update(authorization).digest("base64");
    const known = this.known.get(digest);
    if (known !== undefined) return known;
    if (this.underWay >= PASSWORD_CHECKS_MAX) return null;
    return this.compare(authorization, digest);
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async compare(authorization: string, digest: string): Promise<boolean> {
    const text = Buffer.from(authorization.slice("basic ".length), "base64").toString();
    const mark = text.indexOf(":");
    const hash = mark < 0 ? undefined : this.users.get(text.slice(0, mark));
    // Unknown users cost a comparison, too: the time of an answer must not tell who exists.
    const compared = hash ?? (this.users.values().next().value as string);
    this.underWay++;
    const matches = await this.pool.verify({ password: text.slice(mark + 1), hash: compared });
    this.underWay--;
    if (this.known.size >= PASSWORD_CACHE_MAX) this.known = new Map();
    const allowed = matches && hash !== undefined;
    this.known.set(digest, allowed);
    return allowed;
  }
}
