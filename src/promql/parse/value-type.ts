/** The four types of PromQL, with the words that Prometheus' API uses for them. */
export type ValueType = "scalar" | "vector" | "matrix" | "string";
