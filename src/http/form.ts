import { FORM_BYTES_MAX } from "../base/limits.js";
import type { Params } from "../wire/params.js";
import type { BodySink, Exchange } from "./transport.js";

/** Parses `a=b&c=d`. A pair with a broken escape or a semicolon is left out, as Go does. */
function parseForm(text: string): [string, string][] {
  const params: [string, string][] = [];
  if (text === "") return params;
  for (const pair of text.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const mark = pair.indexOf("=");
    const name = decodeFormOrNull(mark < 0 ? pair : pair.slice(0, mark));
    const value = decodeFormOrNull(mark < 0 ? "" : pair.slice(mark + 1));
    if (name !== null && value !== null) params.push([name, value]);
  }
  return params;
}

function decodeFormOrNull(text: string): string | null {
  return decodePercentOrNull(text.includes("+") ? text.replaceAll("+", " ") : text);
}

/** Undoes percent escapes; bytes that are not UTF-8 become U+FFFD. Null for a broken escape. */
export function decodePercentOrNull(text: string): string | null {
  if (!text.includes("%")) return text;
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    const bytes = new TextEncoder().encode(text);
    let length = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      const escaped = byte === 0x25;
      bytes[length++] = escaped
        ? Number.parseInt(String.fromCharCode(bytes[i + 1]!, bytes[i + 2]!), 16)
        : byte;
      if (escaped) i += 2;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  }
}

/** What became of a body that was collected whole. */
type CollectedBody =
  | { readonly outcome: "complete"; readonly bytes: Uint8Array }
  | { readonly outcome: "too-large" };

/** Collects a body of at most `bytesMax`. Memory grows with what arrives, never with what a header promises. */
function collectBody(exchange: Exchange, bytesMax: number, done: (body: CollectedBody) => void): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const sink: BodySink = {
    chunk(bytes) {
      length += bytes.length;
      if (length <= bytesMax) chunks.push(bytes.slice());
      else chunks.length = 0;
    },
    end() {
      if (length > bytesMax) done({ outcome: "too-large" });
      else done({ outcome: "complete", bytes: concat(chunks, length) });
    },
    aborted() {
      chunks.length = 0;
    },
  };
  exchange.receive(sink);
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** Calls `done` with the parameters of a GET, or of a form POST once its body is there; null: body too large. */
export function readParams(exchange: Exchange, done: (params: Params | null) => void): void {
  const fromUrl = parseForm(exchange.query);
  const type = exchange.header("content-type").split(";")[0]?.trim().toLowerCase();
  if (exchange.method !== "POST" || type !== "application/x-www-form-urlencoded") {
    done(fromUrl);
    return;
  }
  collectBody(exchange, FORM_BYTES_MAX, (body) => {
    if (body.outcome === "too-large") done(null);
    else done([...parseForm(new TextDecoder().decode(body.bytes)), ...fromUrl]);
  });
}
