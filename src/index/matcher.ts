import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { compileRegexp } from "../model/regexp.js";

/**
 * A matcher ready to be asked, with what is known about the values it accepts or refuses, so that an index need
 * not try them all.
 */
export interface CompiledMatcher {
  readonly name: string;
  readonly matcher: Matcher;
  /** Accepts "": then it accepts series without the label, too. */
  readonly matchesEmpty: boolean;
  /** Exactly the values it accepts, unique; null where they cannot be listed. */
  readonly accepted: readonly string[] | null;
  /** Exactly the values it refuses, unique; null where they cannot be listed. */
  readonly refused: readonly string[] | null;
  /** Every accepted value begins with this. */
  readonly acceptedPrefix: string;
  /** Every refused value begins with this. */
  readonly refusedPrefix: string;
  test(value: string): boolean;
}

const NONE: readonly string[] = [];
const EMPTY_VALUE: readonly string[] = [""];

/** Throws RefusalError("bad_data") for a bad pattern. */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { op, value } = matcher;
  if (op === "=" || op === "!=") {
    const equal = op === "=";
    return build(matcher, !equal, [value], value, equal ? (v) => v === value : (v) => v !== value);
  }
  const regexp = compileRegexp(value);
  const negated = op === "!~";
  // What the pattern matches as a list, if it has one; its complement where that is the shorter thing to say.
  if (regexp.matchesAll) return build(matcher, !negated, NONE, "", () => !negated);
  if (regexp.matchesNonEmpty) {
    return build(matcher, !negated, EMPTY_VALUE, "", negated ? (v) => v === "" : (v) => v !== "");
  }
  const test = negated ? (v: string) => !regexp.test(v) : (v: string) => regexp.test(v);
  return build(matcher, negated, regexp.literals, regexp.prefix, test);
}

/** `listed` and `prefix` describe what is refused where `complement`, else what is accepted. */
function build(
  matcher: Matcher,
  complement: boolean,
  listed: readonly string[] | null,
  prefix: string,
  test: (value: string) => boolean,
): CompiledMatcher {
  return {
    name: matcher.name,
    matcher,
    matchesEmpty: test(""),
    accepted: complement ? null : listed,
    refused: complement ? listed : null,
    acceptedPrefix: complement ? "" : prefix,
    refusedPrefix: complement ? prefix : "",
    test,
  };
}

export function compileMatchers(matchers: readonly Matcher[]): CompiledMatcher[] {
  return matchers.map(compileMatcher);
}

/** True if the label set satisfies every matcher. */
export function matchesLabels(matchers: readonly CompiledMatcher[], labels: Labels): boolean {
  for (const matcher of matchers) if (!matcher.test(labels.get(matcher.name))) return false;
  return true;
}
