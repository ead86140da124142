import type { Clock } from "../base/clock.js";
import {
  BODY_BYTES_PER_MS_MIN,
  DISCARD_BYTES_MAX,
  RETRY_AFTER_SECONDS,
  SLOW_BODY_MS,
} from "../base/limits.js";
import type { Counter, MetricRegistry } from "../base/self-metrics.js";
import type { IngestSlot, WriteAnswer, WriteProtocol } from "../workers/contract.js";
import { type Access, CHALLENGE } from "./access.js";
import type { EngineGate } from "./engine-gate.js";
import type { RouteMetrics } from "./http-metrics.js";
import type { BodySink, Exchange } from "./transport.js";
import { judgeWriteHeaders } from "./write-headers.js";

/** The path of Remote Write in every system that a sender may be configured for. */
export const WRITE_PATHS: readonly string[] = [
  "/api/v1/write",
  "/write",
  "/api/v1/push",
  "/api/prom/push",
  "/api/v1/receive",
  "/prometheus/api/v1/write",
];

export interface WriteRouteOptions {
  /** Largest compressed body in bytes. */
  readonly requestBytesMax: number;
  /** What a 2xx means: shown in the answer's `X-Varve-Durability`. */
  readonly durability: string;
  readonly clock: Clock;
  readonly access: Access;
}

/**
 * Remote Write. The headers decide before a byte of the body is read, the body goes from the socket into a slot
 * of shared memory, and the answer is sent when the engine has settled every sample (docs/API.md has the table).
 */
export class WriteRoute {
  readonly gate: EngineGate;
  readonly options: WriteRouteOptions;
  readonly metrics: RouteMetrics;
  readonly bodyBytes: Counter;
  readonly abortedBodies: Counter;
  readonly slotsFull: Counter;
  /** Requests that hold a slot and whose body has not all come yet, in the order in which they took it. */
  readonly incomplete: Set<WriteRequest> = new Set();
  private readonly slowBodies: Counter;
  private readonly durabilityHeader: readonly string[];
  private underWay = 0;

  constructor(gate: EngineGate, options: WriteRouteOptions, metrics: RouteMetrics, registry: MetricRegistry) {
    this.gate = gate;
    this.options = options;
    this.metrics = metrics;
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
      "varve_http_write_requests_in_flight",
      "Write requests whose answer is not sent yet.",
      () => this.underWay,
    );
  }

  handle(exchange: Exchange): void {
    const headers = judgeWriteHeaders(exchange.header("content-encoding"), exchange.header("content-type"));
    const length = exchange.header("content-length");
    const declaredBytes = length === "" ? Number.POSITIVE_INFINITY : Number(length);
    const request = new WriteRequest(
      this,
      exchange,
      headers.protocol === 0 ? 1 : headers.protocol,
      declaredBytes,
    );
    this.underWay++;
    const allowed = this.options.access.check(exchange.header("authorization"));
    if (allowed === false) request.refuse(401, "Unauthorized");
    else if (allowed === null) request.refuse(503, TOO_MANY_LOGINS);
    else if (headers.protocol === 0) request.refuse(415, headers.message);
    else if (length !== "" && declaredBytes > this.options.requestBytesMax) {
      request.refuse(413, this.tooLarge());
    } else if (this.gate.current() === null) request.refuse(503, this.gate.reason());
    else if (allowed !== true) request.allowed = allowed;
    exchange.receive(request);
  }

  tooLarge(): string {
    return `body larger than ${this.options.requestBytesMax} bytes (--limits.request-bytes)`;
  }

  /** Sends the one answer of a request. Statuses other than 204 carry `message` as text. */
  answer(request: WriteRequest, answer: WriteAnswer, close: boolean): void {
    const { exchange, protocol } = request;
    this.underWay--;
    this.metrics.record(answer.status, this.options.clock.monotonicMs() - request.startMs);
    let headers = this.durabilityHeader;
    if (protocol === 2) headers = headers.concat(writtenHeaders(answer));
    if (answer.status === 204) {
      exchange.send(204, headers, "", close);
      return;
    }
    headers = headers.concat("Content-Type", "text/plain; charset=utf-8");
    if (answer.status === 401) headers = headers.concat(CHALLENGE);
    if (answer.status === 503 || answer.status === 429) {
      headers = headers.concat("Retry-After", String(Math.max(1, answer.retryAfterSeconds)));
    }
    exchange.send(answer.status, headers, `${answer.message}\n`, close);
  }

  /**
   * Takes the slot of a body that comes too slowly, so that slow clients, however many, cannot keep the others
   * out. False: every body comes fast enough.
   */
  evictSlowBody(): boolean {
    const now = this.options.clock.monotonicMs();
    for (const request of this.incomplete) {
      const ageMs = now - request.startMs;
      if (ageMs < SLOW_BODY_MS) return false;
      if (request.slotBytes() >= ageMs * BODY_BYTES_PER_MS_MIN) continue;
      this.slowBodies.add();
      request.refuse(503, "the body came too slowly while all request slots were in use");
      request.answerRefusal(true);
      return true;
    }
    return false;
  }

  /** The client is gone before its body was complete: there is nobody to answer. */
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

