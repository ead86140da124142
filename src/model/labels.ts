import { worked } from "../base/patience.js";
import { quote } from "./go-text.js";

/** The label that carries the metric name. */
export const METRIC_NAME = "__name__";

/**
 * A label set: names sorted by their UTF-8 bytes, unique, no empty values.
 * `pairs` is flat: name 0, value 0, name 1, value 1 … and is never changed after construction.
 */
export class Labels {
  static readonly EMPTY: Labels = new Labels([]);
  readonly pairs: readonly string[];
  private cachedKey: string | undefined;

  /** `pairs` must already be canonical; use `Labels.from` where it may not be. */
  constructor(pairs: readonly string[]) {
    this.pairs = pairs;
  }

  /** Sorts, drops empty values. Throws nothing: repeated names keep the last value. */
  static from(entries: Iterable<readonly [string, string]>): Labels {
    const byName = new Map<string, string>();
    for (const [name, value] of entries) byName.set(name, value);
    const names = [...byName.keys()].filter((name) => byName.get(name) !== "").sort(compareUtf8);
    return new Labels(names.flatMap((name) => [name, byName.get(name) ?? ""]));
  }

  static fromObject(object: Readonly<Record<string, string>>): Labels {
    return Labels.from(Object.entries(object));
  }

  get size(): number {
    return this.pairs.length / 2;
  }

  /** The value of label `name`, "" where it is absent (as Prometheus does). */
  get(name: string): string {
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1] as string;
    return "";
  }

  has(name: string): boolean {
    return this.get(name) !== "";
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.pairs.length; i += 2) {
      yield [this.pairs[i] as string, this.pairs[i + 1] as string];
    }
  }

  /** A string that is equal for equal label sets only. */
  get key(): string {
    this.cachedKey ??= this.pairs.join(SEPARATOR);
    return this.cachedKey;
  }

  toObject(): Record<string, string> {
    return Object.fromEntries(this);
  }

  /** As Prometheus prints a series: `name{a="b", c="d"}`. */
  toString(): string {
    const rest: string[] = [];
    for (const [name, value] of this) {
      if (name !== METRIC_NAME) rest.push(`${printLabelName(name)}=${quote(value)}`);
    }
    const name = this.get(METRIC_NAME);
    if (name !== "" && !isLegacyMetricName(name)) return `{${[quote(name), ...rest].join(", ")}}`;
    return rest.length === 0 && name !== "" ? name : `${name}{${rest.join(", ")}}`;
  }
}

/** Between the parts of a key; in no label, as half a surrogate pair is not valid text. */
const SEPARATOR = "\ud800";

const LEGACY_LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LEGACY_METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** True for a label's name that stands in PromQL without quotes. */
export function isLegacyLabelName(name: string): boolean {
  return LEGACY_LABEL_NAME.test(name);
}

/** True for a metric's name that stands in PromQL without quotes. */
export function isLegacyMetricName(name: string): boolean {
  return LEGACY_METRIC_NAME.test(name);
}

/** In quotes where it needs them. */
export function printLabelName(name: string): string {
  return isLegacyLabelName(name) ? name : quote(name);
}

/** Of `worked`. Whatever sorts many texts can be ended while it does. */
const WORK_PER_COMPARISON = 3;

/** Order of the UTF-8 bytes; differs from the order of UTF-16 units only where surrogates meet U+E000 and up. */
export function compareUtf8(a: string, b: string): number {
  worked(WORK_PER_COMPARISON);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      if (x >= 0xe000) x -= 0x2000;
      else x += 0x2000;
      if (y >= 0xe000) y -= 0x2000;
      else y += 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** Bytes of `text` in UTF-8; it is well-formed. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Half of a surrogate pair: two of the four bytes that both halves take together.
    const isHalf = unit >= 0xd800 && unit < 0xe000;
    bytes += unit < 0x800 || isHalf ? 1 : 2;
  }
  return bytes;
}

/** Order of series in blocks and in sorted results: pair by pair, names before values. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.pairs.length, b.pairs.length);
  for (let i = 0; i < length; i++) {
    const order = compareUtf8(a.pairs[i] as string, b.pairs[i] as string);
    if (order !== 0) return order;
  }
  return a.pairs.length - b.pairs.length;
}
