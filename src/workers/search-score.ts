/**
 * How well a name matches what somebody types: 0 (not at all) to 1. The measures are those of Prometheus 3.14
 * (util/strutil, web/api/v1/search_filters.go), down to the order of their operations, so that scores are equal.
 */
import { lowerCase } from "../model/go-text.js";
import type { SearchParams } from "../wire/search-params.js";

/** A score for a value that is accepted, else -1. */
export type Scorer = (value: string) => number;

const REFUSED = -1;
/** Whatever is not the same stays below what is. */
const NOT_EXACT = 0.999;
/** Winkler's weight of a common prefix, and the longest that counts. */
const PREFIX_WEIGHT = 0.1;
const PREFIX_MAX = 4;

/** Of several terms the best counts. Null: no term, everything is accepted. */
export function scorerOf({
  terms,
  algorithm,
  threshold,
  caseSensitive,
}: Pick<SearchParams, "terms" | "algorithm" | "threshold" | "caseSensitive">): Scorer | null {
  const texts = terms.filter((term) => term !== "").map((term) => (caseSensitive ? term : lowerCase(term)));
  if (texts.length === 0) return null;
  const scorers = texts.map((text) =>
    algorithm === "subsequence" ? subsequence(text, threshold) : substringOrLike(text, threshold),
  );
  return (value) => {
    const judged = caseSensitive ? value : lowerCase(value);
    let best = REFUSED;
    for (const score of scorers) {
      best = Math.max(best, score(judged));
      if (best >= 1) break;
    }
    return best;
  };
}

function subsequence(term: string, threshold: number): Scorer {
  const pattern = charactersOf(term);
  return (value) => {
    if (value.startsWith(term)) return 1;
    const score = subsequenceScore(pattern, charactersOf(value));
    return score > 0 && score >= threshold ? score : REFUSED;
  };
}

function substringOrLike(term: string, threshold: number): Scorer {
  const pattern = charactersOf(term);
  return (value) => {
    const at = value.indexOf(term);
    if (at === 0) return 1;
    if (at > 0) {
      const before = charactersOf(value.slice(0, at)).length;
      return 1 - (0.9 * before) / (charactersOf(value).length - pattern.length);
    }
    if (threshold === 0) return REFUSED;
    const score = value === "" ? 0 : jaroWinkler(pattern, charactersOf(value));
    return score >= threshold ? score : REFUSED;
  };
}

/** Characters as Unicode counts them; a string itself where every one is a single unit. */
type Characters = ArrayLike<string>;

function charactersOf(text: string): Characters {
  return /[\u0080-\uffff]/.test(text) ? [...text] : text;
}

/** All of `pattern` in its order: runs count by their square, gaps against it. Neither is empty. */
export function subsequenceScore(pattern: Characters, text: Characters): number {
  const share = 1 / text.length;
  let best = REFUSED;
  for (let start = 0; start <= text.length - pattern.length; start++) {
    if (text[start] !== pattern[0]) continue;
    const score = scoreFrom(pattern, text, start, share);
    if (score === null) break; // nor does it fit any further behind
    best = Math.max(best, score);
  }
  return best < 0 ? 0 : (best / (pattern.length * pattern.length)) * NOT_EXACT;
}

function scoreFrom(pattern: Characters, text: Characters, start: number, share: number): number | null {
  let score = 0;
  let next = 0;
  let behind = 0;
  for (let i = start; next < pattern.length; ) {
    while (i < text.length && text[i] !== pattern[next]) i++;
    if (i === text.length) return null;
    const from = i;
    while (i < text.length && next < pattern.length && text[i] === pattern[next]) {
      i++;
      next++;
    }
    if (from > behind) score -= (from - behind) * share;
    score += (i - from) * (i - from);
    behind = i;
  }
  return behind < text.length ? score - (text.length - behind) * share * 0.5 : score;
}

/** Jaro-Winkler similarity of two texts of which neither is empty. */
export function jaroWinkler(one: Characters, other: Characters): number {
  const [short, long] = one.length > other.length ? [other, one] : [one, other];
  const reach = Math.max(Math.floor(long.length / 2) - 1, 0);
  const shortMatched = new Uint8Array(short.length);
  const longMatched = new Uint8Array(long.length);
  let matches = 0;
  for (let i = 0; i < short.length; i++) {
    const end = Math.min(i + reach + 1, long.length);
    for (let j = Math.max(i - reach, 0); j < end; j++) {
      if (longMatched[j] === 1 || short[i] !== long[j]) continue;
      shortMatched[i] = 1;
      longMatched[j] = 1;
      matches++;
      break;
    }
  }
  if (matches === 0) return 0;
  let moved = 0;
  for (let i = 0, k = 0; i < short.length; i++) {
    if (shortMatched[i] === 0) continue;
    while (longMatched[k] === 0) k++;
    if (short[i] !== long[k++]) moved++;
  }
  const jaro =
    (matches * (1 / short.length) + matches * (1 / long.length) + (matches - moved * 0.5) / matches) / 3;
  let prefix = 0;
  while (prefix < Math.min(PREFIX_MAX, short.length) && short[prefix] === long[prefix]) prefix++;
  return jaro + prefix * PREFIX_WEIGHT * (1 - jaro);
}
