/** Random rules over random labels, and what Prometheus' own `relabel.Process` made of them (data/relabel). */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { RefusalError } from "../../dist/base/errors.js";
import { Labels } from "../../dist/model/labels.js";
import { parseRelabelRule, relabel } from "../../dist/model/relabel.js";

interface Case {
  readonly labels: Record<string, string>;
  readonly rules: readonly unknown[];
  /** Null: dropped; "refused": the rules are none. */
  readonly made: Record<string, string> | null | "refused";
}

const FILE = fileURLToPath(new URL("../../data/relabel/cases.jsonl.gz", import.meta.url));

function make({ labels, rules }: Case): Case["made"] {
  try {
    return relabel(Labels.fromObject(labels), rules.map(parseRelabelRule))?.toObject() ?? null;
  } catch (error) {
    if (error instanceof RefusalError) return "refused";
    throw error;
  }
}

test("random rules do to random labels what they do in Prometheus", () => {
  const lines = gunzipSync(readFileSync(FILE)).toString().trimEnd().split("\n");
  const outcomes = { dropped: 0, refused: 0, kept: 0 };
  for (const line of lines) {
    const one = JSON.parse(line) as Case;
    assert.deepEqual(make(one), one.made, line);
    outcomes[one.made === null ? "dropped" : one.made === "refused" ? "refused" : "kept"]++;
  }
  for (const [outcome, count] of Object.entries(outcomes)) assert.ok(count > 200, `${count} ${outcome}`);
});
