import type { TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import { systemClock } from "../../dist/base/clock.js";
import { type LogFields, silentLogger } from "../../dist/base/log.js";
import { EngineGate } from "../../dist/http/engine-gate.js";
import { type FrontEnd, type FrontEndOptions, openFrontEnd } from "../../dist/http/front-end.js";
import { Reloads } from "../../dist/http/reloads.js";
import { ALL_SCOPES, OPEN_SETTINGS, type User, type WebSettings } from "../../dist/http/web-settings.js";
import { FakeEngine } from "./fake-engine.js";

export const TRANSPORTS: readonly ("uws" | "node")[] = ["uws", "node"];

const FRONT_END_OPTIONS: Omit<FrontEndOptions, "lifecycle"> = {
  host: "127.0.0.1",
  port: 0,
  transport: "node",
  readTimeoutMs: 30_000,
  connectionsMax: 100,
  corsOrigin: ".*",
  web: OPEN_SETTINGS,
  adminApi: false,
  dataPath: "/nonexistent/varve",
  requestBytesMax: 1 << 20,
  readConcurrencyMax: 10,
  durability: "fsync",
  version: "0.0.1",
  flags: { "web.listen-address": "127.0.0.1:9090" },
};

/** Options of the front end, in which a part of the settings of `--web.config.file` is enough. */
export type TestOptions = Partial<Omit<FrontEndOptions, "web">> & { readonly web?: Partial<WebSettings> };

export interface TestFrontEnd {
  readonly url: string;
  readonly port: number;
  readonly engine: FakeEngine;
  readonly gate: EngineGate;
  readonly frontEnd: FrontEnd;
  readonly reloads: Reloads;
  readonly warnings: string[];
  /** How often the server was asked to end. */
  readonly quits: () => number;
}

/** The front end on a free port before a fake engine; closed when the test ends. */
export async function startFrontEnd(
  t: TestContext,
  options: TestOptions,
  open = true,
): Promise<TestFrontEnd> {
  const engine = new FakeEngine();
  const gate = new EngineGate();
  if (open) gate.open(engine);
  const warnings: string[] = [];
  const log = {
    ...silentLogger,
    warn: (message: string, _fields?: LogFields) => void warnings.push(message),
  };
  const reloads = new Reloads(systemClock);
  let quits = 0;
  const lifecycle = { enabled: false, reloads, quit: () => quits++ === 0 };
  const web = { ...OPEN_SETTINGS, ...options.web };
  const all = { ...FRONT_END_OPTIONS, lifecycle, ...options, web };
  const frontEnd = await openFrontEnd(gate, all, log, systemClock);
  t.after(() => frontEnd.close(0));
  const { port } = frontEnd.listener;
  const url = `http://127.0.0.1:${port}`;
  return { url, port, engine, gate, frontEnd, reloads, warnings, quits: () => quits };
}

/** Settings with users of these names and passwords, hashed at the lowest cost; they may do everything. */
export function usersOf(
  passwords: Readonly<Record<string, string>>,
  scopes = ALL_SCOPES,
): Partial<WebSettings> {
  const users = new Map<string, User>();
  for (const [name, password] of Object.entries(passwords)) {
    users.set(name, { hash: hashSync(password, 4), scopes });
  }
  return { credentials: { users, tokens: [], anonymous: null } };
}

/** The header of basic authentication. */
export const basic = (user: string, password: string): { Authorization: string } => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});
