import type { TestContext } from "node:test";
import { systemClock } from "../../dist/base/clock.js";
import { type LogFields, silentLogger } from "../../dist/base/log.js";
import { EngineGate } from "../../dist/http/engine-gate.js";
import { type FrontEnd, type FrontEndOptions, openFrontEnd } from "../../dist/http/front-end.js";
import { FakeEngine } from "./fake-engine.js";

export const TRANSPORTS: readonly ("uws" | "node")[] = ["uws", "node"];

const FRONT_END_OPTIONS: FrontEndOptions = {
  host: "127.0.0.1",
  port: 0,
  transport: "node",
  readTimeoutMs: 30_000,
  connectionsMax: 100,
  corsOrigin: ".*",
  tls: null,
  users: new Map(),
  answerHeaders: [],
  requestBytesMax: 1 << 20,
  readConcurrencyMax: 10,
  durability: "fsync",
  version: "0.0.1",
  flags: { "web.listen-address": "127.0.0.1:9090" },
};

export interface TestFrontEnd {
  readonly url: string;
  readonly port: number;
  readonly engine: FakeEngine;
  readonly gate: EngineGate;
  readonly frontEnd: FrontEnd;
  readonly warnings: string[];
}

/** The front end on a free port before a fake engine; closed when the test ends. */
export async function startFrontEnd(
  t: TestContext,
  options: Partial<FrontEndOptions>,
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
  const frontEnd = await openFrontEnd(gate, { ...FRONT_END_OPTIONS, ...options }, log, systemClock);
  t.after(() => frontEnd.close(0));
  const { port } = frontEnd.listener;
  return { url: `http://127.0.0.1:${port}`, port, engine, gate, frontEnd, warnings };
}
