import type { ExemplarStore } from "../db/side-stores.js";
import { type CompiledMatcher, compileMatchers, matchesLabels } from "../index/matcher.js";
import type { Exemplar } from "../model/exemplar.js";
import { compareLabels, type Labels } from "../model/labels.js";
import { childrenOf, type Expr } from "../promql/parse/ast.js";
import { parseExpr } from "../promql/parse/parser.js";
import { parseExemplarsQuery } from "../wire/params.js";
import { encodeError, encodeExemplars } from "../wire/prometheus-json.js";
import type { QueryAnswer } from "./contract.js";
import type { QueryLanguage } from "./query-language.js";

const NO_CONTENT: QueryAnswer = { status: 204, body: new Uint8Array() };

/**
 * `/api/v1/query_exemplars`, from memory: the exemplars of every series that some selector of the expression
 * selects, by series. An expression without a selector is answered 204, as Prometheus does.
 */
export function encodeExemplarsAnswer(
  store: ExemplarStore,
  labelsOf: (ref: number) => Labels,
  params: readonly (readonly [string, string])[],
  language: QueryLanguage,
): QueryAnswer {
  try {
    const { query, startMs, endMs } = parseExemplarsQuery(params);
    const selectors = selectorsOf(parseExpr(query, language));
    if (selectors.length === 0) return NO_CONTENT;
    const bySeries = new Map<number, { labels: Labels; exemplars: Exemplar[] } | null>();
    for (const entry of store.entries()) {
      if (entry.timestampMs < startMs || entry.timestampMs > endMs) continue;
      let series = bySeries.get(entry.ref);
      if (series === undefined) {
        const labels = labelsOf(entry.ref);
        series = selectors.some((matchers) => matchesLabels(matchers, labels))
          ? { labels, exemplars: [] }
          : null;
        bySeries.set(entry.ref, series);
      }
      series?.exemplars.push(entry);
    }
    const found = [...bySeries.values()].filter((series) => series !== null);
    found.sort((a, b) => compareLabels(a.labels, b.labels));
    return encodeExemplars(
      found.map(({ labels, exemplars }) => ({
        seriesLabels: labels,
        exemplars: exemplars.sort((a, b) => a.timestampMs - b.timestampMs),
      })),
    );
  } catch (error) {
    return encodeError(error);
  }
}

function selectorsOf(expr: Expr): (readonly CompiledMatcher[])[] {
  if (expr.kind === "vector") return [compileMatchers(expr.matchers)];
  return childrenOf(expr).flatMap(selectorsOf);
}
