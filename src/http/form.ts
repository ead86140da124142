import { FORM_BYTES_MAX } from "../base/limits.js";
import { decodeBytes, quote } from "../model/go-text.js";
import type { Params } from "../wire/params.js";
import { parseMediaType } from "./media-type.js";
import type { BodySink, Exchange } from "./transport.js";

/** Parameters of a request, with what Go's parser says about how they are spelled: null where it is in order. */
export interface Form {
  readonly params: Params;
  readonly error: string | null;
}

/** What the endpoints say that do not pass over it. */
export function formErrorText(error: string): string {
  return `error parsing form values: ${error}`;
}

const FORM_TYPE = "application/x-www-form-urlencoded";
const BROKEN_ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** Parses `a=b&c=d`. A pair with a broken escape or a semicolon is left out, as Go does, and told. */
function parseForm(text: string): Form {
  const params: [string, string][] = [];
  let error: string | null = null;
  if (text === "") return { params, error };
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    if (pair.includes(";")) {
      error = "invalid semicolon separator in query";
      continue;
    }
    const mark = pair.indexOf("=");
    const [name, value] = mark < 0 ? [pair, ""] : [pair.slice(0, mark), pair.slice(mark + 1)];
    const broken = BROKEN_ESCAPE.test(name) ? name : BROKEN_ESCAPE.test(value) ? value : null;
    if (broken === null) params.push([decodeForm(name), decodeForm(value)]);
    else error ??= escapeError(broken);
  }
  return { params, error };
}

function escapeError(text: string): string {
  const bytes = new TextEncoder().encode(text.slice(BROKEN_ESCAPE.exec(text)?.index ?? 0));
  return `invalid URL escape ${quote(decodeBytes(bytes.subarray(0, 3)))}`;
}

function decodeForm(text: string): string {
  return decodePercentOrNull(text.includes("+") ? text.replaceAll("+", " ") : text) ?? "";
}

/** Undoes percent escapes; bytes that are not UTF-8 become lone surrogates (`decodeBytes`). Null for a broken escape. */
export function decodePercentOrNull(text: string): string | null {
  if (!text.includes("%")) return text;
  if (BROKEN_ESCAPE.test(text)) return null;
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
    return decodeBytes(bytes.subarray(0, length));
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
export function urlForm(exchange: Exchange): Form {
  return parseForm(exchange.query);
}

/** Calls `done` with the parameters of a GET, or of a form POST once its body is there: those come first. */
export function readForm(
  exchange: Exchange,
  budget: BodyBudget,
  done: (form: Form | BodyRefusal) => void,
): void {
  const fromUrl = urlForm(exchange);
  const hasBody = exchange.method === "POST" || exchange.method === "PUT";
  const contentType = hasBody ? exchange.header("content-type") : "";
  const { type, error } = contentType === "" ? { type: "", error: null } : parseMediaType(contentType);
  if (type !== FORM_TYPE) {
    done({ params: fromUrl.params, error: error ?? fromUrl.error });
    return;
  }
  collectBody(exchange, FORM_BYTES_MAX, budget, (body) => {
    if (typeof body === "string") {
      done(body);
      return;
    }
    budget.give(body.length);
    const fromBody = parseForm(decodeBytes(body));
    done({
      params: [...fromBody.params, ...fromUrl.params],
      error: error ?? fromBody.error ?? fromUrl.error,
    });
  });
}
