/** `Content-Type` as Go's mime.ParseMediaType reads it: what a form is, and what is said about a bad one. */

export interface MediaType {
  /** Lower case, without parameters; "" where there is none. */
  readonly type: string;
  /** In Go's words; null: nothing. */
  readonly error: string | null;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const QUOTED = /^"(?:[^"\\\r\n]|\\.)*"/;

/** `text`: the header, not "". */
export function parseMediaType(text: string): MediaType {
  const mark = text.indexOf(";");
  const type = (mark < 0 ? text : text.slice(0, mark)).trim().toLowerCase();
  const wrong = typeErrorOrNull(type);
  if (wrong !== null) return { type: "", error: wrong };
  const names = new Set<string>();
  let rest = mark < 0 ? "" : text.slice(mark).trimStart();
  while (rest !== "") {
    const parameter = parameterOrNull(rest);
    if (parameter === null) {
      // A semicolon at the end is let pass.
      return { type, error: rest.trim() === ";" ? null : "mime: invalid media parameter" };
    }
    if (names.has(parameter.name)) return { type: "", error: "mime: duplicate parameter name" };
    names.add(parameter.name);
    rest = parameter.rest.trimStart();
  }
  return { type, error: null };
}

function typeErrorOrNull(type: string): string | null {
  const first = TOKEN.exec(type)?.[0] ?? "";
  if (first === "") return "mime: no media type";
  const rest = type.slice(first.length);
  if (rest === "") return null;
  if (!rest.startsWith("/")) return "mime: expected slash after first token";
  const second = TOKEN.exec(rest.slice(1))?.[0] ?? "";
  if (second === "") return "mime: expected token after slash";
  return rest.length === second.length + 1 ? null : "mime: unexpected content after media subtype";
}

function parameterOrNull(text: string): { readonly name: string; readonly rest: string } | null {
  if (!text.startsWith(";")) return null;
  const from = text.slice(1).trimStart();
  const name = TOKEN.exec(from)?.[0] ?? "";
  const behind = from.slice(name.length).trimStart();
  if (name === "" || !behind.startsWith("=")) return null;
  const value = behind.slice(1).trimStart();
  const taken = (QUOTED.exec(value) ?? TOKEN.exec(value))?.[0];
  if (taken === undefined) return null;
  return { name: name.toLowerCase(), rest: value.slice(taken.length) };
}
