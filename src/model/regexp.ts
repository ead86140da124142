import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import { RefusalError } from "../base/errors.js";
import { REGEXP_CACHE_MAX, REGEXP_CACHED_LENGTH_MAX } from "../base/limits.js";
import { worked } from "../base/patience.js";
import { type Glob, literalPrefix, matchesGlob, parseShape } from "./regexp-shape.js";

/**
 * Regular expressions of label matchers: RE2 syntax and semantics, anchored at both ends, `.` matches newlines
 * (`^(?s:PATTERN)$`), time linear in the value for every pattern.
 */
export interface CompiledRegexp {
  readonly pattern: string;
  /** The pattern matches exactly these values (unique, in the pattern's order); null where that is not so. */
  readonly literals: readonly string[] | null;
  /** Every match starts with this; "" where nothing is known. */
  readonly prefix: string;
  /** `.*`: every value matches. */
  readonly matchesAll: boolean;
  /** `.+`: every value but the empty one matches. */
  readonly matchesNonEmpty: boolean;
  test(value: string): boolean;
  /** `template` with `$1`, `${name}`, `$$` replaced by the submatches of `value`; null where it does not match. */
  expand(value: string, template: string): string | null;
}

/** Of `worked`; patterns of many states take a multiple of it. */
const ENGINE_WORK_PER_CHARACTER = 20;

const cache = new Map<string, CompiledRegexp>();

/** Loaded by the first pattern that needs it: most threads of most servers never do, and it takes 15 ms of each. */
let engines: typeof import("re2js") | undefined;

function loadEngines(): typeof import("re2js") {
  engines ??= createRequire(import.meta.url)("re2js") as typeof import("re2js");
  return engines;
}

/** Throws RefusalError("bad_data") with the words of Go's regexp package where `pattern` is not valid. */
export function compileRegexp(pattern: string): CompiledRegexp {
  const known = cache.get(pattern);
  if (known !== undefined) {
    cache.delete(pattern);
    cache.set(pattern, known);
    return known;
  }
  const compiled = new Regexp(pattern);
  if (pattern.length <= REGEXP_CACHED_LENGTH_MAX) {
    if (cache.size >= REGEXP_CACHE_MAX) cache.delete(cache.keys().next().value as string);
    cache.set(pattern, compiled);
  }
  return compiled;
}

class Regexp implements CompiledRegexp {
  readonly pattern: string;
  readonly literals: readonly string[] | null = null;
  readonly prefix: string;
  readonly matchesAll: boolean;
  readonly matchesNonEmpty: boolean;
  private readonly literalSet: ReadonlySet<string> | null = null;
  private readonly globs: readonly Glob[] | null = null;
  private engine: RE2JS | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
    const shape = parseShape(pattern);
    if (shape === null) {
      this.engine = compileEngine(pattern);
      this.prefix = literalPrefix(pattern);
    } else if (shape.every((glob) => glob.gaps.length === 0)) {
      this.literalSet = new Set(shape.map((glob) => glob.pieces[0] as string));
      this.literals = [...this.literalSet];
      this.prefix = commonPrefix(this.literals);
    } else {
      this.globs = shape;
      this.prefix = commonPrefix(shape.map((glob) => glob.pieces[0] as string));
    }
    const only = this.globs?.length === 1 ? this.globs[0] : undefined;
    const gapOnly = only?.pieces.length === 2 && only.pieces.every((piece) => piece === "");
    this.matchesAll = gapOnly && only?.gaps[0] === 0;
    this.matchesNonEmpty = gapOnly && only?.gaps[0] === 1;
  }

  test(value: string): boolean {
    if (this.literalSet !== null) return this.literalSet.has(value);
    if (this.globs !== null) {
      worked(this.globs.length + (value.length >> 3));
      for (const glob of this.globs) if (matchesGlob(glob, value)) return true;
      return false;
    }
    if (!value.startsWith(this.prefix)) return false;
    worked(ENGINE_WORK_PER_CHARACTER * value.length);
    return this.loadEngine().testExact(value);
  }

  expand(value: string, template: string): string | null {
    worked(ENGINE_WORK_PER_CHARACTER * value.length);
    const engine = this.loadEngine();
    const matcher = engine.matcher(value);
    if (!matcher.matches()) return null;
    const names = engine.namedGroups();
    return expandTemplate(template, (name) => {
      const index = /^[0-9]+$/.test(name) ? Number(name) : names[name];
      if (index === undefined || index > engine.groupCount()) return "";
      return matcher.group(index) ?? "";
    });
  }

  private loadEngine(): RE2JS {
    this.engine ??= compileEngine(this.pattern);
    return this.engine;
  }
}

function compileEngine(pattern: string): RE2JS {
  const { RE2JS, RE2JSException } = loadEngines();
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // The engine writes its flags in front of a pattern that it quotes as a whole, and no empty quotes.
    const message = error.message.replace(`\`(?s)${pattern}\``, () => `\`${pattern}\``);
    throw new RefusalError("bad_data", message.endsWith("`") ? message : `${message}: \`\``);
  }
}

function commonPrefix(values: readonly string[]): string {
  let prefix = values[0] ?? "";
  for (const value of values) {
    while (!value.startsWith(prefix)) prefix = prefix.slice(0, -1);
  }
  return prefix;
}

/** A pattern that matches just this text. */
export function escapeRegexp(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

/** The template language of Go's `regexp.Expand`: a `$` that starts no reference stands for itself. */
function expandTemplate(template: string, lookup: (name: string) => string): string {
  let out = "";
  let at = 0;
  for (;;) {
    const dollar = template.indexOf("$", at);
    if (dollar < 0) return out + template.slice(at);
    out += template.slice(at, dollar);
    if (template[dollar + 1] === "$") {
      out += "$";
      at = dollar + 2;
      continue;
    }
    REFERENCE.lastIndex = dollar;
    const found = REFERENCE.exec(template);
    if (found === null) {
      out += "$";
      at = dollar + 1;
      continue;
    }
    out += lookup((found[1] ?? found[2]) as string);
    at = REFERENCE.lastIndex;
  }
}

const REFERENCE = /\$(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/uy;
