/**
 * JSON as Go's encoding/json writes it: `<`, `>`, `&` and the two line separators are escaped in strings.
 * For small answers; columns of samples go through `JsonWriter`.
 */
export function printGoJson(value: unknown): string {
  const text = JSON.stringify(value);
  const valid = text.includes("\\ud") ? text.replace(ESCAPES, surrogateReplaced) : text;
  return valid.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const ESCAPES = /\\(?:u[0-9a-f]{4}|.)/g;

/** JSON.stringify escapes surrogates only where they are alone: they stand for bytes that are no UTF-8. */
function surrogateReplaced(sequence: string): string {
  return sequence.startsWith("\\ud") ? "\\ufffd" : sequence;
}
