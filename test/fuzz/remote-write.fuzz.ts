/**
 * Sends hostile Remote Write requests to a running server and judges every answer:
 *   node dist-test/fuzz/remote-write.fuzz.js --url http://127.0.0.1:9090 [--count 100000] [--seed 1]
 *     [--pid <server>] [--concurrency 8] [--now <ms>]
 * Exit status 1 if anything was wrong. A run is repeated by its seed and `--now`; answers that depend on what is
 * stored already (duplicates) may differ.
 */
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FuzzRequest, RequestSource } from "./request-source.js";
import { judgeAccepted } from "./write-verdict.js";

export interface FuzzOptions {
  readonly url: string;
  readonly count: number;
  readonly seed: number;
  readonly nowMs: number;
  /** Whose resident memory must stay flat; none: not judged. */
  readonly pid?: number;
  readonly concurrency?: number;
  readonly requestTimeoutMs?: number;
  /** Growth of resident memory from the first third of the run to its end that is still flat. */
  readonly rssGrowthBytesMax?: number;
}

export interface FuzzReport {
  /** Answers by status; 0: the connection was closed without one. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The first few things that were wrong, each with the request's number. */
  readonly violations: readonly string[];
  readonly violationCount: number;
  /** 204s whose truth could be judged. */
  readonly judged: number;
  readonly slowest: string;
  readonly slowestMs: number;
  readonly rssStartBytes: number;
  readonly rssEndBytes: number;
  readonly seconds: number;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const CLEAR: readonly number[] = [204, 400, 405, 413, 415, 429, 503];
const MESSAGE_CHARACTERS_MAX = 4096;
const VIOLATIONS_SHOWN_MAX = 20;
/** So many of them end the run: the server is gone, or wrong in every answer. */
const VIOLATIONS_MAX = 200;
const DEFAULTS = { concurrency: 8, requestTimeoutMs: 10_000, rssGrowthBytesMax: 96 * 1024 * 1024 };

class Fuzz {
  readonly statuses: Record<string, number> = {};
  readonly violations: string[] = [];
  violationCount = 0;
  judged = 0;
  slowestMs = 0;
  private slowest = "";
  rssStartBytes = 0;
  private next = 0;
  private readonly options: FuzzOptions & typeof DEFAULTS;
  private readonly agent: Agent;
  private readonly source: RequestSource;

  constructor(options: FuzzOptions) {
    this.options = { ...DEFAULTS, ...options };
    this.agent = new Agent({ keepAlive: true, maxSockets: this.options.concurrency });
    this.source = new RequestSource(options.seed, options.nowMs);
  }

  async run(): Promise<FuzzReport> {
    const startMs = performance.now();
    await this.expectHealthy(0);
    const sender = async (): Promise<void> => {
      while (this.next < this.options.count && this.violationCount < VIOLATIONS_MAX)
        await this.one(this.next++);
    };
    await Promise.all(Array.from({ length: this.options.concurrency }, sender));
    await this.expectHealthy(1);
    this.agent.destroy();
    const rssEndBytes = this.rssBytes();
    if (rssEndBytes > this.rssStartBytes + this.options.rssGrowthBytesMax) {
      this.wrong(`resident memory grew from ${this.rssStartBytes} to ${rssEndBytes} bytes`);
    }
    const { statuses, violations, violationCount, judged, slowest, slowestMs, rssStartBytes } = this;
    const seconds = (performance.now() - startMs) / 1000;
    return {
      statuses,
      violations,
      violationCount,
      judged,
      slowest,
      slowestMs,
      rssStartBytes,
      rssEndBytes,
      seconds,
    };
  }

