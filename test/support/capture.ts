/** Reads the files of `data/captures`: recorded requests of real senders. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface CapturedRequest {
  readonly atMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came: compressed. */
  readonly body: Buffer;
}

/** `name`: e.g. "k6-trend-stats". */
export function readCapture(name: string): CapturedRequest[] {
  const file = readFileSync(fileURLToPath(new URL(`../../data/captures/${name}.rwcap`, import.meta.url)));
  const requests: CapturedRequest[] = [];
  for (let at = 0; at < file.length; ) {
    const headerBytes = file.readUInt32LE(at);
    const header = JSON.parse(file.toString("utf8", at + 4, at + 4 + headerBytes)) as Omit<
      CapturedRequest,
      "body"
    >;
    at += 4 + headerBytes;
    const bodyBytes = file.readUInt32LE(at);
    requests.push({ ...header, body: file.subarray(at + 4, at + 4 + bodyBytes) });
    at += 4 + bodyBytes;
  }
  return requests;
}
