/** `varve import --to URL`: the same inputs, sent to a running server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { RefusalError } from "../base/errors.js";
import { BLOCK_RANGE_MS } from "../compact/plan.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import { openPrinter } from "../transfer/export-format.js";
import { type ExportCursor, exportPiece } from "../transfer/export-series.js";
import type { CommandCall } from "./command.js";
import { type ImportInput, readInput, type TextFormat } from "./import-input.js";
import { importInto } from "./import-run.js";
import { openFolder } from "./open-folder.js";
import type { Output } from "./output.js";
import { Progress } from "./progress.js";
import { authorization, causeOf } from "./server-access.js";

const PIECE_BYTES: number = 4 * 1024 * 1024;
const CACHE_BYTES: number = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const ANSWERS_SHOWN_MAX = 10;

export async function importToServer(
  { options, err }: CommandCall,
  inputs: readonly ImportInput[],
): Promise<number> {
  const sender = new Sender(options.text("to").replace(/\/+$/, ""), err);
  for (const input of inputs) {
    if (input.kind === "folder") await sendFolder(input, sender, options.number("memory"), err);
    else await sendFile(input, sender);
  }
  await sender.end();
  return sender.refused === 0 ? 0 : 1;
}

class Sender {
  refused = 0;
  private sentBytes = 0;
  private readonly url: string;
  private readonly err: Output;
  private readonly progress: Progress;

  constructor(url: string, err: Output) {
    this.url = url;
    this.err = err;
    this.progress = new Progress(err);
  }

  /** Sends whole lines. A refusal of some of them is told and counted, anything else ends the import. */
  async send(lines: Uint8Array, format: TextFormat): Promise<void> {
    if (lines.length === 0) return;
    const path = format === "jsonl" ? "/api/v1/import" : "/api/v1/import/prometheus";
    const type = format === "openmetrics" ? "application/openmetrics-text; version=1.0.0" : "text/plain";
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers: { "Content-Type": type, "Content-Encoding": "gzip", ...authorization() },
      body: new Uint8Array(gzipSync(lines, { level: 1 })),
    }).catch((error: unknown) => {
      throw new RefusalError("unavailable", `${this.url} cannot be reached: ${causeOf(error)}`);
    });
    const text = (await answer.text()).trim();
    this.sentBytes += lines.length;
    if (answer.status === 400) await this.refuse(text);
    else if (answer.status !== 204)
      throw new RefusalError("unavailable", `${this.url} answers ${answer.status}: ${text}`);
    await this.progress.show("sending", 0, 0, `${(this.sentBytes / 2 ** 20).toFixed(1)} MiB`);
  }

  private async refuse(text: string): Promise<void> {
    if (this.refused++ >= ANSWERS_SHOWN_MAX) return;
    await this.progress.clear();
    await this.err.line(text);
  }

  async end(): Promise<void> {
    await this.progress.clear();
    const part = this.refused === 0 ? "" : `; of ${this.refused} requests the server refused a part`;
    await this.err.line(
      `sent ${(this.sentBytes / 2 ** 20).toFixed(1)} MiB in ${this.progress.seconds.toFixed(1)}s${part}`,
    );
  }
}

async function sendFile(input: ImportInput & { readonly kind: "file" }, sender: Sender): Promise<void> {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  for await (const piece of readInput(input.path, 0)) {
    kept.push(piece.slice());
    keptBytes += piece.length;
    const end = piece.lastIndexOf(LINE_FEED) + 1;
    if (keptBytes < PIECE_BYTES || end === 0) continue;
    const whole = Buffer.concat(kept);
    const cut = whole.length - (piece.length - end);
    await sender.send(whole.subarray(0, cut), input.format);
    kept = [whole.subarray(cut)];
    keptBytes = whole.length - cut;
  }
  await sender.send(Buffer.concat(kept), input.format);
}

/** A Prometheus folder becomes blocks in a temporary folder first: its log is in no order that could be sent. */
async function sendFolder(
  input: ImportInput,
  sender: Sender,
  memoryBytesMax: number,
  err: Output,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "varve-import-"));
  try {
    if ((await importInto(folder, [input], memoryBytesMax, err)) !== 0) sender.refused++;
    const opened = openFolder(fs, folder, CACHE_BYTES, BLOCK_RANGE_MS);
    const printer = openPrinter("jsonl", []);
    const selection = {
      matchers: [[{ name: "__name__", op: "=~", value: ".*" } as const]],
      startMs: -(2 ** 53),
      endMs: 2 ** 53,
    };
    try {
      let cursor: ExportCursor | null = null;
      do {
        const piece = exportPiece(
          opened.queryable,
          selection,
          printer,
          cursor,
          PIECE_BYTES,
          () => opened.range,
          { checkpoint() {} },
        );
        await sender.send(Buffer.from(piece.text), "jsonl");
        cursor = piece.next;
      } while (cursor !== null);
    } finally {
      opened.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
