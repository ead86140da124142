/**
 * `/api/v1/status/self_metrics`: the own metrics as Prometheus answers them, each family the ProtoJSON form of
 * `io.prometheus.client.MetricFamily`. They are read from the text that `/metrics` serves, which is all made by
 * `MetricRegistry`: one line a value, families together.
 */

interface Label {
  readonly name: string;
  readonly value: string;
}

type ProtoNumber = number | "NaN" | "Infinity" | "-Infinity";

interface Bucket {
  readonly cumulativeCount: string;
  readonly upperBound: ProtoNumber;
}

interface MetricJson {
  label?: Label[];
  counter?: { value: ProtoNumber };
  gauge?: { value: ProtoNumber };
  histogram?: { sampleCount: string; sampleSum: ProtoNumber; bucket: Bucket[] };
}

export interface FamilyJson {
  readonly name: string;
  help: string;
  type: "COUNTER" | "GAUGE" | "HISTOGRAM";
  readonly metric: MetricJson[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Families by name, as Prometheus sorts them; `nameMatches` chooses among them. */
export function selfMetricsJson(text: string, nameMatches: (name: string) => boolean): FamilyJson[] {
  const families = new Map<string, FamilyJson>();
  let current: FamilyJson | undefined;
  for (const line of text.split("\n")) {
    const [mark, word, name = "", ...rest] = line.split(" ");
    if (mark !== "#") {
      if (current !== undefined) addSample(current, line);
      continue;
    }
    if (word === "HELP") {
      current = families.get(name) ?? { name, help: unescapeText(rest.join(" ")), type: "GAUGE", metric: [] };
      families.set(name, current);
    } else if (word === "TYPE" && current !== undefined) {
      current.type = (rest[0] ?? "").toUpperCase() as FamilyJson["type"];
    }
  }
  return [...families.values()]
    .filter(({ name, metric }) => metric.length > 0 && nameMatches(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function addSample(family: FamilyJson, line: string): void {
  const [, name, labelText = "", valueText] = SAMPLE.exec(line) ?? [];
  if (name === undefined || valueText === undefined) return;
  const labels = readLabels(labelText);
  if (family.type !== "HISTOGRAM") {
    const value = protoNumber(valueText);
    const kind = family.type === "COUNTER" ? { counter: { value } } : { gauge: { value } };
    family.metric.push(labels.length === 0 ? kind : { label: labels, ...kind });
    return;
  }
  addToHistogram(family, name.slice(family.name.length), labels, valueText);
}

/** The lines of one histogram follow each other: its buckets, then sum and count. */
function addToHistogram(family: FamilyJson, suffix: string, labels: Label[], value: string): void {
  const own = labels.filter(({ name }) => name !== "le");
  const bound = labels.find(({ name }) => name === "le")?.value;
  let last = family.metric.at(-1);
  if (last?.histogram === undefined || JSON.stringify(last.label ?? []) !== JSON.stringify(own)) {
    const histogram = { sampleCount: "0", sampleSum: 0, bucket: [] };
    last = own.length === 0 ? { histogram } : { label: own, histogram };
    family.metric.push(last);
  }
  const { histogram } = last;
  if (histogram === undefined) return;
  if (suffix === "_sum") histogram.sampleSum = protoNumber(value);
  else if (suffix === "_count") histogram.sampleCount = value;
  // Go's client leaves the bucket of +Inf out: it is the count.
  else if (bound !== undefined && bound !== "+Inf") {
    histogram.bucket.push({ cumulativeCount: value, upperBound: protoNumber(bound) });
  }
}

function readLabels(text: string): Label[] {
  return [...text.matchAll(LABEL)]
    .map(([, name = "", value = ""]) => ({ name, value: unescapeText(value) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function unescapeText(text: string): string {
  return text.replace(/\\(.)/g, (_all, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

function protoNumber(text: string): ProtoNumber {
  if (text === "NaN") return "NaN";
  if (text === "+Inf") return "Infinity";
  return text === "-Inf" ? "-Infinity" : Number(text);
}
