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

/** What Go's parser says about a query string; null where it is in order. */
export function formErrorOrNull(text: string): string | null {
  let found: string | null = null;
  for (const pair of text.split("&")) {
    if (pair.includes(";")) {
      found = "invalid semicolon separator in query";
      continue;
    }
    const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(pair);
    if (bad !== null && found === null) found = `invalid URL escape ${JSON.stringify(bad[0])}`;
  }
  return found;
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

/** Why a body is not there: larger than its route takes, or more than all bodies together may have. */
export type BodyRefusal = "too-large" | "busy";

/** Bytes of all bodies that are being collected or worked on. */
export class BodyBudget {
  private readonly bytesMax: number;
  private bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  take(bytes: number): boolean {
    if (this.bytes + bytes > this.bytesMax) return false;
    this.bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }
}

/**
 * Collects a body of at most `bytesMax`. Memory grows with what arrives, never with what a header promises. What it
 * took from `budget` is the receiver's to give back; of a refused or aborted body it is given back here.
 */
export function collectBody(
  exchange: Exchange,
  bytesMax: number,
  budget: BodyBudget,
  done: (body: Uint8Array | BodyRefusal) => void,
): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let refused: BodyRefusal | null = null;
  const drop = (): void => {
    budget.give(length);
    chunks.length = 0;
    length = 0;
  };
  const sink: BodySink = {
    chunk(bytes) {
      if (refused !== null) return;
      if (length + bytes.length > bytesMax) refused = "too-large";
      else if (!budget.take(bytes.length)) refused = "busy";
      if (refused !== null) return drop();
      length += bytes.length;
      chunks.push(bytes.slice());
    },
    end() {
      done(refused ?? concat(chunks, length));
    },
    aborted: drop,
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

/** The parameters in a URL. */
export function urlParams(exchange: Exchange): Params {
  return parseForm(exchange.query);
}

/** Calls `done` with the parameters of a GET, or of a form POST once its body is there. */
export function readParams(
  exchange: Exchange,
  budget: BodyBudget,
  done: (params: Params | BodyRefusal) => void,
): void {
  const fromUrl = urlParams(exchange);
  const type = exchange.header("content-type").split(";")[0]?.trim().toLowerCase();
  const form = exchange.method === "POST" || exchange.method === "PUT";
  if (!form || type !== "application/x-www-form-urlencoded") {
    done(fromUrl);
    return;
  }
  collectBody(exchange, FORM_BYTES_MAX, budget, (body) => {
    if (typeof body === "string") {
      done(body);
      return;
    }
    budget.give(body.length);
    done([...parseForm(new TextDecoder().decode(body)), ...fromUrl]);
  });
}
