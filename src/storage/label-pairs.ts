/** How many series have each label pair: what both the head and a block can count without reading their series. */
export interface LabelPairCounts {
  /** Every series, once. */
  readonly seriesCount: number;
  /** Calls `visit` for every label name, in any order, with the number of its values. */
  eachLabelName(visit: (name: string, valueCount: number) => void): void;
  /** Calls `visit` for every value of `name`, in any order, with the number of series that have it. */
  eachLabelValue(name: string, visit: (value: string, seriesCount: number) => void): void;
}
