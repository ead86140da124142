import type { QueryKind } from "../workers/contract.js";
import { askStrictly } from "./api-routes.js";
import type { EngineGate } from "./engine-gate.js";
import { MATCHES, RANGE } from "./route-params.js";
import type { Route, RouteParam } from "./router.js";

const param = (name: string, description: string): RouteParam => ({ name, description });

const SEARCH: readonly RouteParam[] = [
  MATCHES,
  {
    name: "search[]",
    description: "What is looked for; the best of several counts. Absent: everything",
    repeated: true,
  },
  param("fuzz_threshold", "Worst score that is accepted, 0 to 100; absent: 0"),
  param("fuzz_alg", "`subsequence`, the default, or `jarowinkler`"),
  param("case_sensitive", "Whether the case of letters counts; absent: true"),
  param("sort_by", "`alpha`, the default, or `score`"),
  param("sort_dir", "With `sort_by=alpha`: `asc`, the default, or `dsc`"),
  param("include_score", "Whether the score is told; absent: false"),
  ...RANGE,
  param("limit", "Most results; absent: 100"),
  param("batch_size", "Most results of one line; absent: 100"),
];

/** Prometheus' search API: what an editor asks while somebody types. */
export function searchRoutes(gate: EngineGate): Route[] {
  const row = (name: string, kind: QueryKind, summary: string, more: readonly RouteParam[]): Route => ({
    path: `/api/v1/search/${name}`,
    methods: ["GET", "POST"],
    summary,
    params: [...more, ...SEARCH],
    gives: ["application/x-ndjson"],
    scope: "read",
    cors: true,
    handle: (call) => askStrictly(gate, call, kind),
  });
  return [
    row("metric_names", "search_metric_names", "Metric names that match a text", [
      param("include_metadata", "Whether type, help and unit are told; absent: false"),
    ]),
    row("label_names", "search_label_names", "Label names that match a text", []),
    row("label_values", "search_label_values", "Values of a label that match a text", [
      { name: "label", description: "The label whose values are searched", required: true },
    ]),
  ];
}
