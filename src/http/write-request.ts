import { DISCARD_BYTES_MAX, RETRY_AFTER_SECONDS } from "../base/limits.js";
import type {
  IngestSlot,
  QueryAnswer,
  WriteAnswer,
  WritePacking,
  WriteProtocol,
} from "../workers/contract.js";
import type { Capture, CapturedHead } from "./capture.js";
import type { EngineGate } from "./engine-gate.js";
import type { BodySink, Exchange } from "./transport.js";
import type { Waiter, WaitingRoom } from "./waiting-room.js";

/** What a write request needs of its route. */
export interface WriteContext {
  readonly gate: EngineGate;
  readonly waiting: WaitingRoom;
  /** Requests that hold a slot and whose body has not all come yet, in the order in which they took it. */
  readonly incomplete: Set<WriteRequest>;
  /** A slot, if need be that of a body that comes too slowly; null where there is none. */
  acquire(): IngestSlot | null;
  tooLarge(): string;
  countSlotsFull(): void;
  countBody(bytes: number): void;
  answer(request: WriteRequest, answer: WriteAnswer, close: boolean): void;
  readonly capture: Capture;
  answerDryRun(request: WriteRequest, answer: QueryAnswer): void;
  /** The client is gone before it was answered. */
  aborted(): void;
}

/** What a request's head says of it. */
export interface WriteHead {
  readonly protocol: WriteProtocol;
  readonly packing: WritePacking;
  /** Infinity: the sender did not say. */
  readonly declaredBytes: number;
  /** Nothing is stored: the sender wants to know what would be. */
  readonly dryRun: boolean;
}

/** One write request on its way from the socket into a slot, and to its one answer. */
export class WriteRequest implements BodySink, Waiter {
  readonly exchange: Exchange;
  readonly head: WriteHead;
  readonly startMs: number;
  private readonly captured: CapturedHead | null;
  private readonly context: WriteContext;
  /** 0: not refused. Else the rest of the body is discarded and this is the answer. */
  private refusedStatus = 0;
  private refusedMessage = "";
  /** Refused as there was no room. */
  private isFull = false;
  private discardedBytes = 0;
  private slot: IngestSlot | null = null;
  /** What has come of the body while this waits for a slot; null: it does not wait. */
  private kept: Uint8Array[] | null = null;
  /** While it waits: who sends it, and the bytes in `kept`. */
  client = "";
  keptBytes = 0;
  private bodyEnded = false;
  private answered = false;

  constructor(context: WriteContext, exchange: Exchange, head: WriteHead, startMs: number) {
    this.captured = head.dryRun ? null : context.capture.head(exchange);
    this.context = context;
    this.exchange = exchange;
    this.head = head;
    this.startMs = startMs;
  }

  refuse(status: number, message: string): void {
    this.refusedStatus = status;
    this.refusedMessage = message;
    this.giveBack();
  }

  get cost(): number {
    const { declaredBytes } = this.head;
    return Number.isFinite(declaredBytes) ? declaredBytes : UNDECLARED_COST;
  }

  get slotBytes(): number {
    return this.slot?.length ?? 0;
  }

  chunk(bytes: Uint8Array): void {
    if (this.refusedStatus === 0 && this.kept === null && this.slot === null) this.acquire();
    if (this.slot !== null) this.fill(this.slot, bytes);
    else if (this.kept === null) this.discard(bytes.length);
    else if (this.context.waiting.keep(this, bytes.length)) {
      this.kept.push(bytes.slice());
      this.keptBytes += bytes.length;
    } else this.refuseFull();
  }

  end(): void {
    if (this.answered) return;
    this.bodyEnded = true;
    if (this.context.incomplete.size > 0) this.context.incomplete.delete(this);
    // An empty body takes a slot, too: the engine says what is wrong with it.
    if (this.refusedStatus === 0 && this.kept === null && this.slot === null) this.acquire();
    if (this.kept === null) this.submit();
  }

