/** `varve replay`. */
import { RefusalError } from "../base/errors.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { CommandCall } from "./command.js";
import { Progress } from "./progress.js";
import { type ReplayReport, replayCapture } from "./replay-capture.js";
import { authorization } from "./server-access.js";

export async function runReplay({ options, operands, err }: CommandCall): Promise<number> {
  const [file = ""] = operands;
  const to = parseUrl(options.text("to"));
  const speed = parseSpeed(options.text("speed"));
  const headers = { ...authorization(), ...parseHeaders(options.texts("header")) };
  if (!fs.exists(file)) throw new RefusalError("bad_data", `${file} does not exist`);
  const progress = new Progress(err);
  const report = await replayCapture(fs, { file, to, speed, headers }, (so, share) =>
    progress.show("replaying", share, 1, `${so.requests} requests`),
  );
  await progress.clear();
  await err.line(`${describe(report)} in ${progress.seconds.toFixed(1)}s`);
  if (report.firstFailure === "") return 0;
  await err.line(`first refusal: ${report.firstFailure}`);
  return 1;
}

function describe({ requests, bytes, statuses }: ReplayReport): string {
  const counts = [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status === 0 ? "no answer" : status}`);
  const answers = counts.length === 0 ? "" : ` (${counts.join(", ")})`;
  return `replayed ${requests} requests, ${(bytes / 2 ** 20).toFixed(1)} MiB${answers}`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RefusalError(
      "bad_data",
      "--to: an http or https URL is needed: http://127.0.0.1:9090 would be one",
    );
  }
  return url;
}

function parseSpeed(text: string): number {
  if (text === "max") return Number.POSITIVE_INFINITY;
  const speed = /^\d+(?:\.\d+)?x?$/.test(text) ? Number.parseFloat(text) : 0;
  if (speed > 0) return speed;
  throw new RefusalError("bad_data", `--speed: ${JSON.stringify(text)} is no speed: 1x, 10x or max would be`);
}

function parseHeaders(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const parts = /^([!#$%&'*+.^_`|~\w-]+):\s*([^\r\n]*)$/.exec(text);
      if (parts === null)
        throw new RefusalError("bad_data", `--header: ${JSON.stringify(text)} is not Name: value`);
      return [(parts[1] as string).toLowerCase(), parts[2] as string];
    }),
  );
}
