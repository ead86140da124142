import { quote } from "../../model/go-text.js";
import { compareUtf8, Labels, printLabelName } from "../../model/labels.js";

/** The labels of `names` only. */
export function keepLabels(labels: Labels, names: readonly string[]): Labels {
  const pairs: string[] = [];
  for (let i = 0; i < labels.pairs.length; i += 2) {
    if (names.includes(labels.pairs[i])) pairs.push(labels.pairs[i], labels.pairs[i + 1]);
  }
  return new Labels(pairs);
}

export function withoutLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  const pairs: string[] = [];
  for (let i = 0; i < labels.pairs.length; i += 2) {
    if (!names.has(labels.pairs[i])) pairs.push(labels.pairs[i], labels.pairs[i + 1]);
  }
  return new Labels(pairs);
}

/** Sets one label; an empty value removes it. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const pairs: string[] = [];
  let placed = value === "";
  for (let i = 0; i < labels.pairs.length; i += 2) {
    const order = compareUtf8(labels.pairs[i], name);
    if (order >= 0 && !placed) {
      pairs.push(name, value);
      placed = true;
    }
    if (order !== 0) pairs.push(labels.pairs[i], labels.pairs[i + 1]);
  }
  if (!placed) pairs.push(name, value);
  return new Labels(pairs);
}

/** A label set as Prometheus' errors show it: all labels in braces, the name too. */
export function showLabels(labels: Labels): string {
  const parts = [...labels].map(([name, value]) => `${printLabelName(name)}=${quote(value)}`);
  return `{${parts.join(", ")}}`;
}