/** One write request on its way from the socket into a slot. */
class WriteRequest implements BodySink {
  readonly route: WriteRoute;
  readonly exchange: Exchange;
  readonly protocol: WriteProtocol;
  readonly startMs: number;
  /** Set while the sender's password is being compared: nothing is stored before. */
  allowed: Promise<boolean> | null = null;
  /** 0: not refused. Else the rest of the body is discarded and this is the answer. */
  refusedStatus = 0;
  private refusedMessage = "";
  private discardedBytes = 0;
  private slot: IngestSlot | null = null;
  /** Infinity: the sender did not say. */
  private readonly declaredBytes: number;
  private answered = false;

  constructor(route: WriteRoute, exchange: Exchange, protocol: WriteProtocol, declaredBytes: number) {
    this.route = route;
    this.exchange = exchange;
    this.protocol = protocol;
    this.declaredBytes = declaredBytes;
    this.startMs = route.options.clock.monotonicMs();
  }

  refuse(status: number, message: string): void {
    this.refusedStatus = status;
    this.refusedMessage = message;
    this.releaseSlot();
  }

  slotBytes(): number {
    return this.slot?.length ?? 0;
  }

  chunk(bytes: Uint8Array): void {
    const slot = this.refusedStatus === 0 ? (this.slot ?? this.acquire()) : null;
    if (slot === null) {
      this.discard(bytes.length);
      return;
    }
    const outcome = slot.write(bytes);
    if (outcome === "too-large") this.refuse(413, this.route.tooLarge());
    else if (outcome === "full") this.refuseFull();
    else if (slot.length < this.declaredBytes) this.route.incomplete.add(this);
  }

  end(): void {
    if (this.answered) return;
    if (this.route.incomplete.size > 0) this.route.incomplete.delete(this);
    if (this.allowed === null) this.submit();
    else {
      this.allowed.then((allowed) => {
        if (!allowed && this.refusedStatus === 0) this.refuse(401, "Unauthorized");
        this.submit();
      }, NOTHING);
    }
  }

  /** The body is there and its sender known: hands it to the engine, or answers why not. */
  private submit(): void {
    const slot = this.refusedStatus === 0 ? (this.slot ?? this.acquire()) : null;
    const engine = this.route.gate.current();
    if (slot === null || engine === null) {
      if (slot !== null) this.refuse(503, this.route.gate.reason());
      this.answerRefusal(false);
      return;
    }
    this.slot = null;
    this.route.bodyBytes.add(slot.length);
    engine.ingest(slot, this.protocol).then(
      (answer) => this.route.answer(this, answer, false),
      () => this.fail(),
    );
  }

  aborted(): void {
    if (this.answered) return;
    this.releaseSlot();
    this.route.aborted();
  }

  answerRefusal(close: boolean): void {
    this.answered = true;
    const { refusedStatus: status, refusedMessage: message } = this;
    this.route.answer(this, { ...NOTHING_WRITTEN, status, message }, close);
  }

  private releaseSlot(): void {
    this.route.incomplete.delete(this);
    this.slot?.release();
    this.slot = null;
  }

  private acquire(): IngestSlot | null {
    const engine = this.route.gate.current();
    this.slot = engine === null ? null : engine.acquireSlot();
    if (this.slot === null && engine !== null && this.route.evictSlowBody()) this.slot = engine.acquireSlot();
    if (this.slot !== null) return this.slot;
    if (engine === null) this.refuse(503, this.route.gate.reason());
    else this.refuseFull();
    return null;
  }

  private refuseFull(): void {
    this.route.slotsFull.add();
    this.refuse(503, "all request slots are in use");
  }

  /** Reads on without keeping: whoever is answered in the middle of sending sees a reset, not the answer. */
  private discard(bytes: number): void {
    const before = this.discardedBytes;
    this.discardedBytes += bytes;
    if (before <= DISCARD_BYTES_MAX && this.discardedBytes > DISCARD_BYTES_MAX) this.answerRefusal(true);
  }

  private fail(): void {
    this.route.answer(this, { ...NOTHING_WRITTEN, status: 500, message: "internal error" }, true);
  }
}

const TOO_MANY_LOGINS = "too many passwords are being checked";
/** `Access.check` does not reject. */
const NOTHING = (): void => {};

const NOTHING_WRITTEN: WriteAnswer = {
  status: 0,
  message: "",
  samples: 0,
  histograms: 0,
  exemplars: 0,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
};
