import { connect, type Socket } from "node:net";

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A plain TCP connection, for requests that no HTTP client would send. */
export class RawConnection {
  readonly socket: Socket;
  received = "";
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("data", (bytes) => {
      this.received += bytes.toString("latin1");
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Waits for one whole answer (100 Continue is skipped) and takes it off. */
  async answer(timeoutMs = 5000): Promise<RawAnswer> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const taken = this.take();
      if (taken !== null) return taken;
      if (this.closed || Date.now() > end)
        throw new Error(`no answer; received: ${this.received.slice(0, 500)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async waitClosed(timeoutMs = 5000): Promise<boolean> {
    const end = Date.now() + timeoutMs;
    while (!this.closed && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    return this.closed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  private take(): RawAnswer | null {
    const headEnd = this.received.indexOf("\r\n\r\n");
    if (headEnd < 0) return null;
    const head = this.received.slice(0, headEnd);
    const status = Number(head.split(" ")[1]);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (this.received.length < end) return null;
    const body = this.received.slice(headEnd + 4, end);
    this.received = this.received.slice(end);
    return status === 100 ? this.take() : { status, head, body };
  }
}
