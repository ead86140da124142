/**
 * Undoes the "U__" escaping with which a label name of any characters fits into a URL path
 * (Prometheus' UTF-8 proposal: `_2e_` is the character U+002E, `__` an underscore).
 * A name without the prefix, or with a broken escape, is returned as it is.
 */
export function unescapeLabelName(name: string): string {
  if (!name.startsWith("U__")) return name;
  const escaped = name.slice(3);
  let unescaped = "";
  for (let i = 0; i < escaped.length; i++) {
    const char = escaped[i] as string;
    if (char !== "_") {
      unescaped += char;
      continue;
    }
    if (escaped[i + 1] === "_") {
      unescaped += "_";
      i++;
      continue;
    }
    const end = escaped.indexOf("_", i + 1);
    const digits = end < 0 ? "" : escaped.slice(i + 1, end);
    const codePoint = /^[0-9a-fA-F]{1,6}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
    if (codePoint < 0 || codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return name;
    unescaped += String.fromCodePoint(codePoint);
    i = end;
  }
  return unescaped;
}
