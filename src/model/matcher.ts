export type MatcherOp = "=" | "!=" | "=~" | "!~";

/** One condition on one label. The value of `=~` and `!~` is an RE2 pattern, anchored at both ends. */
export interface Matcher {
  readonly name: string;
  readonly op: MatcherOp;
  readonly value: string;
}
