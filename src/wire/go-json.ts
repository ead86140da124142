/**
 * JSON as Go's encoding/json writes it: `<`, `>`, `&` and the two line separators are escaped in strings.
 * For small answers; columns of samples go through `JsonWriter`.
 */
export function printGoJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
