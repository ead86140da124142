/** The relabelling file, from what its YAML says to plain data. All throw RefusalError("bad_data") naming the place. */
import { RefusalError } from "../base/errors.js";
import { RELABEL_RULES_MAX } from "../base/limits.js";
import { type IngestRules, MERGE_WORDS, type MergeRule } from "../model/ingest-rules.js";
import { parseRelabelRule } from "../model/relabel.js";
import { parseMetricSelector } from "../promql/parse/parser.js";

/** Prometheus has these keys for the same list of rules in different places; a file may have one of them. */
const RULE_KEYS = ["write_relabel_configs", "metric_relabel_configs", "relabel_configs"];
const KEYS = [...RULE_KEYS, "url_templates", "merge"];
const MERGE_KEYS = ["match", "as"];

/** Null: the file asks for nothing. */
export function parseIngestRules(raw: unknown): IngestRules | null {
  if (raw === null || raw === undefined) return null;
  const fields = mapping(raw, "the file");
  for (const key of Object.keys(fields)) if (!KEYS.includes(key)) throw bad(`field ${key} not found`);
  const given = RULE_KEYS.filter((key) => fields[key] !== undefined && fields[key] !== null);
  if (given.length > 1) throw bad(`${given.join(" and ")} mean the same: use one of them`);
  const rules = list(fields[given[0] ?? ""], given[0] ?? "").map((rule, i) =>
    at(`${given[0]}[${i}]`, () => parseRelabelRule(rule)),
  );
  if (rules.length > RELABEL_RULES_MAX) throw bad(`more than ${RELABEL_RULES_MAX} rules`);
  const urlLabels = list(fields["url_templates"], "url_templates").map((name, i) => {
    if (typeof name !== "string" || name === "") throw bad(`url_templates[${i}]: not a label name`);
    return name;
  });
  const merges = list(fields["merge"], "merge").map((merge, i) => at(`merge[${i}]`, () => parseMerge(merge)));
  return rules.length === 0 && urlLabels.length === 0 ? null : { rules, urlLabels, merges };
}

function parseMerge(raw: unknown): MergeRule {
  const fields = mapping(raw, "an entry");
  for (const key of Object.keys(fields)) if (!MERGE_KEYS.includes(key)) throw bad(`field ${key} not found`);
  const { match, as: word } = fields as { match?: unknown; as?: unknown };
  if (typeof match !== "string") throw bad("match must be a selector");
  const known = MERGE_WORDS.find((known) => known === word);
  if (known === undefined) throw bad(`as must be one of ${MERGE_WORDS.join(", ")}`);
  return { matchers: parseMetricSelector(match), as: known };
}

function at<T>(place: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    throw bad(`${place}: ${error.message}`);
  }
}

function mapping(raw: unknown, what: string): Record<string, unknown> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw bad(`${what} is no mapping`);
  return raw as Record<string, unknown>;
}

function list(raw: unknown, name: string): readonly unknown[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) throw bad(`${name} is no list`);
  return raw;
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}
