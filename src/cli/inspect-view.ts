/** What is to be shown of a long file. */
export interface InspectView {
  readonly limit: number;
  /** "" or a selector. */
  readonly match: string;
  /** Byte at which to begin. */
  readonly offset: number;
}
