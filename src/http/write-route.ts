import type { Clock } from "../base/clock.js";
import { BODY_BYTES_PER_MS_MIN, SLOW_BODY_MS } from "../base/limits.js";
import type { Counter, MetricRegistry } from "../base/self-metrics.js";
import type { IngestSlot, QueryAnswer, WriteAnswer } from "../workers/contract.js";
import { JSON_TYPE } from "./call.js";
import type { Capture } from "./capture.js";
import type { EngineGate } from "./engine-gate.js";
import type { RouteMetrics } from "./http-metrics.js";
import type { RejectionLedger } from "./rejection-ledger.js";
import type { RouteParam } from "./router.js";
import { type Senders, senderOf } from "./senders.js";
import type { Exchange } from "./transport.js";
import { WaitingRoom } from "./waiting-room.js";
import { judgeWriteHeaders } from "./write-headers.js";
import { type WriteContext, WriteRequest } from "./write-request.js";

/** The path of Remote Write in every system that a sender may be configured for. */
export const WRITE_PATHS: readonly string[] = [
  "/api/v1/write",
  "/write",
  "/api/v1/push",
  "/api/prom/push",
  "/api/v1/receive",
  "/prometheus/api/v1/write",
];

export const DRY_RUN_PARAM: RouteParam = {
  name: "dry_run",
  description: "`1`: stores nothing, and answers with what the request would do, as JSON",
};

const REFUSED_HEADERS = { protocol: 1, packing: "snappy" } as const;

/** `?dry_run=1`: what the request would do. */
const DRY_RUN = /(?:^|&)dry_run=(?:1|true)(?:&|$)/;

export interface WriteRouteOptions {
  /** Largest compressed body in bytes. */
  readonly requestBytesMax: number;
  /** What a 2xx means: shown in the answer's `X-Varve-Durability`. */
  readonly durability: string;
  readonly clock: Clock;
  readonly senders: Senders;
  readonly ledger: RejectionLedger;
  readonly capture: Capture;
}

/**
 * Remote Write. The headers decide before a byte of the body is read, the body goes from the socket into a slot
 * of shared memory, and the answer is sent when the engine has settled every sample (docs/API.md has the table).
 */
export class WriteRoute implements WriteContext {
  readonly gate: EngineGate;
  readonly waiting: WaitingRoom;
  private readonly options: WriteRouteOptions;
  private readonly metrics: RouteMetrics;
  private readonly bodyBytes: Counter;
  private readonly abortedBodies: Counter;
  private readonly slotsFull: Counter;
  readonly incomplete: Set<WriteRequest> = new Set();
  private readonly slowBodies: Counter;
  private readonly durabilityHeader: readonly string[];
  private underWay = 0;

  constructor(gate: EngineGate, options: WriteRouteOptions, metrics: RouteMetrics, registry: MetricRegistry) {
    this.gate = gate;
    this.options = options;
    this.metrics = metrics;
    this.waiting = new WaitingRoom(
      () => this.acquire(),
      () => options.clock.monotonicMs(),
    );
    this.durabilityHeader = ["X-Varve-Durability", options.durability];
    this.bodyBytes = registry.counter(
      "varve_http_write_body_bytes_total",
      "Compressed bytes of write requests that reached a slot.",
    );
    this.abortedBodies = registry.counter(
      "varve_http_write_aborted_total",
      "Write requests whose client went away or was too slow before the body was complete.",
    );
    this.slotsFull = registry.counter(
      "varve_http_write_slots_full_total",
      "Write requests refused with 503 because no slot was free.",
    );
    this.slowBodies = registry.counter(
      "varve_http_write_slow_bodies_total",
      "Write requests that lost their slot to another because their body came too slowly.",
    );
    registry.gauge(
      "varve_http_write_requests_waiting",
      "Write requests that wait for a slot.",
      () => this.waiting.count,
    );
    registry.gauge(
      "varve_http_write_waiting_bytes",
      "Bytes of bodies of write requests that wait for a slot.",
      () => this.waiting.keptBytes,
    );
    registry.gauge(
      "varve_http_write_waiting_clients",
      "Clients whose write requests wait for a slot.",
      () => this.waiting.clientCount,
    );
    registry.gauge(
      "varve_http_write_requests_in_flight",
      "Write requests whose answer is not sent yet.",
      () => this.underWay,
    );
  }

