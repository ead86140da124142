/** The rules of docs/STYLE.md that a parser can see. Each returns what breaks it as `path:line: what, and what instead`. */
import * as ts from "typescript";

export interface SourceText {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Rooms that run to completion on a thread: no promises, no native or Node-only types. */
const ENGINE_ROOMS: ReadonlySet<string> = new Set(
  "base model storage encoding kernel io wal index chunk head block compact wire promql db".split(" "),
);
/** The log's committer waits for the disk, and closing the database waits for it. */
const MAY_WAIT: ReadonlySet<string> = new Set(["src/wal/group-commit.ts", "src/db/database.ts"]);
/** Promises as plain values, where the door to the disk turns callbacks into them. */
const MAY_PROMISE: ReadonlySet<string> = new Set(["src/io/file-system.ts", "src/io/node-file-system.ts"]);
const MAY_TOUCH_FILES = /^src\/(io|cli)\/|^src\/kernel\/load-kernel\.ts$/;

/** Calls that are another file's business, with that file. */
const CALLS: ReadonlyMap<string, string> = new Map([
  ["Date.now", "take a Clock (src/base/clock.ts)"],
  ["performance.now", "take a Clock (src/base/clock.ts)"],
  ["process.hrtime", "take a Clock (src/base/clock.ts)"],
  ["Math.random", "take a seed or src/base/random.ts"],
  ["crypto.getRandomValues", "take a seed or src/base/random.ts"],
]);

/** Everything in one TypeScript file of `src/` that the rules forbid. */
export function offencesInSource({ path, text }: SourceText): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    found.push(`${path}:${line}: ${what}`);
  };
  const room = /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
  const rules = [forAll(path, room), ...(ENGINE_ROOMS.has(room) ? [forEngine(path)] : [])];
  const visit = (node: ts.Node): void => {
    for (const rule of rules) {
      const what = rule(node);
      if (what !== null) report(node, what);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

type Rule = (node: ts.Node) => string | null;

function forAll(path: string, room: string): Rule {
  return (node) => {
    if (ts.isIdentifier(node) && node.text === "console" && isValue(node))
      return "console: log through a Logger";
    if (node.kind === ts.SyntaxKind.AnyKeyword) return "any: name the type, or unknown and a check";
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const from = node.moduleSpecifier.text;
      if (/^(node:)?fs(\/|$)/.test(from) && !MAY_TOUCH_FILES.test(path))
        return "fs: take a FileSystem (src/io)";
    }
    if (room !== "base" && ts.isCallExpression(node)) {
      const instead = CALLS.get(node.expression.getText());
      if (instead !== undefined) return `${node.expression.getText()}: ${instead}`;
    }
    if (room !== "base" && ts.isNewExpression(node) && node.expression.getText() === "Date") {
      if ((node.arguments?.length ?? 0) === 0) return "new Date(): take a Clock (src/base/clock.ts)";
    }
    if (path === "src/wire/prometheus-json.ts" && ts.isCallExpression(node)) {
      if (node.expression.getText() === "JSON.stringify")
        return "JSON.stringify: write with src/wire/json-writer.ts";
    }
    return null;
  };
}

function forEngine(path: string): Rule {
  return (node) => {
    if (ts.isIdentifier(node) && node.text === "Buffer" && isValue(node)) return "Buffer: use Uint8Array";
    if (MAY_WAIT.has(path)) return null;
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node))
      return "async: engine rooms run to completion; wait in src/workers";
    if (!ts.isIdentifier(node) || !isValue(node)) return null;
    if (node.text === "Promise" && !MAY_PROMISE.has(path))
      return "Promise: engine rooms run to completion; wait in src/workers";
    return /^set(Timeout|Interval|Immediate)$/.test(node.text)
      ? `${node.text}: engine rooms keep no timers`
      : null;
  };
}

/** False for `x.console` and `{ console: … }`, which only share the word. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !(ts.isPropertyAssignment(parent) && parent.name === node);
}

const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;

/** Files above the bound, and files of the list `known` that have shrunk: the list only ever gets smaller. */
export function offencesInLength(files: readonly SourceText[], known: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  for (const { path, text } of files) {
    const lines = text.split("\n").length - 1;
    const allowed = known.get(path);
    if (allowed === undefined) {
      if (lines > FILE_LINES_MAX)
        found.push(`${path}: ${lines} lines; a file is one noun, at most ${FILE_LINES_MAX}`);
    } else if (lines > allowed) found.push(`${path}: grew from ${allowed} to ${lines} lines`);
    else if (lines < allowed) found.push(`${path}: shrank to ${lines} lines; write that into the list`);
  }
  for (const path of known.keys()) {
    if (!files.some((file) => file.path === path))
      found.push(`${path}: is on the list of long files, and is gone`);
  }
  return found;
}

/** Functions over the bound in AssemblyScript, which Biome does not read. */
export function longFunctions({ path, text }: SourceText): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  ts.forEachChild(file, (node) => {
    if (!ts.isFunctionDeclaration(node)) return;
    const start = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
    const lines = file.getLineAndCharacterOfPosition(node.end).line - start + 1;
    if (lines > FUNCTION_LINES_MAX)
      found.push(
        `${path}:${start + 1}: ${node.name?.text} has ${lines} lines, at most ${FUNCTION_LINES_MAX}`,
      );
  });
  return found;
}

/** Words that no tracked text may hold, with the reason. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\b(TODO|FIXME|XXX)\b/, "do it, or write it into docs/LIMITS.md"],
  [/@ts-nocheck\b/, "@ts-expect-error with a reason, or the right type"],
  [/(^|[\s"'`(=:])\/(home|root|Users|work|mnt)\/\w/, "a path of somebody's machine"],
  [
    /\bregistry\.[a-z0-9-]+\.[a-z]+|\bnpmjs\.(com|org)|"resolved": "http/,
    "the address of a package registry",
  ],
];

export function offencesInWords({ path, text }: SourceText): string[] {
  const found: string[] = [];
  text.split("\n").forEach((line, index) => {
    for (const [pattern, why] of WORDS) {
      const match = pattern.exec(line);
      if (match !== null) found.push(`${path}:${index + 1}: ${match[0].trim()}: ${why}`);
    }
  });
  return found;
}
