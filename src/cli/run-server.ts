import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { type Logger, openLogger } from "../base/log.js";
import { EngineGate } from "../http/engine-gate.js";
import { type FrontEnd, openFrontEnd } from "../http/front-end.js";
import { ListenError, type TlsFiles } from "../http/transport.js";
import type { Engine, ReplayProgress } from "../workers/contract.js";
import type { Config } from "./config.js";
import type { WebConfig } from "./web-config.js";

/** What the database is opened with. */
interface OpenOptions extends Config {
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

/**
 * Serves until a signal comes; resolves to the exit status. The first SIGTERM or SIGINT drains, commits and
 * closes; the second exits at once.
 */
export async function runServer(config: Config, version: string, openEngine: OpenEngine): Promise<number> {
  const log = openLogger(config.logFormat, config.logLevel, (line) => process.stderr.write(line));
  const started = systemClock.monotonicMs();
  process.on("uncaughtException", (error) => {
    log.error("a bug: only a restart is sure to be right", { err: describe(error) });
    process.exit(EXIT_FATAL);
  });
  process.on("SIGHUP", () => log.info("SIGHUP: configuration is read at the start only"));
  log.info("starting varve", { version, node: process.version, pid: process.pid });
  const gate = new EngineGate();
  let frontEnd: FrontEnd;
  let web: WebConfig;
  try {
    web = await webConfig(config.webConfigFile);
    frontEnd = await openFrontEnd(gate, { ...config, ...web, version }, log, systemClock);
  } catch (error) {
    if (!(error instanceof ListenError || error instanceof RefusalError)) throw error;
    log.error(error.message);
    return EXIT_FAILED;
  }
  const { transport, port } = frontEnd.listener;
  log.info("listening", { address: `${config.host}:${port}`, transport, tls: web.tls !== null });
  if (web.users.size === 0) warnIfPublic(config.host, web.tls, log);
  const stop = stopSignal(log);
  const opened = open(gate, config, log, openEngine);
  const first = await Promise.race([opened, stop]);
  if (first === "failed") {
    await frontEnd.close(0);
    return EXIT_FAILED;
  }
  if (first === "open") {
    log.info("ready", { after: `${((systemClock.monotonicMs() - started) / 1000).toFixed(3)}s` });
    await stop;
  }
  return shutDown(gate, frontEnd, log);
}

async function open(
  gate: EngineGate,
  config: Config,
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

/** The YAML reader is loaded only where there is a file to read: it would take a tenth of a start. */
async function webConfig(path: string): Promise<WebConfig> {
  if (path === "") return { tls: null, users: new Map(), answerHeaders: [] };
  const { readWebConfig } = await import("./web-config.js");
  return readWebConfig(path);
}

/** Resolves at the first SIGTERM or SIGINT. */
function stopSignal(log: Logger): Promise<"stop"> {
  return new Promise((resolve) => {
    let stopping = false;
    const received = (signal: string): void => {
      if (stopping) {
        log.warn("second signal: exiting at once", { signal });
        process.exit(EXIT_FAILED);
      }
      stopping = true;
      log.info("stopping", { signal });
      resolve("stop");
    };
    process.on("SIGTERM", received);
    process.on("SIGINT", received);
  });
}

async function shutDown(gate: EngineGate, frontEnd: FrontEnd, log: Logger): Promise<number> {
  gate.stop();
  await frontEnd.close(DRAIN_MS);
  await gate.any()?.close();
  log.info("stopped");
  return EXIT_OK;
}

function warnIfPublic(host: string, tls: TlsFiles | null, log: Logger): void {
  if (tls?.clientAuth === "RequireAndVerifyClientCert") return;
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return;
  log.warn("anyone who reaches this address can read and write: there is no authentication", { host });
}

/** The message of a refusal; a stack where the error is not one that was foreseen. */
function describe(error: unknown): string {
  if (error instanceof RefusalError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
