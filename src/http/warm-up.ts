/**
 * What stands between a client and a query thread runs once for each query, and code that ran some hundred times is
 * several times slower than code that ran some thousand times. So for its first minutes a server now and then asks
 * itself small questions, as a client would, over a loopback port of its own that serves nothing else and is closed in
 * between. The query threads say what to ask (`workers/query-warm-up.ts`); the answers are thrown away.
 */
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { Cancellation } from "../base/cancellation.js";
import type { Clock } from "../base/clock.js";
import { HEADER_BYTES_MAX } from "../base/limits.js";
import type { Logger } from "../base/log.js";
import { MetricRegistry } from "../base/self-metrics.js";
import {
  type QueryClient,
  type QueryRequest,
  WARM_UP_ROUND_MS,
  WARM_UP_ROUNDS,
  WARM_UP_USER,
} from "../workers/contract.js";
import { Access } from "./access.js";
import { apiRoutes } from "./api-routes.js";
import type { CorsPolicy } from "./cors.js";
import { Dispatcher } from "./dispatcher.js";
import type { EngineGate } from "./engine-gate.js";
import { listen, type TransportChoice } from "./listen.js";
import { Router } from "./router.js";
import type { Exchange, TransportOptions } from "./transport.js";
import { OPEN_SETTINGS } from "./web-settings.js";

const HOST = "127.0.0.1";
const QUESTIONS_PER_ROUND = 600;
const PATHS: ReadonlySet<string> = new Set(["/api/v1/query", "/api/v1/query_range"]);
const CLIENT: QueryClient = { address: "", user: WARM_UP_USER, requestId: "" };

/** Of the server that warms up. */
export interface WarmUpOptions extends Pick<TransportOptions, "readTimeoutMs" | "connectionsMax"> {
  readonly transport: TransportChoice;
}

export class WarmUp {
  private readonly gate: EngineGate;
  private readonly options: WarmUpOptions;
  private readonly cors: CorsPolicy;
  private readonly access: Access;
  private readonly clock: Clock;
  private readonly log: Logger;
  private timers: NodeJS.Timeout[] = [];
  private round: Promise<void> = Promise.resolve();
  private readonly secret = randomBytes(32).toString("hex");
  private readonly stopping = new AbortController();
  private readonly gone = new Cancellation();

  constructor(gate: EngineGate, options: WarmUpOptions, cors: CorsPolicy, clock: Clock, log: Logger) {
    this.gate = gate;
    this.options = options;
    this.cors = cors;
    this.access = new Access(OPEN_SETTINGS, { loopback: true, adminApi: false }, clock, new MetricRegistry());
    this.clock = clock;
    this.log = log;
  }

  start(): void {
    this.timers = Array.from({ length: WARM_UP_ROUNDS }, (_, i) =>
      setTimeout(() => this.begin(), WARM_UP_ROUND_MS * (i + 1)).unref(),
    );
  }

  /** Resolves once its port is closed. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.gone.cancel();
    for (const timer of this.timers) clearTimeout(timer);
    await this.round;
    await this.access.close();
  }

  private begin(): void {
    this.round = this.ask().catch((error) =>
      this.log.debug("the server did not warm up", { err: String(error) }),
    );
  }

  private async ask(): Promise<void> {
    const questions = await this.questions();
    if (questions.length === 0) return;
    const { transport, readTimeoutMs, connectionsMax } = this.options;
    const { tls, answerHeaders } = OPEN_SETTINGS;
    const limits = { readTimeoutMs, connectionsMax, headerBytesMax: HEADER_BYTES_MAX };
    const dispatcher = this.openDispatcher();
    const listener = await listen(
      transport,
      { host: HOST, port: 0, tls, answerHeaders, ...limits },
      (exchange) => this.serve(exchange, dispatcher),
      this.log,
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      for (let i = 0; i < QUESTIONS_PER_ROUND && !this.stopping.signal.aborted; i++) {
        await this.askOnce(listener.port, agent, questions[i % questions.length] as QueryRequest);
      }
    } finally {
      agent.destroy();
      await listener.close(0);
    }
  }

  /**
   * With metrics of its own: users see what users did. One for each round, so that what is done for a route's first
   * request is done often, too.
   */
  private openDispatcher(): Dispatcher {
    const router = new Router(apiRoutes(this.gate).filter(({ path }) => PATHS.has(path)));
    return new Dispatcher(router, this.cors, this.access, new MetricRegistry(), this.clock, this.log);
  }

  /** Nobody else gets an answer here. */
  private serve(exchange: Exchange, dispatcher: Dispatcher): void {
    exchange.caller = WARM_UP_USER;
    if (exchange.header("authorization") === this.secret) dispatcher.dispatch(exchange);
    else exchange.send(403, [], "", true);
  }

  /** Rejects where there is no whole answer. */
  private askOnce(port: number, agent: Agent, question: QueryRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { accept: "*/*", "accept-encoding": "gzip", authorization: this.secret };
      const path = pathOf(question);
      const { signal } = this.stopping;
      const asked = request({ host: HOST, port, path, agent, headers, signal }, (response) => {
        response.once("end", resolve).once("error", reject).resume();
      });
      asked.once("error", reject).end();
    });
  }

  private async questions(): Promise<readonly QueryRequest[]> {
    const engine = this.gate.current();
    if (engine === null) return [];
    const { body, release } = await engine.query({ kind: "warm_up", params: [], client: CLIENT }, this.gone);
    const { data } = JSON.parse(new TextDecoder().decode(body)) as {
      readonly data?: readonly QueryRequest[];
    };
    release?.();
    return data ?? [];
  }
}

function pathOf({ kind, params }: QueryRequest): string {
  return `/api/v1/${kind}?${new URLSearchParams(Object.fromEntries(params))}`;
}
