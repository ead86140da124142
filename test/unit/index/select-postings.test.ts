import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RefusalError } from "../../../dist/base/errors.js";
import { compileMatcher, compileMatchers, matchesLabels } from "../../../dist/index/matcher.js";
import { intersect, seek, union, without } from "../../../dist/index/postings.js";
import { type PostingsSource, selectPostings } from "../../../dist/index/select-postings.js";
import { Labels } from "../../../dist/model/labels.js";
import type { Matcher, MatcherOp } from "../../../dist/model/matcher.js";

/** The plainest index: series i has ref i * 3. */
function indexOf(series: readonly Labels[]): PostingsSource {
  const where = (test: (labels: Labels) => boolean): Uint32Array =>
    Uint32Array.from(series.flatMap((labels, i) => (test(labels) ? [i * 3] : [])));
  return {
    allPostings: () => where(() => true),
    postings: (name, value) =>
      value === "" ? new Uint32Array(0) : where((labels) => labels.get(name) === value),
    matchingPostings(name, prefix, accepts) {
      const values = new Set(series.map((labels) => labels.get(name)));
      return [...values]
        .filter((value) => value !== "" && value.startsWith(prefix) && (accepts?.(value) ?? true))
        .map((value) => where((labels) => labels.get(name) === value));
    },
  };
}

const series = [
  Labels.fromObject({ __name__: "up", job: "node", instance: "a:9100" }),
  Labels.fromObject({ __name__: "up", job: "node", instance: "b:9100" }),
  Labels.fromObject({ __name__: "up", job: "k6" }),
  Labels.fromObject({ __name__: "node_load1", instance: "a:9100" }),
];

function select(...matchers: [string, MatcherOp, string][]): number[] {
  const compiled = compileMatchers(matchers.map(([name, op, value]) => ({ name, op, value })));
  return [...selectPostings(indexOf(series), compiled)].map((ref) => ref / 3);
}

test("treats an absent label as the empty value", () => {
  assert.deepEqual(select(["__name__", "=", "up"]), [0, 1, 2]);
  assert.deepEqual(select(["instance", "=", ""]), [2]);
  assert.deepEqual(select(["instance", "!=", ""]), [0, 1, 3]);
  assert.deepEqual(select(["job", "!=", "node"]), [2, 3]);
  assert.deepEqual(select(["job", "=~", "node|"]), [0, 1, 3]);
  assert.deepEqual(select(["job", "=~", ".*"]), [0, 1, 2, 3]);
  assert.deepEqual(select(["job", "=~", ".+"]), [0, 1, 2]);
  assert.deepEqual(select(["job", "!~", ".+"]), [3]);
  assert.deepEqual(select(["job", "!~", ".*"]), []);
  assert.deepEqual(select(["absent", "=", ""]), [0, 1, 2, 3]);
  assert.deepEqual(select(["absent", "!=", ""]), []);
});

test("combines matchers, also several on one label", () => {
  assert.deepEqual(select(["__name__", "=", "up"], ["instance", "=~", "a.*"]), [0]);
  assert.deepEqual(select(["instance", "!~", "b.+"], ["instance", "!=", ""]), [0, 3]);
  assert.deepEqual(select(["job", "=~", "k6|node"], ["job", "!=", "k6"]), [0, 1]);
  assert.deepEqual(select(), [0, 1, 2, 3]);
});

test("lists what a matcher accepts or refuses where it can", () => {
  const of = (op: MatcherOp, value: string) => {
    const { accepted, refused, acceptedPrefix, refusedPrefix } = compileMatcher({ name: "x", op, value });
    return { accepted, refused, acceptedPrefix, refusedPrefix };
  };
  assert.deepEqual(of("=", "a").accepted, ["a"]);
  assert.deepEqual(of("!=", "a").refused, ["a"]);
  assert.deepEqual(of("=~", "a|b").accepted, ["a", "b"]);
  assert.deepEqual(of("!~", "a|b").refused, ["a", "b"]);
  assert.equal(of("=~", "node_.+").acceptedPrefix, "node_");
  assert.equal(of("!~", "node_.+").refusedPrefix, "node_");
  assert.deepEqual(of("=~", ".*").refused, []);
  assert.deepEqual(of("!~", ".*").accepted, []);
});

test("refuses a bad pattern", () => {
  assert.throws(() => compileMatcher({ name: "x", op: "=~", value: "(" }), RefusalError);
});

test("finds what trying every series finds", () => {
  const value = fc.constantFrom("", "a", "b", "ab", "abc", "b-1");
  const labels = fc
    .record({ __name__: fc.constantFrom("m", "n"), x: value, y: value })
    .map(Labels.fromObject);
  const pattern = fc.constantFrom(
    "",
    "a",
    "a|b",
    "a|",
    "a.*",
    "a.+",
    ".*",
    ".+",
    ".*b.*",
    "(?i)AB",
    "ab?",
    "[ab]",
    "a|b.+",
  );
  const matcher: fc.Arbitrary<Matcher> = fc
    .tuple(
      fc.constantFrom("__name__", "x", "y", "z"),
      fc.constantFrom<MatcherOp>("=", "!=", "=~", "!~"),
      pattern,
    )
    .map(([name, op, text]) => ({ name, op, value: text }));
  fc.assert(
    fc.property(fc.array(labels, { maxLength: 20 }), fc.array(matcher, { maxLength: 4 }), (all, matchers) => {
      const compiled = compileMatchers(matchers);
      const expected = all.flatMap((one, i) => (matchesLabels(compiled, one) ? [i * 3] : []));
      assert.deepEqual([...selectPostings(indexOf(all), compiled)], expected);
    }),
    { numRuns: 1000 },
  );
});

test("computes on postings as on sets", () => {
  const refs = fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.array(fc.nat(4_000_000), { maxLength: 600 }))
    .map(([range, list]) => Uint32Array.from(new Set(list.map((n) => n % (range * 800)))).sort());
  const sorted = (set: Iterable<number>): number[] => [...set].sort((a, b) => a - b);
  fc.assert(
    fc.property(fc.array(refs, { minLength: 1, maxLength: 6 }), (lists) => {
      const sets = lists.map((list) => new Set(list));
      const [first, ...rest] = lists;
      assert.deepEqual([...union(lists)], sorted(new Set(lists.flatMap((list) => [...list]))));
      assert.deepEqual(
        [...intersect(lists)],
        [...first].filter((ref) => sets.every((set) => set.has(ref))),
      );
      const removed = union(rest);
      const removedSet = new Set(removed);
      assert.deepEqual(
        [...without(first, removed)],
        [...first].filter((ref) => !removedSet.has(ref)),
      );
    }),
    { numRuns: 300 },
  );
  const long = Uint32Array.from({ length: 100_000 }, (_, i) => 2 * i);
  assert.deepEqual([...intersect([long, Uint32Array.of(1, 2, 77_777, 99_998, 400_000)])], [2, 99_998]);
  assert.deepEqual([...without(Uint32Array.of(1, 2, 400_000), long)], [1, 400_000]);
  assert.equal(seek(long, 11), 6);
  assert.equal(seek(long, 1e6), long.length);
});
