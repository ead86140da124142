const LONE_SURROGATE = /\p{Cs}/u;

/** Any text but the empty one may name a label, as long as it is text: bad bytes are kept as lone surrogates. */
export function isValidLabelName(name: string): boolean {
  return name !== "" && !LONE_SURROGATE.test(name);
}
