/**
 * The shapes of patterns that need no regular-expression engine: literals, alternations of literals, and
 * literals with `.*` and `.+` between them. Nine of ten matchers in dashboards are of these.
 * A pattern that this file does not understand to the last character has no shape (null): never a guess.
 */

/** Literal pieces with a gap between each two: `pieces.length === gaps.length + 1`. */
export interface Glob {
  readonly pieces: readonly string[];
  /** Fewest characters in each gap: 0 for `.*`, 1 for `.+`. */
  readonly gaps: readonly number[];
}

/** A pattern of more branches than this goes to the engine. */
const BRANCHES_MAX = 1024;
const DEPTH_MAX = 16;
const META = new Set("\\.+*?()|[]{}^$");
const QUANTIFIERS = new Set("*+?{");

interface Cursor {
  readonly pattern: string;
  at: number;
}

/** The branches of `pattern`, or null where it is not of a simple shape. */
export function parseShape(pattern: string): Glob[] | null {
  const cursor = { pattern, at: 0 };
  const branches = parseAlternation(cursor, 0);
  if (branches === null || cursor.at !== pattern.length || branches.some(hasAdjacentGaps)) return null;
  return branches;
}

/** `.+.+` counts characters, which a gap in UTF-16 units cannot. */
function hasAdjacentGaps(glob: Glob): boolean {
  return glob.pieces.some((piece, i) => piece === "" && i > 0 && i < glob.pieces.length - 1);
}

function parseAlternation(cursor: Cursor, depth: number): Glob[] | null {
  if (depth > DEPTH_MAX) return null;
  const branches: Glob[] = [];
  for (;;) {
    const sequence = parseSequence(cursor, depth);
    if (sequence === null || branches.length + sequence.length > BRANCHES_MAX) return null;
    for (const branch of sequence) branches.push(branch);
    if (cursor.pattern[cursor.at] !== "|") return branches;
    cursor.at++;
  }
}

function parseSequence(cursor: Cursor, depth: number): Glob[] | null {
  const { pattern } = cursor;
  let branches: Glob[] = [{ pieces: [""], gaps: [] }];
  while (cursor.at < pattern.length) {
    const char = pattern[cursor.at] as string;
    if (char === "|" || char === ")") break;
    const next = parseAtom(cursor, depth);
    if (next === null || branches.length * next.length > BRANCHES_MAX) return null;
    if (cursor.at < pattern.length && QUANTIFIERS.has(pattern[cursor.at] as string)) return null;
    branches = branches.flatMap((before) => next.map((after) => join(before, after)));
  }
  return branches;
}

function join(before: Glob, after: Glob): Glob {
  const pieces = before.pieces.slice(0, -1);
  pieces.push((before.pieces.at(-1) as string) + (after.pieces[0] as string));
  return { pieces: pieces.concat(after.pieces.slice(1)), gaps: before.gaps.concat(after.gaps) };
}

function parseAtom(cursor: Cursor, depth: number): Glob[] | null {
  const { pattern } = cursor;
  const char = pattern[cursor.at] as string;
  if (char === ".") return parseGap(cursor);
  if (char === "(") return parseGroup(cursor, depth);
  if (char === "[") return parseClass(cursor);
  if (char === "\\") {
    const escaped = pattern[cursor.at + 1];
    if (escaped === undefined || !META.has(escaped)) return null;
    cursor.at += 2;
    return [{ pieces: [escaped], gaps: [] }];
  }
  if (META.has(char)) return null;
  const start = cursor.at;
  cursor.at++;
  while (cursor.at < pattern.length && !META.has(pattern[cursor.at] as string)) cursor.at++;
  // A quantifier binds to the last character only: leave the run to the engine.
  return [{ pieces: [pattern.slice(start, cursor.at)], gaps: [] }];
}

function parseGap(cursor: Cursor): Glob[] | null {
  const quantifier = cursor.pattern[cursor.at + 1];
  if (quantifier !== "*" && quantifier !== "+") return null;
  cursor.at += 2;
  return [{ pieces: ["", ""], gaps: [quantifier === "+" ? 1 : 0] }];
}

function parseGroup(cursor: Cursor, depth: number): Glob[] | null {
  const { pattern } = cursor;
  cursor.at++;
  if (pattern.startsWith("?:", cursor.at)) cursor.at += 2;
  else if (pattern[cursor.at] === "?") return null;
  const inner = parseAlternation(cursor, depth + 1);
  if (inner === null || pattern[cursor.at] !== ")") return null;
  cursor.at++;
  return inner;
}

/** Only classes of plain ASCII letters, digits and a few signs: `[abc]`, `[0-9]`. */
function parseClass(cursor: Cursor): Glob[] | null {
  const found = /^\[((?:[a-zA-Z0-9_:]-[a-zA-Z0-9_:]|[a-zA-Z0-9_:])+)\]/.exec(
    cursor.pattern.slice(cursor.at, cursor.at + 80),
  );
  if (found === null) return null;
  const body = found[1] as string;
  const chars = new Set<string>();
  for (let i = 0; i < body.length; ) {
    const low = body.charCodeAt(i);
    const ranged = body[i + 1] === "-";
    const high = ranged ? body.charCodeAt(i + 2) : low;
    if (high < low) return null;
    for (let code = low; code <= high; code++) chars.add(String.fromCharCode(code));
    i += ranged ? 3 : 1;
  }
  cursor.at += found[0].length;
  return [...chars].map((char) => ({ pieces: [char], gaps: [] }));
}

/** The literal that every match of `pattern` starts with, "" where unknown. */
export function literalPrefix(pattern: string): string {
  if (pattern.includes("|")) return "";
  let end = 0;
  while (end < pattern.length && !META.has(pattern[end] as string)) end++;
  if (mayBeRepeated(pattern, end)) {
    end--;
    // Never half a surrogate pair.
    if (end > 0 && (pattern.charCodeAt(end) & 0xfc00) === 0xdc00) end--;
  }
  return pattern.slice(0, Math.max(end, 0));
}

/** Whether what stands before `at` can have its quantifier there: one looks through flags and empty quotes. */
function mayBeRepeated(pattern: string, at: number): boolean {
  if (at >= pattern.length) return false;
  return (
    QUANTIFIERS.has(pattern[at] as string) || pattern.startsWith("(?", at) || pattern.startsWith("\\Q", at)
  );
}

/** Linear in the value: leftmost placement of each piece is enough, since a gap may hold anything. */
export function matchesGlob(glob: Glob, value: string): boolean {
  const { pieces, gaps } = glob;
  const last = pieces.length - 1;
  const first = pieces[0] as string;
  if (last === 0) return value === first;
  if (!value.startsWith(first)) return false;
  let at = first.length;
  for (let i = 1; i < last; i++) {
    const piece = pieces[i] as string;
    const found = value.indexOf(piece, at + (gaps[i - 1] as number));
    if (found < 0) return false;
    at = found + piece.length;
  }
  const tail = pieces[last] as string;
  return value.length - tail.length >= at + (gaps[last - 1] as number) && value.endsWith(tail);
}
