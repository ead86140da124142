/**
 * Relabelling as Prometheus has it (model/relabel of Prometheus 3): rules run one behind the other over a label set;
 * the result may be another one, or none. Regular expressions are RE2, anchored.
 */
import { createHash } from "node:crypto";
import { RefusalError } from "../base/errors.js";
import { lowerCase, quote, upperCase } from "./go-text.js";
import { Labels } from "./labels.js";
import { compileRegexp } from "./regexp.js";

export type RelabelAction =
  | "replace"
  | "keep"
  | "drop"
  | "keepequal"
  | "dropequal"
  | "hashmod"
  | "labelmap"
  | "labeldrop"
  | "labelkeep"
  | "lowercase"
  | "uppercase";

const ACTIONS: readonly RelabelAction[] = [
  ...(["replace", "keep", "drop", "keepequal", "dropequal", "hashmod"] as const),
  ...(["labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"] as const),
];

/** One rule, every field set. Plain data: it crosses threads. */
export interface RelabelRule {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: string;
  /** A whole number up to 2^64, as text. */
  readonly modulus: string;
  readonly targetLabel: string;
  readonly replacement: string;
}

const DEFAULTS: RelabelRule = {
  action: "replace",
  sourceLabels: [],
  separator: ";",
  regex: "(.*)",
  modulus: "0",
  targetLabel: "",
  replacement: "$1",
};

const FIELDS = ["action", "source_labels", "separator", "regex", "modulus", "target_label", "replacement"];
const NEEDS_TARGET: readonly RelabelAction[] = [
  ...(["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"] as const),
];

/** A rule as a YAML file spells it. Throws RefusalError("bad_data") in Prometheus' words. */
export function parseRelabelRule(raw: unknown): RelabelRule {
  const fields = mapping(raw);
  for (const name of Object.keys(fields)) {
    if (!FIELDS.includes(name)) throw bad(`field ${name} not found in type relabel.plain`);
  }
  const rule: RelabelRule = {
    action: parseAction(fields["action"]),
    sourceLabels: stringList(fields["source_labels"]),
    separator: scalar(fields["separator"], DEFAULTS.separator),
    regex: scalar(fields["regex"], DEFAULTS.regex),
    modulus: parseModulus(fields["modulus"]),
    targetLabel: scalar(fields["target_label"], ""),
    replacement: scalar(fields["replacement"], DEFAULTS.replacement),
  };
  judgeRegex(rule.regex);
  const wrong = judgeRule(rule, (name) => fields[name] !== undefined);
  if (wrong !== "") throw bad(wrong);
  return rule;
}

/** What is wrong with a rule, "" where nothing is. */
function judgeRule(rule: RelabelRule, isGiven: (field: string) => boolean): string {
  const { action, targetLabel, replacement, modulus, separator } = rule;
  if (action === "hashmod" && modulus === "0") {
    return "relabel configuration for hashmod requires non-zero modulus";
  }
  if (NEEDS_TARGET.includes(action) && targetLabel === "") {
    return `relabel configuration for ${action} action requires 'target_label' value`;
  }
  if ((action === "labelmap" || NEEDS_TARGET.includes(action)) && !wellFormed(targetLabel)) {
    return `${quote(targetLabel)} is invalid 'target_label' for ${action} action`;
  }
  const unchanged = replacement === DEFAULTS.replacement;
  if (["lowercase", "uppercase", "keepequal", "dropequal"].includes(action) && !unchanged) {
    return `'replacement' can not be set for ${action} action`;
  }
  if (action === "labelmap" && (replacement === "" || !wellFormed(replacement))) {
    return `${quote(replacement)} is invalid 'replacement' for ${action} action`;
  }
  const plain = modulus === "0" && separator === DEFAULTS.separator && unchanged;
  if ((action === "dropequal" || action === "keepequal") && !(plain && !isGiven("regex"))) {
    return `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`;
  }
  if (
    (action === "labeldrop" || action === "labelkeep") &&
    !(plain && !isGiven("source_labels") && targetLabel === "")
  ) {
    return `${action} action requires only 'regex', and no other fields`;
  }
  return "";
}

/** Prometheus' errors show the pattern as it is anchored. */
function judgeRegex(regex: string): void {
  try {
    compileRegexp(regex);
  } catch (error) {
    compileRegexp(`^(?s:${regex})$`);
    throw error;
  }
}

function wellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function parseAction(raw: unknown): RelabelAction {
  const text = scalar(raw, DEFAULTS.action);
  const found = ACTIONS.find((action) => action === text.toLowerCase());
  if (found === undefined) throw bad(`unknown relabel action ${quote(text)}`);
  return found;
}

function parseModulus(raw: unknown): string {
  if (raw === undefined || raw === null) return "0";
  const text = String(raw);
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw bad(`cannot unmarshal ${quote(text)} into uint64`);
  }
  return String(BigInt(text));
}

function mapping(raw: unknown): Record<string, unknown> {
  if (raw === null || raw === undefined) throw bad("empty or null relabeling rule");
  if (typeof raw !== "object" || Array.isArray(raw))
    throw bad("cannot unmarshal a relabeling rule: it is no mapping");
  return raw as Record<string, unknown>;
}

function scalar(raw: unknown, fallback: string): string {
  if (raw === undefined) return fallback;
  if (raw === null) return "";
  if (typeof raw === "object") throw bad("cannot unmarshal a list or mapping into string");
  return String(raw);
}

function stringList(raw: unknown): string[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) throw bad("cannot unmarshal source_labels: it is no list");
  const names = raw.map((name) => scalar(name, ""));
  const wrong = names.find((name) => name === "" || !wellFormed(name));
  if (wrong !== undefined) throw bad(`${quote(wrong)} is not a valid label name`);
  return names;
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}

/** What `rules` make of a label set; the same object where nothing changed, null where it is dropped. */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Labels | null {
  if (rules.length === 0) return labels;
  const made = new LabelEdits(labels);
  for (const rule of rules) if (!applyRule(rule, made)) return null;
  return sameOrNew(labels, made.map);
}

/** A label set that rules change. What they set comes behind the rest, as in Prometheus: `labelmap` goes by that order. */
class LabelEdits {
  readonly map: Map<string, string>;
  private readonly added = new Set<string>();

  constructor(labels: Labels) {
    this.map = new Map(labels);
  }

  get(name: string): string {
    return this.map.get(name) ?? "";
  }

  set(name: string, value: string): void {
    if (value === "" || !this.added.has(name)) this.map.delete(name);
    if (value === "") this.added.delete(name);
    else {
      this.map.set(name, value);
      this.added.add(name);
    }
  }
}

function sameOrNew(labels: Labels, map: ReadonlyMap<string, string>): Labels {
  const made = Labels.from(map);
  return made.key === labels.key ? labels : made;
}

/** False: the label set is dropped. */
function applyRule(rule: RelabelRule, labels: LabelEdits): boolean {
  const { action, targetLabel } = rule;
  const value = rule.sourceLabels.map((name) => labels.get(name)).join(rule.separator);
  switch (action) {
    case "drop":
      return !compileRegexp(rule.regex).test(value);
    case "keep":
      return compileRegexp(rule.regex).test(value);
    case "dropequal":
      return labels.get(targetLabel) !== value;
    case "keepequal":
      return labels.get(targetLabel) === value;
    case "lowercase":
      labels.set(targetLabel, lowerCase(value));
      return true;
    case "uppercase":
      labels.set(targetLabel, upperCase(value));
      return true;
    case "hashmod":
      labels.set(targetLabel, hashModulus(value, BigInt(rule.modulus)));
      return true;
    case "replace":
      replace(rule, value, labels);
      return true;
    default:
      mapLabels(rule, labels);
      return true;
  }
}

function replace(rule: RelabelRule, value: string, labels: LabelEdits): void {
  const regexp = compileRegexp(rule.regex);
  const target = regexp.expand(value, rule.targetLabel);
  if (target === null || target === "" || !wellFormed(target)) return;
  labels.set(target, regexp.expand(value, rule.replacement) ?? "");
}

function mapLabels({ action, regex, replacement }: RelabelRule, labels: LabelEdits): void {
  const regexp = compileRegexp(regex);
  for (const [name, value] of [...labels.map]) {
    const matches = regexp.test(name);
    if (action === "labelmap") {
      const mapped = matches ? (regexp.expand(name, replacement) ?? "") : "";
      if (mapped !== "") labels.set(mapped, value);
    } else if (matches === (action === "labeldrop")) labels.set(name, "");
  }
}

/** The last eight bytes of the MD5 digest, big-endian, modulo `modulus`: Prometheus' choice, so that shards agree. */
function hashModulus(value: string, modulus: bigint): string {
  const digest = createHash("md5").update(value).digest();
  return String(digest.readBigUInt64BE(8) % modulus);
}
