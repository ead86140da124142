import { readFileSync } from "node:fs";
import { RefusalError } from "../base/errors.js";
import { SERIES_BUDGETS_MAX } from "../base/limits.js";
import { type BudgetText, checkBudget } from "../workers/budgets.js";

/**
 * `--limits.series-budget`: `matcher=count`, several of them between commas, or `@file` with one in each line. Throws
 * RefusalError("bad_data").
 */
export function parseBudgets(text: string): BudgetText[] {
  const budgets = splitOutside(text).flatMap((part) =>
    part.startsWith("@") ? readBudgetFile(part.slice(1)) : [parseBudget(part)],
  );
  const byMatch = new Map(budgets.map((budget) => [budget.match, budget]));
  if (byMatch.size > SERIES_BUDGETS_MAX) throw bad(`more than ${SERIES_BUDGETS_MAX} budgets`);
  return [...byMatch.values()];
}

function parseBudget(text: string): BudgetText {
  const mark = text.lastIndexOf("=");
  const count = text.slice(mark + 1).trim();
  if (mark < 0 || !/^\d+$/.test(count)) {
    throw bad(`${JSON.stringify(text)} is no budget: http_requests_total=1000 or {job="k6"}=50000 would be`);
  }
  const budget = { match: text.slice(0, mark).trim(), series: Number(count) };
  checkBudget(budget);
  return budget;
}

function readBudgetFile(path: string): BudgetText[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map(parseBudget);
  } catch (error) {
    throw bad(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Splits at commas that are in no braces and no quotes. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = "";
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quoted !== "") {
      if (char === "\\" && quoted !== "`") i++;
      else if (char === quoted) quoted = "";
    } else if (char === '"' || char === "'" || char === "`") quoted = char;
    else if (char === "{") depth++;
    else if (char === "}") depth--;
    else if (char === "," && depth <= 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim()).filter((part) => part !== "");
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}
