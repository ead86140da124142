/** Sends captured write requests again: in their order, at the distances they had in time, or faster. */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { CAPTURED_BODY_BYTES_MAX, CAPTURED_HEADER_BYTES_MAX } from "../base/limits.js";
import type { FileSystem } from "../io/file-system.js";

export interface ReplayPlan {
  readonly file: string;
  readonly to: URL;
  /** How many times faster than it was captured; Infinity: as fast as answers come. */
  readonly speed: number;
  /** Beside those that were captured, and in their place. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReplayReport {
  requests: number;
  bytes: number;
  /** Answers by status; 0: there was none. */
  readonly statuses: Map<number, number>;
  /** What the first answer that was no 2xx said. */
  firstFailure: string;
}

interface CapturedRequest {
  readonly atMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const ATTEMPTS_MAX = 5;
const RETRY_MS_MAX = 30_000;
const ANSWER_BYTES_SHOWN_MAX = 300;
const TIMEOUT_MS = 60_000;

/**
 * Replays the file. `told` hears the report and the share of the file that is done. Throws RefusalError where the file is
 * none; a server that does not answer or refuses is counted.
 */
export async function replayCapture(
  fs: FileSystem,
  plan: ReplayPlan,
  told: (report: ReplayReport, share: number) => Promise<void>,
): Promise<ReplayReport> {
  const report: ReplayReport = { requests: 0, bytes: 0, statuses: new Map(), firstFailure: "" };
  const sender = new Sender(plan);
  const startMs = systemClock.monotonicMs();
  let firstMs = Number.NaN;
  try {
    for (const { request, share } of readRequests(fs, plan.file)) {
      if (Number.isNaN(firstMs)) firstMs = request.atMs;
      const dueMs = startMs + (request.atMs - firstMs) / plan.speed;
      const waitMs = dueMs - systemClock.monotonicMs();
      if (waitMs > 0) await sleep(waitMs);
      const { status, text } = await sender.send(request);
      report.requests++;
      report.bytes += request.body.length;
      report.statuses.set(status, (report.statuses.get(status) ?? 0) + 1);
      if ((status < 200 || status > 299) && report.firstFailure === "") {
        report.firstFailure =
          `request ${report.requests}: ${status === 0 ? "no answer" : status} ${text}`.trim();
      }
      await told(report, share);
    }
  } finally {
    sender.close();
  }
  return report;
}

class Sender {
  private readonly plan: ReplayPlan;
  private readonly agent: HttpAgent | HttpsAgent;

  constructor(plan: ReplayPlan) {
    this.plan = plan;
    const Agent = plan.to.protocol === "https:" ? HttpsAgent : HttpAgent;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** The last answer: a server that is busy is asked again when it says. */
  async send(request: CapturedRequest): Promise<{ status: number; text: string }> {
    for (let attempt = 1; ; attempt++) {
      const { status, text, retryMs } = await this.sendOnce(request);
      const again = status === 0 || status === 429 || status === 503;
      if (!again || attempt === ATTEMPTS_MAX) return { status, text };
      await sleep(Math.min(retryMs, RETRY_MS_MAX));
    }
  }

  private sendOnce({
    path,
    headers,
    body,
  }: CapturedRequest): Promise<{ status: number; text: string; retryMs: number }> {
    const { to } = this.plan;
    const url = new URL(to.pathname === "/" ? path : to.pathname, to);
    const send = to.protocol === "https:" ? httpsRequest : httpRequest;
    const options = {
      method: "POST",
      agent: this.agent,
      timeout: TIMEOUT_MS,
      headers: { ...headers, ...this.plan.headers, "content-length": body.length },
    };
    return new Promise((resolve) => {
      const failed = (error: Error): void => resolve({ status: 0, text: error.message, retryMs: 1000 });
      const request = send(url, options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          if (text.length < ANSWER_BYTES_SHOWN_MAX) text += piece;
        });
        response.on("error", failed);
        response.on("end", () => {
          const retryMs = 1000 * (Number(response.headers["retry-after"]) || 1);
          const shown = text.slice(0, ANSWER_BYTES_SHOWN_MAX).trim();
          resolve({ status: response.statusCode ?? 0, text: shown, retryMs });
        });
      });
      request.on("error", failed);
      request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** The requests of a capture, each with the share of the file that ends with it. */
function* readRequests(
  fs: FileSystem,
  file: string,
): IterableIterator<{ readonly request: CapturedRequest; readonly share: number }> {
  const fd = fs.open(file, "r");
  try {
    const total = fs.fileBytes(fd);
    let at = 0;
    const take = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      let got = 0;
      while (got < length) {
        const read = fs.read(fd, bytes, got, length - got, at + got);
        if (read === 0) throw bad(file, at, "the file ends in the middle of a request");
        got += read;
      }
      at += length;
      return bytes;
    };
    const length = (max: number): number => {
      const start = at;
      const bytes = new DataView(take(4).buffer).getUint32(0, true);
      if (bytes > max) throw bad(file, start, `a length of ${bytes} bytes: this is no capture`);
      return bytes;
    };
    while (at < total) {
      const start = at;
      const head = parseHead(file, start, take(length(CAPTURED_HEADER_BYTES_MAX)));
      const body = take(length(CAPTURED_BODY_BYTES_MAX));
      yield { request: { ...head, body }, share: at / total };
    }
  } finally {
    fs.close(fd);
  }
}

function parseHead(file: string, at: number, bytes: Uint8Array): Omit<CapturedRequest, "body"> {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw bad(file, at, "the header is no JSON");
  }
  const { atMs, path, headers } = (raw ?? {}) as Partial<Omit<CapturedRequest, "body">>;
  const whole = typeof atMs === "number" && typeof path === "string" && path.startsWith("/");
  if (!whole || typeof headers !== "object" || headers === null)
    throw bad(file, at, "the header has no time, path and headers");
  const texts = Object.entries(headers).filter(([, value]) => typeof value === "string");
  return { atMs, path, headers: Object.fromEntries(texts) };
}

function bad(file: string, at: number, reason: string): RefusalError {
  return new RefusalError("bad_data", `${file} at ${at}: ${reason}`);
}
