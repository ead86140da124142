import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { type Logger, openLogger } from "../base/log.js";
import { EngineGate } from "../http/engine-gate.js";
import { type FrontEnd, openFrontEnd } from "../http/front-end.js";
import { isLoopbackHost } from "../http/loopback.js";
import { Reloads } from "../http/reloads.js";
import { ListenError } from "../http/transport.js";
import type { WebSettings } from "../http/web-settings.js";
import type { BudgetText, Engine, ReplayProgress } from "../workers/contract.js";
import type { EngineOptions } from "../workers/engine.js";
import { parseBudgets } from "./budget-flag.js";
import type { Config } from "./config.js";
import { RelabelFile } from "./relabel-file.js";
import { StopSignal } from "./stop-signal.js";
import { WebConfigFile } from "./web-config-file.js";

/** What the database is opened with. */
interface OpenOptions extends Config, Pick<EngineOptions, "seriesBudgets" | "ingestRules"> {
  /** Told once where nothing but a new process will do. */
  readonly onFatal: (error: unknown) => void;
}

/** Opens the database: replays the log and resolves when writes and queries can be served. */
export type OpenEngine = (
  options: OpenOptions,
  log: Logger,
  /** Hears how far the start has come, for `/-/ready`. */
  progress: (message: string, replay?: ReplayProgress) => void,
) => Promise<Engine>;

/** How long answers under way may take once the server is asked to stop. */
const DRAIN_MS = 10_000;
const EXIT_OK = 0;
const EXIT_FAILED = 1;
/** A thread failed: only a restart is sure to be right. */
const EXIT_FATAL = 70;
/** How often changes of configuration files are looked for. */
const CONFIG_SWEEP_MS = 1000;
const WEB_PART = "web config";
const RELABEL_PART = "relabel config";

/**
 * Serves until a signal comes; resolves to the exit status. The first SIGTERM or SIGINT drains, commits and
 * closes; the second exits at once.
 */
export async function runServer(config: Config, version: string, openEngine: OpenEngine): Promise<number> {
  const log = openLogger(config.logFormat, config.logLevel, (line) => process.stderr.write(line));
  const started = systemClock.monotonicMs();
  const stop = new StopSignal(log, EXIT_FAILED);
  process.on("uncaughtException", (error) => {
    log.error("a bug: only a restart is sure to be right", { err: describe(error) });
    process.exit(EXIT_FATAL);
  });
  log.info("starting varve", { version, node: process.version, pid: process.pid });
  const gate = new EngineGate();
  const reloads = new Reloads(systemClock);
  const web = new WebConfigFile(config.webConfigFile);
  const relabel = new RelabelFile(config.relabelConfigFile, config.urlTemplates);
  let budgets: BudgetText[];
  let frontEnd: FrontEnd;
  try {
    await relabel.read();
    budgets = parseBudgets(config.budgetText);
    const settings = await web.read();
    const lifecycle = { enabled: config.lifecycle, reloads, quit: () => stop.request("/-/quit") };
    const options = { ...config, web: settings, lifecycle, version };
    frontEnd = await openFrontEnd(gate, options, log, systemClock);
    warnIfPublic(config.host, settings, log);
  } catch (error) {
    if (!(error instanceof ListenError || error instanceof RefusalError)) throw error;
    log.error(error.message);
    return EXIT_FAILED;
  }
  const { transport, port } = frontEnd.listener;
  log.info("listening", { address: `${config.host}:${port}`, transport, tls: web.settings.tls !== null });
  keepReloading(reloads, web, frontEnd, relabel, gate, log);
  const policy = { seriesBudgets: budgets, ingestRules: relabel.rules };
  const opened = open(gate, { ...config, ...policy }, log, openEngine);
  const first = await Promise.race([opened, stop.requested]);
  if (first === "failed") {
    await frontEnd.close(0);
    return EXIT_FAILED;
  }
  if (first === "open") {
    log.info("ready", { after: `${((systemClock.monotonicMs() - started) / 1000).toFixed(3)}s` });
    await stop.requested;
  }
  return shutDown(gate, frontEnd, log);
}

/** Reads files again when they change, at SIGHUP, and when `reloads` is asked to. */
function keepReloading(
  reloads: Reloads,
  web: WebConfigFile,
  frontEnd: FrontEnd,
  relabel: RelabelFile,
  gate: EngineGate,
  log: Logger,
): void {
  const reload = (why: string, part: string | null): void => {
    try {
      reloads.run(part);
      log.info("configuration files are read again", { why });
    } catch (error) {
      log.error("configuration files cannot be used: what was read before stays", {
        why,
        err: describe(error),
      });
    }
  };
  reloads.add(WEB_PART, () => web.reload(frontEnd));
  reloads.add(RELABEL_PART, () => relabel.reload((rules) => void gate.any()?.setRules(rules)));
  process.on("SIGHUP", () => reload("SIGHUP", null));
  setInterval(() => {
    if (web.changed()) reload("a file has changed", WEB_PART);
    if (relabel.changed()) reload("a file has changed", RELABEL_PART);
  }, CONFIG_SWEEP_MS).unref();
}

async function open(
  gate: EngineGate,
  config: Omit<OpenOptions, "onFatal">,
  log: Logger,
  openEngine: OpenEngine,
): Promise<"open" | "failed"> {
  const onFatal = (error: unknown): void => {
    log.error("a thread failed: only a restart is sure to be right", { err: describe(error) });
    process.exit(EXIT_FATAL);
  };
  try {
    gate.open(
      await openEngine({ ...config, onFatal }, log, (message, replay) => gate.progress(message, replay)),
    );
    return "open";
  } catch (error) {
    log.error("the database cannot be opened", { path: config.dataPath, err: describe(error) });
    return "failed";
  }
}

async function shutDown(gate: EngineGate, frontEnd: FrontEnd, log: Logger): Promise<number> {
  gate.stop();
  await frontEnd.close(DRAIN_MS);
  await gate.any()?.close();
  log.info("stopped");
  return EXIT_OK;
}

function warnIfPublic(host: string, { tls, credentials }: WebSettings, log: Logger): void {
  if (isLoopbackHost(host) || tls?.clientAuth === "RequireAndVerifyClientCert") return;
  if (credentials.users.size + credentials.tokens.length > 0) return;
  log.warn("anyone who reaches this address can read and write: there is no authentication", { host });
}

/** The message of a refusal; a stack where the error is not one that was foreseen. */
function describe(error: unknown): string {
  if (error instanceof RefusalError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
