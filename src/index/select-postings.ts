import type { CompiledMatcher } from "./matcher.js";
import { EMPTY_POSTINGS, intersect, union, without } from "./postings.js";

/** What `selectPostings` asks of an inverted index: of the head, and of a block. */
export interface PostingsSource {
  /** Every series. */
  allPostings(): Uint32Array;
  /** The series with label `name` = `value` (not ""); empty where there is none. */
  postings(name: string, value: string): Uint32Array;
  /**
   * The postings of every value of label `name` that begins with `prefix` and that `accepts`; all of them where
   * `accepts` is null. In any order.
   */
  matchingPostings(name: string, prefix: string, accepts: ((value: string) => boolean) | null): Uint32Array[];
}

/**
 * The series that satisfy all matchers, ascending; every series where there are none. A series without a label
 * has the value "" for it, so a matcher that accepts "" takes away the series whose value it refuses instead of
 * collecting those whose value it accepts.
 */
export function selectPostings(source: PostingsSource, matchers: readonly CompiledMatcher[]): Uint32Array {
  const adding = matchers.filter((matcher) => !matcher.matchesEmpty);
  const removing = matchers.filter((matcher) => matcher.matchesEmpty);
  // Lists of values are cheap to look up: they come first, and an empty one ends the search.
  adding.sort((a, b) => cost(a.accepted) - cost(b.accepted));
  const lists: Uint32Array[] = [];
  for (const matcher of adding) {
    const list = acceptedPostings(source, matcher);
    if (list.length === 0) return EMPTY_POSTINGS;
    lists.push(list);
  }
  let result = lists.length > 0 ? intersect(lists) : source.allPostings();
  for (const matcher of removing) {
    if (result.length === 0) break;
    result = without(result, refusedPostings(source, matcher));
  }
  return result;
}

function cost(accepted: readonly string[] | null): number {
  return accepted === null ? Number.POSITIVE_INFINITY : accepted.length;
}

function acceptedPostings(source: PostingsSource, matcher: CompiledMatcher): Uint32Array {
  const { name, accepted, refused } = matcher;
  if (accepted !== null) return union(accepted.map((value) => source.postings(name, value)));
  // `!=""`, `=~".+"`: the empty value is the only one refused, so every value there is will do.
  const all = refused?.length === 1 && refused[0] === "";
  return union(
    source.matchingPostings(name, matcher.acceptedPrefix, all ? null : (value) => matcher.test(value)),
  );
}

function refusedPostings(source: PostingsSource, matcher: CompiledMatcher): Uint32Array {
  const { name, accepted, refused } = matcher;
  if (refused !== null) return union(refused.map((value) => source.postings(name, value)));
  const all = accepted?.length === 1 && accepted[0] === "";
  return union(
    source.matchingPostings(name, matcher.refusedPrefix, all ? null : (value) => !matcher.test(value)),
  );
}