  aborted(): void {
    if (this.answered) return;
    this.answered = true;
    this.giveBack();
    this.context.aborted();
  }

  wake(slot: IngestSlot): void {
    const kept = this.kept ?? [];
    this.leave();
    this.slot = slot;
    if (this.exchange.finished) {
      this.aborted();
      return;
    }
    for (const bytes of kept) {
      if (this.slot !== null) this.fill(this.slot, bytes);
      else this.discard(bytes.length);
    }
    if (this.bodyEnded) this.submit();
  }

  expire(): void {
    this.refuseFull();
    if (this.bodyEnded) this.submit();
  }

  tell(): void {
    if (!this.answered) this.answerRefusal(false);
  }

  answerRefusal(close: boolean): void {
    this.answered = true;
    const { refusedStatus: status, refusedMessage: message } = this;
    this.context.answer(this, { ...NOTHING_WRITTEN, status, message }, close);
  }

  private fill(slot: IngestSlot, bytes: Uint8Array): void {
    const outcome = slot.write(bytes);
    if (outcome === "too-large") this.refuse(413, this.context.tooLarge());
    else if (outcome === "full") this.refuseFull();
    else if (slot.length < this.head.declaredBytes && !this.bodyEnded) this.context.incomplete.add(this);
  }

  /** Hands the body to the engine, or answers why not. */
  private submit(): void {
    const { slot } = this;
    const engine = this.context.gate.current();
    if (slot === null || engine === null) {
      if (this.refusedStatus === 0) this.refuse(503, this.context.gate.reason());
      if (this.isFull) this.context.waiting.refuse(this);
      else this.answerRefusal(false);
      return;
    }
    this.slot = null;
    this.answered = true;
    this.context.countBody(slot.length);
    const { protocol, packing, dryRun } = this.head;
    if (dryRun) {
      // `probe` does not reject.
      void engine.probe(slot, protocol, packing).then((answer) => this.context.answerDryRun(this, answer));
      return;
    }
    if (this.captured !== null) this.context.capture.add(this.captured, slot.bytes());
    engine.ingest(slot, protocol, packing).then(
      (answer) => this.context.answer(this, answer, false),
      () => this.context.answer(this, { ...NOTHING_WRITTEN, status: 500, message: "internal error" }, true),
    );
  }

  /** Takes a slot, or begins to wait for one, or is refused. */
  private acquire(): void {
    const { gate, waiting } = this.context;
    if (gate.current() === null) {
      this.refuse(503, gate.reason());
      return;
    }
    // Nobody passes those who wait.
    this.slot = waiting.count > 0 ? null : this.context.acquire();
    if (this.slot !== null) return;
    this.kept = [];
    this.client = this.exchange.caller || this.exchange.remoteAddress;
    waiting.enter(this);
  }

  private refuseFull(): void {
    this.context.countSlotsFull();
    this.isFull = true;
    this.refuse(503, "all request slots are in use");
  }

  /** Gives back the slot or the place in the waiting room. */
  private giveBack(): void {
    this.leave();
    const { slot } = this;
    if (slot === null) return;
    this.context.incomplete.delete(this);
    this.slot = null;
    slot.release();
    this.context.waiting.serve();
  }

  private leave(): void {
    if (this.kept === null) return;
    this.kept = null;
    this.context.waiting.leave(this);
    this.keptBytes = 0;
  }

  /** Reads on without keeping: whoever is answered in the middle of sending sees a reset, not the answer. */
  private discard(bytes: number): void {
    const before = this.discardedBytes;
    this.discardedBytes += bytes;
    if (before <= DISCARD_BYTES_MAX && this.discardedBytes > DISCARD_BYTES_MAX) this.answerRefusal(true);
  }
}

/** What a body counts for whose length nobody knows. */
const UNDECLARED_COST = 64 * 1024;

const NOTHING_WRITTEN: WriteAnswer = {
  status: 0,
  message: "",
  samples: 0,
  histograms: 0,
  exemplars: 0,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
};
