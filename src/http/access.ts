import type { Clock } from "../base/clock.js";
import { labelText, type MetricRegistry } from "../base/self-metrics.js";
import { PasswordPool } from "../workers/password-pool.js";
import { CredentialCheck, type Identified } from "./credential-check.js";
import { isSentFromHere } from "./loopback.js";
import { RateLimiter } from "./rate-limiter.js";
import type { AnyRoute, Scope } from "./router.js";
import type { Exchange, HeaderList } from "./transport.js";
import { ALL_SCOPES, type Credentials, SCOPE_BITS, type ScopeSet, type WebSettings } from "./web-settings.js";

/** Why a request is not let through. */
export interface Refusal {
  readonly status: 401 | 403 | 429 | 503;
  readonly message: string;
  readonly headers: HeaderList;
  /** The message goes into Prometheus' envelope, as `errorType` "unavailable". */
  readonly envelope?: true;
}

/** Null: let through. A promise (it does not reject) where a password has to be compared first. */
export type Admission = Refusal | null | Promise<Refusal | null>;

/** What flags say about requests without credentials. */
export interface AccessOptions {
  /** The listener has a loopback address. */
  readonly loopback: boolean;
  /** `--web.enable-admin-api` */
  readonly adminApi: boolean;
}

type Guarded = Pick<AnyRoute, "scope" | "lifecycle">;

/** Stands where a path has no route: the answer shows as little as that of an open one. */
const NO_ROUTE: Guarded = { scope: "open" };

/** Decides about every request, before anything else looks at it. */
export class Access {
  private readonly options: AccessOptions;
  private readonly clock: Clock;
  private readonly registry: MetricRegistry;
  private readonly pool = new PasswordPool();
  private check: CredentialCheck | null = null;
  private limiter: RateLimiter | null = null;
  private anonymous: ScopeSet = 0;
  private challenge: HeaderList = [];

  constructor(settings: WebSettings, options: AccessOptions, clock: Clock, registry: MetricRegistry) {
    this.options = options;
    this.clock = clock;
    this.registry = registry;
    this.replace(settings);
  }

  /** From here on these settings hold; passwords known so far are compared anew. */
  replace({ tls, credentials, rateLimit }: WebSettings): void {
    const { users, tokens, anonymous } = credentials;
    const asked = users.size + tokens.length > 0;
    this.check = asked ? new CredentialCheck(credentials, this.pool) : null;
    this.limiter = rateLimit === null ? null : new RateLimiter(rateLimit, this.clock.monotonicMs());
    this.challenge = challengeOf(credentials);
    // Who shows a certificate has shown who he is, unless something else is asked for.
    const certified = tls?.clientAuth === "RequireAndVerifyClientCert";
    this.anonymous = anonymous ?? (asked ? 0 : certified ? ALL_SCOPES : UNASKED);
  }

  /** `route`: null where the path has none. Sets the exchange's `caller`. */
  admit(exchange: Exchange, route: Guarded | null): Admission {
    if (this.limiter?.take(this.clock.monotonicMs()) === false) return this.refuse("rate_limit", TOO_MANY);
    const guarded = route ?? NO_ROUTE;
    if (this.check === null) return this.admitAnonymous(exchange, guarded);
    const authorization = exchange.header("authorization");
    if (authorization === "") return this.admitAnonymous(exchange, guarded);
    const found = this.check.identify(authorization);
    if (!(found instanceof Promise)) return this.judge(exchange, guarded.scope, found);
    return found.then((known) => this.judge(exchange, guarded.scope, known));
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private judge(exchange: Exchange, scope: Scope, found: Identified): Refusal | null {
    if (found === "busy") return this.refuse("busy", TOO_MANY_LOGINS);
    if (found === "unknown") return this.refuseUnknown();
    exchange.caller = found.name;
    if ((found.scopes & SCOPE_BITS[scope]) !== 0) return null;
    return this.refuse("scope", {
      status: 403,
      message: `Forbidden: needs the scope "${scope}"`,
      headers: [],
    });
  }

  private admitAnonymous(exchange: Exchange, { scope, lifecycle }: Guarded): Refusal | null {
    if ((this.anonymous & SCOPE_BITS[scope]) !== 0) return null;
    if (this.check !== null) return this.refuseUnknown();
    if (scope !== "admin") return this.refuse("scope", FORBIDDEN);
    // What `--web.enable-lifecycle` says about these routes, their handlers say.
    if (lifecycle === true) return null;
    const { adminApi, loopback } = this.options;
    if (adminApi || (loopback && isSentFromHere(exchange))) return null;
    return this.refuse("admin", ADMIN_DISABLED);
  }

  private refuseUnknown(): Refusal {
    return this.refuse("credentials", { status: 401, message: "Unauthorized", headers: this.challenge });
  }

  private refuse(reason: string, refusal: Refusal): Refusal {
    const labels = labelText({ reason });
    this.registry.counter("varve_http_access_refused_total", "Requests not let through.", labels).add();
    return refusal;
  }
}

/** What everybody may do where nobody is asked who he is; `admin` has a rule of its own. */
const UNASKED: ScopeSet = SCOPE_BITS.open | SCOPE_BITS.read | SCOPE_BITS.write;

const RETRY: HeaderList = ["Retry-After", "1"];
const TOO_MANY: Refusal = { status: 429, message: "Too Many Requests", headers: RETRY };
const TOO_MANY_LOGINS: Refusal = {
  status: 503,
  message: "too many passwords are being checked",
  headers: RETRY,
};
const FORBIDDEN: Refusal = { status: 403, message: "Forbidden", headers: [] };
const ADMIN_DISABLED: Refusal = {
  status: 503,
  message: "admin APIs disabled",
  headers: [],
  envelope: true,
};

function challengeOf({ users, tokens }: Credentials): HeaderList {
  return [
    ...(users.size === 0 ? [] : ["WWW-Authenticate", 'Basic realm="varve", charset="UTF-8"']),
    ...(tokens.length === 0 ? [] : ["WWW-Authenticate", 'Bearer realm="varve"']),
  ];
}
