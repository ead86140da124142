import { DISCARD_BYTES_MAX } from "../base/limits.js";
import type { Refusal } from "./access.js";
import type { Body, BodySink, Exchange, HeaderList } from "./transport.js";

/**
 * An exchange whose sender is not known yet. Its route may read the body meanwhile; that the body is complete, and
 * the route's answer, wait for the decision. A refusal takes the body from the route and answers instead of it.
 */
export class GatedExchange implements Exchange {
  private readonly inner: Exchange;
  private readonly answerRefusal: (refusal: Refusal, close: boolean) => void;
  private state: "open" | "waiting" | Refusal = "waiting";
  private sink: BodySink | null = null;
  private bodyEnded = false;
  private discardedBytes = 0;
  private held: (() => void) | null = null;

  /** `decision` does not reject. */
  constructor(
    inner: Exchange,
    decision: Promise<Refusal | null>,
    answerRefusal: (refusal: Refusal, close: boolean) => void,
  ) {
    this.inner = inner;
    this.answerRefusal = answerRefusal;
    void decision.then((refusal) => (refusal === null ? this.open() : this.refuse(refusal)));
  }

  get method(): string {
    return this.inner.method;
  }

  get path(): string {
    return this.inner.path;
  }

  get query(): string {
    return this.inner.query;
  }

  get finished(): boolean {
    return this.inner.finished || this.held !== null || typeof this.state === "object";
  }

  get caller(): string {
    return this.inner.caller;
  }

  set caller(name: string) {
    this.inner.caller = name;
  }

  get requestId(): string {
    return this.inner.requestId;
  }

  get remoteAddress(): string {
    return this.inner.remoteAddress;
  }

  get onGone(): (() => void) | null {
    return this.inner.onGone;
  }

  set onGone(handler: (() => void) | null) {
    this.inner.onGone = handler;
  }

  header(name: string): string {
    return this.inner.header(name);
  }

  receive(sink: BodySink): void {
    this.sink = sink;
    this.inner.receive({
      chunk: (bytes) => this.chunk(bytes),
      end: () => this.ended(),
      aborted: () => this.take()?.aborted(),
    });
  }

  send(status: number, headers: HeaderList, body: Body, close?: boolean, sent?: () => void): void {
    this.answer(() => this.inner.send(status, headers, body, close, sent));
  }

  stream(status: number, headers: HeaderList, pull: () => Promise<Uint8Array | null>): void {
    this.answer(() => this.inner.stream(status, headers, pull));
  }

  private answer(answer: () => void): void {
    if (this.finished) return;
    if (this.state === "open") answer();
    else this.held = answer;
  }

  private chunk(bytes: Uint8Array): void {
    if (typeof this.state !== "object") this.sink?.chunk(bytes);
    else this.discard(this.state, bytes.length);
  }

  private ended(): void {
    this.bodyEnded = true;
    if (this.state === "open") this.take()?.end();
    else if (this.state !== "waiting") this.answerRefusal(this.state, false);
  }

  private open(): void {
    this.state = "open";
    const { held } = this;
    this.held = null;
    if (held !== null) held();
    else if (this.bodyEnded) this.take()?.end();
  }

  private refuse(refusal: Refusal): void {
    this.state = refusal;
    const sink = this.take();
    sink?.aborted();
    // Whoever is answered in the middle of sending sees a reset, not the answer.
    if (this.bodyEnded || sink === null) this.answerRefusal(refusal, false);
  }

  private discard(refusal: Refusal, bytes: number): void {
    const before = this.discardedBytes;
    this.discardedBytes += bytes;
    const over = before <= DISCARD_BYTES_MAX && this.discardedBytes > DISCARD_BYTES_MAX;
    if (over) this.answerRefusal(refusal, true);
  }

  private take(): BodySink | null {
    const { sink } = this;
    this.sink = null;
    return sink;
  }
}

/** Reads a body that nobody wants, at most so much that its sender reads the answer, then calls `done`. */
export function discardBody(exchange: Exchange, done: (close: boolean) => void): void {
  let bytes = 0;
  let answered = false;
  const answer = (close: boolean): void => {
    if (!answered) done(close);
    answered = true;
  };
  exchange.receive({
    chunk(part) {
      bytes += part.length;
      if (bytes > DISCARD_BYTES_MAX) answer(true);
    },
    end: () => answer(false),
    aborted() {},
  });
}
