import * as assert from "node:assert/strict";
import { test } from "node:test";
import { compareUtf8, Labels } from "../../../dist/model/labels.js";

test("labels are sorted and empty values are absent", () => {
  const labels = Labels.fromObject({ z: "1", a: "2", empty: "" });
  assert.deepEqual(labels.pairs, ["a", "2", "z", "1"]);
  assert.equal(labels.get("empty"), "");
});

test("label order is the order of UTF-8 bytes", () => {
  assert.ok(compareUtf8("\u{1f600}", "\uffee") > 0);
  assert.ok(compareUtf8("a", "b") < 0);
  assert.ok(compareUtf8("ab", "a") > 0);
});
