import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { RefusalError } from "../../../dist/base/errors.js";
import { compileRegexp } from "../../../dist/model/regexp.js";

test("alternations of literals are exposed and matched exactly", () => {
  const regexp = compileRegexp("node-(a|b[12])|x\\.y");
  assert.deepEqual(regexp.literals, ["node-a", "node-b1", "node-b2", "x.y"]);
  assert.equal(regexp.test("node-b2"), true);
  assert.equal(regexp.test("node-b"), false);
  assert.deepEqual(compileRegexp("").literals, [""]);
  assert.deepEqual(compileRegexp("a|").literals, ["a", ""]);
});

test("prefixes and catch-alls are exposed", () => {
  assert.equal(compileRegexp("vd.*|vda").prefix, "vd");
  assert.equal(compileRegexp("foo[^x]").prefix, "foo");
  assert.equal(compileRegexp("foo?b").prefix, "fo");
  assert.equal(compileRegexp("a|b+").prefix, "");
  assert.equal(compileRegexp(".*").matchesAll, true);
  assert.equal(compileRegexp(".+").matchesNonEmpty, true);
  assert.equal(compileRegexp(".+.*").matchesNonEmpty, false);
});

test("is anchored and lets the dot match newlines", () => {
  assert.equal(compileRegexp("b").test("abc"), false);
  assert.equal(compileRegexp("a.c").test("a\nc"), true);
  assert.equal(compileRegexp("a.*c").test("a\n\nc"), true);
  assert.equal(compileRegexp("a|ab").test("ab"), true);
  assert.equal(compileRegexp("(?i)ABC").test("abc"), true);
  assert.equal(compileRegexp("^a$").test("a"), true);
});

test("refuses bad patterns with the words of Go's regexp", () => {
  const cases = [
    ["foo(", "error parsing regexp: missing closing ): `foo(`"],
    ["*", "error parsing regexp: missing argument to repetition operator: `*`"],
    ["a**", "error parsing regexp: invalid nested repetition operator: `**`"],
    ["[z-a]", "error parsing regexp: invalid character class range: `z-a`"],
    ["a)", "error parsing regexp: unexpected ): `a)`"],
    ["(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"],
    ["a\\", "error parsing regexp: trailing backslash at end of expression: ``"],
  ] as const;
  for (const [pattern, message] of cases) {
    assert.throws(
      () => compileRegexp(pattern),
      (error: unknown) =>
        error instanceof RefusalError && error.code === "bad_data" && error.message === message,
      pattern,
    );
  }
});

test("expands submatches as Go does", () => {
  const regexp = compileRegexp("(?P<host>.*):([0-9]+)?");
  assert.equal(regexp.expand("h:90", "$1-${2}x$$ $host $nope ${host $2x"), "h-90x$ h  ${host ");
  assert.equal(regexp.expand("h:", "[$2]"), "[]");
  assert.equal(regexp.expand("none", "$1"), null);
});

test("fast paths agree with the engine", () => {
  const plain = ["a", "b", "ab", ".*", ".+", "|", "(a|b)", "(?:b|)", "[ab]", "\\.", "x*", "😀"];
  // A quantifier looks through flags and through quotes of nothing, to what stands before them.
  const odd = ["(?-i)", "\\Q\\E", "{0}", "{2}", "?"];
  const atom = fc.constantFrom(...plain, ...odd);
  const value = fc.array(fc.constantFrom("a", "b", ".", "x", "\n", "😀"), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(atom, { maxLength: 6 }), value, (atoms, chars) => {
      const pattern = atoms.join("");
      const text = chars.join("");
      let engine: RE2JS;
      try {
        engine = RE2JS.compile(`^(?s:${pattern})$`);
      } catch {
        assert.throws(() => compileRegexp(pattern), pattern);
        return;
      }
      const expected = engine.test(text);
      const regexp = compileRegexp(pattern);
      assert.equal(regexp.test(text), expected, `${pattern} on ${text}`);
      if (expected) assert.ok(text.startsWith(regexp.prefix));
      if (regexp.literals !== null) assert.equal(regexp.literals.includes(text), expected);
    }),
    { numRuns: 5000 },
  );
});

test("a pathological pattern takes time linear in the value", () => {
  const regexp = compileRegexp("(a*)*b|(x+x+)+y");
  const started = process.hrtime.bigint();
  assert.equal(regexp.test("a".repeat(50_000)), false);
  assert.equal(regexp.test("x".repeat(50_000)), false);
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n);
});