  private async one(number: number): Promise<void> {
    if (number === Math.floor(this.options.count / 3)) this.rssStartBytes = this.rssBytes();
    const sent = this.source.request(number);
    const startMs = performance.now();
    try {
      const answer = await this.send(sent);
      const tookMs = performance.now() - startMs;
      if (tookMs > this.slowestMs) {
        this.slowestMs = tookMs;
        this.slowest = `request ${number} (${sent.kind})`;
      }
      this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1;
      const reason = judge(sent, answer, Date.now());
      if (reason === null) return;
      if (reason === "judged") this.judged++;
      else this.wrong(`request ${number} (${sent.kind}): ${reason}`);
    } catch (error) {
      this.statuses[0] = (this.statuses[0] ?? 0) + 1;
      this.wrong(
        `request ${number} (${sent.kind}): ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  private async expectHealthy(number: number): Promise<void> {
    const { status, body } = await this.send(this.source.healthy(number)).catch((error) => ({
      status: 0,
      body: String(error),
    }));
    if (status !== 204) this.wrong(`a healthy request was answered ${status} ${body}`);
  }

  private send(sent: FuzzRequest, retries = 1): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = { ...sent.headers };
      if (!sent.chunked) headers["Content-Length"] = String(sent.body.length);
      const outgoing = httpRequest(`${this.options.url}/api/v1/write`, {
        method: sent.method,
        headers,
        agent: this.agent,
      });
      outgoing.setTimeout(this.options.requestTimeoutMs, () =>
        outgoing.destroy(new Error("no answer in time")),
      );
      outgoing.on("response", (incoming) => {
        const parts: Uint8Array[] = [];
        incoming.on("data", (part: Uint8Array) => parts.push(part));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const body = Buffer.concat(parts).toString();
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        });
      });
      outgoing.on("error", (error) => {
        // A server may close an idle connection at the moment it is used again; a fresh one must work.
        if (outgoing.reusedSocket && retries > 0) this.send(sent, retries - 1).then(resolve, reject);
        else reject(error);
      });
      if (sent.chunked) {
        const half = sent.body.length >> 1;
        outgoing.write(sent.body.subarray(0, half));
        outgoing.end(sent.body.subarray(half));
      } else outgoing.end(sent.body);
    });
  }

  private wrong(what: string): void {
    this.violationCount++;
    if (this.violations.length < VIOLATIONS_SHOWN_MAX) this.violations.push(what);
  }

  private rssBytes(): number {
    const { pid } = this.options;
    if (pid === undefined) return 0;
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    } catch {
      this.wrong(`the server (process ${pid}) is gone`);
      return 0;
    }
  }
}

/** Null: nothing wrong. "judged": a 204 that was found true. */
function judge(sent: FuzzRequest, { status, headers, body }: Answer, nowMs: number): string | null {
  if (!CLEAR.includes(status)) return `answered ${status} ${body.slice(0, 200)}`;
  if (status !== 204) {
    if (sent.method !== "HEAD" && body.trim() === "") return `answered ${status} without a word`;
    if (body.length > MESSAGE_CHARACTERS_MAX) return `answered ${status} with ${body.length} characters`;
    const patient = status === 429 || status === 503;
    return patient && headers["retry-after"] === undefined ? `answered ${status} without Retry-After` : null;
  }
  if (body !== "") return "a 204 with a body";
  if (sent.protocol === null) return null;
  const content = judgeAccepted(sent.body, sent.protocol, nowMs);
  if (content === null) return null;
  if (typeof content === "string") return `answered 204 although ${content}`;
  for (const kind of ["samples", "histograms", "exemplars"] as const) {
    const written = headers[`x-prometheus-remote-write-${kind}-written`];
    if (sent.protocol === 1 && written !== undefined) return "a 1.0 answer with 2.0's headers";
    if (sent.protocol === 2 && kind !== "exemplars" && Number(written) !== content[kind]) {
      return `204 for ${content[kind]} ${kind}, ${written} written`;
    }
  }
  return "judged";
}

export function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  return new Fuzz(options).run();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      count: { type: "string", default: "100000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      now: { type: "string", default: String(Date.now()) },
      pid: { type: "string" },
      concurrency: { type: "string", default: String(DEFAULTS.concurrency) },
    },
  });
  if (values.url === undefined) throw new Error("--url is needed");
  process.stdout.write(`seed ${values.seed}, now ${values.now}\n`);
  const report = await runFuzz({
    url: values.url,
    count: Number(values.count),
    seed: Number(values.seed),
    nowMs: Number(values.now),
    concurrency: Number(values.concurrency),
    ...(values.pid === undefined ? {} : { pid: Number(values.pid) }),
  });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.violationCount === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
