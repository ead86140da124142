import * as assert from "node:assert/strict";
import { test } from "node:test";
import { compareUtf8, Labels, utf8Bytes } from "../../../dist/model/labels.js";

test("labels are sorted and empty values are absent", () => {
  const labels = Labels.fromObject({ z: "1", a: "2", empty: "" });
  assert.deepEqual(labels.pairs, ["a", "2", "z", "1"]);
  assert.equal(labels.get("empty"), "");
});

test("keys are equal for equal label sets only, whatever the labels hold", () => {
  const sets = [
    { a: "x", b: "y" },
    { a: "x\xffb\xffy" },
    { a: "x\0b\0y" },
    { a: "x\u{10000}b\u{10000}y" },
    { a: 'x",b="y' },
  ];
  assert.equal(new Set(sets.map((set) => Labels.fromObject(set).key)).size, sets.length);
});

test("a series is printed with Go's escapes", () => {
  const labels = Labels.fromObject({ __name__: "up", a: 'line\n\x01\x7f"ä', "b.c": "d" });
  assert.equal(labels.toString(), 'up{a="line\\n\\x01\\x7f\\"ä", "b.c"="d"}');
});

test("label order is the order of UTF-8 bytes", () => {
  assert.ok(compareUtf8("\u{1f600}", "\uffee") > 0);
  assert.ok(compareUtf8("a", "b") < 0);
  assert.ok(compareUtf8("ab", "a") > 0);
});

test("bytes of UTF-8", () => {
  for (const text of ["", "abc", "größe", "日本", "🦀x"]) {
    assert.equal(utf8Bytes(text), new TextEncoder().encode(text).length);
  }
});