  handle(exchange: Exchange): void {
    const headers = judgeWriteHeaders(exchange.header("content-encoding"), exchange.header("content-type"));
    const length = exchange.header("content-length");
    const declaredBytes = length === "" ? Number.POSITIVE_INFINITY : Number(length);
    const { protocol, packing } = headers.protocol === 0 ? REFUSED_HEADERS : headers;
    const startMs = this.options.clock.monotonicMs();
    const dryRun = exchange.query !== "" && DRY_RUN.test(exchange.query);
    const request = new WriteRequest(this, exchange, { protocol, packing, declaredBytes, dryRun }, startMs);
    this.underWay++;
    if (headers.protocol === 0) request.refuse(415, headers.message);
    else if (length !== "" && declaredBytes > this.options.requestBytesMax) {
      request.refuse(413, this.tooLarge());
    } else if (this.gate.current() === null) request.refuse(503, this.gate.reason());
    exchange.receive(request);
  }

  tooLarge(): string {
    return `body larger than ${this.options.requestBytesMax} bytes (--limits.request-bytes)`;
  }

  /** Sends the one answer of a request. Statuses other than 204 carry `message` as text. */
  answer(request: WriteRequest, answer: WriteAnswer, close: boolean): void {
    this.underWay--;
    if (!request.head.dryRun) this.keep(request.exchange, answer);
    this.send(request, answer, close);
    if (this.waiting.count > 0) this.waiting.serve();
  }

  get capture(): Capture {
    return this.options.capture;
  }

  /** Counts who sent what, and keeps what was refused. */
  private keep(exchange: Exchange, answer: WriteAnswer): void {
    const now = this.options.clock.nowMs();
    const sender = senderOf(exchange);
    this.options.senders.count(sender, answer, now);
    if (answer.status !== 204) this.options.ledger.record(exchange, sender, answer, now);
  }

  answerDryRun({ exchange, startMs }: WriteRequest, { status, body }: QueryAnswer): void {
    this.underWay--;
    this.metrics.record(status, this.options.clock.monotonicMs() - startMs);
    exchange.send(status, ["Content-Type", JSON_TYPE], body);
    if (this.waiting.count > 0) this.waiting.serve();
  }

  private send(request: WriteRequest, answer: WriteAnswer, close: boolean): void {
    const { exchange } = request;
    this.metrics.record(answer.status, this.options.clock.monotonicMs() - request.startMs);
    let headers = this.durabilityHeader;
    if (request.head.protocol === 2) headers = headers.concat(writtenHeaders(answer));
    if (answer.status === 204) {
      exchange.send(204, headers, "", close);
      return;
    }
    headers = headers.concat("Content-Type", "text/plain; charset=utf-8");
    if (answer.status === 503 || answer.status === 429) {
      headers = headers.concat("Retry-After", String(Math.max(1, answer.retryAfterSeconds)));
    }
    exchange.send(answer.status, headers, `${answer.message}\n`, close);
  }

  /**
   * Takes the slot of a body that comes too slowly, so that slow clients, however many, cannot keep the others
   * out. False: every body comes fast enough.
   */
  private evictSlowBody(): boolean {
    const now = this.options.clock.monotonicMs();
    for (const request of this.incomplete) {
      const ageMs = now - request.startMs;
      if (ageMs < SLOW_BODY_MS) return false;
      if (request.slotBytes >= ageMs * BODY_BYTES_PER_MS_MIN) continue;
      this.slowBodies.add();
      request.refuse(503, "the body came too slowly while all request slots were in use");
      request.answerRefusal(true);
      return true;
    }
    return false;
  }

  acquire(): IngestSlot | null {
    const engine = this.gate.current();
    if (engine === null) return null;
    return engine.acquireSlot() ?? (this.evictSlowBody() ? engine.acquireSlot() : null);
  }

  countSlotsFull(): void {
    this.slotsFull.add();
  }

  countBody(bytes: number): void {
    this.bodyBytes.add(bytes);
  }

  aborted(): void {
    this.underWay--;
    this.abortedBodies.add();
  }
}

/** Senders of 1.0 take these headers for a partial write: 2.0 only, with success and with failure. */
function writtenHeaders(answer: WriteAnswer): string[] {
  return [
    "X-Prometheus-Remote-Write-Samples-Written",
    String(answer.samples),
    "X-Prometheus-Remote-Write-Histograms-Written",
    String(answer.histograms),
    "X-Prometheus-Remote-Write-Exemplars-Written",
    String(answer.exemplars),
  ];
}
