import * as assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import { Labels } from "../../../dist/model/labels.js";
import { parseRelabelRule, relabel } from "../../../dist/model/relabel.js";

/** Prometheus' own table (model/relabel/relabel_test.go): what went in, the rules, and what came out; null: dropped. */
const INPUT = { a: "foo", b: "bar", c: "baz" };
const TABLE: readonly (readonly [
  Record<string, string>,
  readonly object[],
  Record<string, string> | null,
])[] = [
  [
    INPUT,
    [
      {
        source_labels: ["a"],
        regex: "f(.*)",
        target_label: "d",
        separator: ";",
        replacement: "ch${1}-ch${1}",
      },
    ],
    { ...INPUT, d: "choo-choo" },
  ],
  [
    INPUT,
    [
      { source_labels: ["a", "b"], regex: "f(.*);(.*)r", target_label: "a", replacement: "b${1}${2}m" },
      { source_labels: ["c", "a"], regex: "(b).*b(.*)ba(.*)", target_label: "d", replacement: "$1$2$2$3" },
    ],
    { a: "boobam", b: "bar", c: "baz", d: "boooom" },
  ],
  [{ a: "foo" }, [{ source_labels: ["a"], regex: ".*o.*", action: "drop" }], null],
  [
    { a: "foo", b: "bar" },
    [{ source_labels: ["a"], regex: ".*o.*", action: "keep" }],
    { a: "foo", b: "bar" },
  ],
  [{ a: "foo" }, [{ source_labels: ["a"], regex: "no-match", action: "drop" }], { a: "foo" }],
  [{ a: "foo" }, [{ source_labels: ["a"], regex: "f|o", action: "drop" }], { a: "foo" }],
  [{ a: "foo" }, [{ source_labels: ["a"], regex: "no-match", action: "keep" }], null],
  [
    { a: "boo" },
    [{ source_labels: ["a"], regex: "(b).*", target_label: "d", replacement: "$1" }],
    { a: "boo", d: "b" },
  ],
  [{ a: "foo", d: "gone" }, [{ source_labels: ["x"], target_label: "d", replacement: "" }], { a: "foo" }],
  [
    { a: "foo", b: "bar", c: "baz" },
    [{ source_labels: ["c"], target_label: "d", action: "hashmod", modulus: 1000 }],
    { a: "foo", b: "bar", c: "baz", d: "976" },
  ],
  [
    { a: "foo\nbar" },
    [{ source_labels: ["a"], target_label: "b", action: "hashmod", modulus: 1000 }],
    { a: "foo\nbar", b: "734" },
  ],
  [
    { a: "foo", b1: "bar", b2: "baz" },
    [{ regex: "(b.*)", replacement: "bar_${1}", action: "labelmap" }],
    { a: "foo", b1: "bar", b2: "baz", bar_b1: "bar", bar_b2: "baz" },
  ],
  [
    { a: "foo", __meta_my_bar: "aaa", __meta_my_baz: "bbb", __meta_other: "ccc" },
    [{ regex: "__meta_(my.*)", replacement: "${1}", action: "labelmap" }],
    {
      a: "foo",
      __meta_my_bar: "aaa",
      __meta_my_baz: "bbb",
      __meta_other: "ccc",
      my_bar: "aaa",
      my_baz: "bbb",
    },
  ],
  [{ a: "foo", b1: "bar", b2: "baz" }, [{ regex: "(b.*)", action: "labeldrop" }], { a: "foo" }],
  [{ a: "foo", b1: "bar", b2: "baz" }, [{ regex: "(b.*)", action: "labelkeep" }], { b1: "bar", b2: "baz" }],
  [
    { foo: "bAr123Foo" },
    [
      { source_labels: ["foo"], action: "uppercase", target_label: "foo_upper" },
      { source_labels: ["foo"], action: "lowercase", target_label: "foo_lower" },
    ],
    { foo: "bAr123Foo", foo_lower: "bar123foo", foo_upper: "BAR123FOO" },
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ source_labels: ["__tmp_port"], action: "keepequal", target_label: "__port1" }],
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ source_labels: ["__tmp_port"], action: "dropequal", target_label: "__port1" }],
    null,
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ source_labels: ["__tmp_port"], action: "keepequal", target_label: "__port2" }],
    null,
  ],
  [
    { a: "some-name-value" },
    [{ source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", target_label: "${1}", replacement: "${2}" }],
    { a: "some-name-value", name: "value" },
  ],
  [
    { a: "some-name-0" },
    [{ source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", target_label: "${3}", replacement: "${1}${2}" }],
    { a: "some-name-0" },
  ],
  [
    { a: "line1\nline2" },
    [{ source_labels: ["a"], regex: "line1.*line2", target_label: "b", replacement: "x" }],
    {
      a: "line1\nline2",
      b: "x",
    },
  ],
];

test("rules do what Prometheus' own table of examples says", () => {
  for (const [input, rules, expected] of TABLE) {
    const made = relabel(Labels.fromObject(input), rules.map(parseRelabelRule));
    const what = JSON.stringify([input, rules]);
    if (expected === null) assert.equal(made, null, what);
    else assert.deepEqual(made?.toObject(), Labels.fromObject(expected).toObject(), what);
  }
});

test("a label set that no rule changes is the same object", () => {
  const labels = Labels.fromObject({ __name__: "up", job: "a" });
  const rules = [
    { source_labels: ["job"], regex: "b", target_label: "x", replacement: "y" },
    { regex: "z.*", action: "labeldrop" },
  ];
  assert.equal(relabel(labels, rules.map(parseRelabelRule)), labels);
});

test("a rule that is none is refused in Prometheus' words", () => {
  const refused: readonly (readonly [unknown, string])[] = [
    [null, "empty or null relabeling rule"],
    [{}, "relabel configuration for replace action requires 'target_label' value"],
    [{ action: "mend" }, 'unknown relabel action "mend"'],
    [{ action: "hashmod", target_label: "a" }, "relabel configuration for hashmod requires non-zero modulus"],
    [{ action: "lowercase" }, "relabel configuration for lowercase action requires 'target_label' value"],
    [
      { action: "lowercase", target_label: "a", replacement: "x" },
      "'replacement' can not be set for lowercase action",
    ],
    [{ action: "labelmap", replacement: "" }, "\"\" is invalid 'replacement' for labelmap action"],
    [
      { action: "dropequal", target_label: "a", separator: "," },
      "dropequal action requires only 'source_labels' and `target_label`, and no other fields",
    ],
    [
      { action: "labeldrop", source_labels: ["a"] },
      "labeldrop action requires only 'regex', and no other fields",
    ],
    [{ target_label: "a", regex: "(" }, "error parsing regexp: missing closing ): `^(?s:()$`"],
    [{ target_label: "a", colour: "red" }, "field colour not found in type relabel.plain"],
  ];
  for (const [raw, message] of refused) {
    assert.throws(
      () => parseRelabelRule(raw),
      (error) => error instanceof RefusalError && error.message === message,
      message,
    );
  }
});
