import { languageOf, wordsOf } from "../workers/query-language.js";

/** What the server can do, in the categories and names of Prometheus' `/api/v1/features`; its own parts only. */
export type Features = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** `flags`: every flag with its value as text. */
export function featuresOf(flags: Readonly<Record<string, string>>): Features {
  const isOn = (flag: string): boolean => flags[flag] === "true";
  const language = (flags["enable-feature"] ?? "").split(",");
  const words = wordsOf(languageOf(language));
  const writes = !isOn("storage.read-only");
  return {
    api: {
      admin: isOn("web.enable-admin-api"),
      exclude_alerts: true,
      label_values_match: true,
      lifecycle: isOn("web.enable-lifecycle"),
      "openapi_3.1": true,
      "openapi_3.2": false,
      otlp_write_receiver: writes,
      query_stats: true,
      query_warnings: true,
      remote_write_receiver: writes,
      search: true,
      search_fuzz_alg_jarowinkler: true,
      search_fuzz_alg_subsequence: true,
      time_range_labels: true,
      time_range_series: true,
    },
    otlp_receiver: {
      delta_conversion: false,
      native_delta_ingestion: isOn("otlp.native-delta-ingestion"),
    },
    promql: {
      anchored: language.includes("promql-extended-range-selectors"),
      at_modifier: true,
      bool: true,
      by: true,
      delayed_name_removal: language.includes("promql-delayed-name-removal"),
      duration_expr: true,
      fill: language.includes("promql-binop-fill-modifiers"),
      fill_left: language.includes("promql-binop-fill-modifiers"),
      fill_right: language.includes("promql-binop-fill-modifiers"),
      group_left: true,
      group_right: true,
      ignoring: true,
      negative_offset: true,
      offset: true,
      on: true,
      per_query_lookback_delta: true,
      per_step_stats: language.includes("promql-per-step-stats"),
      smoothed: language.includes("promql-extended-range-selectors"),
      subqueries: true,
      type_and_unit_labels: language.includes("type-and-unit-labels"),
      without: true,
    },
    promql_functions: words.functions,
    promql_operators: words.operators,
    tsdb: {
      delayed_compaction: false,
      exemplar_storage: true,
      histograms_st_encoding: false,
      native_histograms: true,
      st_storage: false,
      xor2_encoding: false,
    },
  };
}
