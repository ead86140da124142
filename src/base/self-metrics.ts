/**
 * Varve's own metrics in the Prometheus text format. Counting is an addition to a number; text is made only
 * when somebody scrapes.
 */

/** `name="value",…` without braces, "" for none. */
export type LabelText = string;

export class Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

/** Cumulative buckets as Prometheus' client libraries expose them. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last is +Inf. Not cumulative. */
  readonly counts: Float64Array;
  sum = 0;

  /** `bounds`: upper bounds, strictly increasing, without +Inf. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] as number)) i++;
    counts[i] = (counts[i] as number) + 1;
    this.sum += value;
  }
}

/** Escapes a value for use inside `name="…"`. */
function escapeLabelValue(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

/** `labelText({route: "/x", code: "200"})` is `route="/x",code="200"`. */
export function labelText(labels: Readonly<Record<string, string>>): LabelText {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join(",");
}

type Metric = Counter | Histogram | (() => number);

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly metrics: Map<LabelText, Metric>;
}

/** A set of metric families, printed in the order in which they were first named. */
export class MetricRegistry {
  private readonly families = new Map<string, Family>();

  /** The counter of this name and label set, made at the first call. */
  counter(name: string, help: string, labels: LabelText = ""): Counter {
    const { metrics } = this.family(name, help, "counter");
    const found = metrics.get(labels);
    if (found instanceof Counter) return found;
    const made = new Counter();
    metrics.set(labels, made);
    return made;
  }

  /** The histogram of this name and label set, made at the first call. */
  histogram(name: string, help: string, bounds: readonly number[], labels: LabelText = ""): Histogram {
    const { metrics } = this.family(name, help, "histogram");
    const found = metrics.get(labels);
    if (found instanceof Histogram) return found;
    const made = new Histogram(bounds);
    metrics.set(labels, made);
    return made;
  }

  /** A value that is asked for at each scrape; NaN leaves the line out. */
  gauge(name: string, help: string, read: () => number, labels: LabelText = ""): void {
    this.family(name, help, "gauge").metrics.set(labels, read);
  }

  /** As `gauge`, for what only grows. */
  counterFrom(name: string, help: string, read: () => number, labels: LabelText = ""): void {
    this.family(name, help, "counter").metrics.set(labels, read);
  }

  text(): string {
    const lines: string[] = [];
    for (const family of this.families.values()) printFamily(family, lines);
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  private family(name: string, help: string, type: Family["type"]): Family {
    let family = this.families.get(name);
    if (family === undefined) {
      family = { name, help, type, metrics: new Map() };
      this.families.set(name, family);
    }
    return family;
  }
}

function printFamily(family: Family, lines: string[]): void {
  const { name } = family;
  lines.push(`# HELP ${name} ${family.help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}`);
  lines.push(`# TYPE ${name} ${family.type}`);
  for (const [labels, metric] of family.metrics) {
    const braces = labels === "" ? "" : `{${labels}}`;
    if (metric instanceof Histogram) printHistogram(name, labels, metric, lines);
    else {
      const value = metric instanceof Counter ? metric.value : metric();
      if (!Number.isNaN(value)) lines.push(`${name}${braces} ${printMetricValue(value)}`);
    }
  }
}

function printHistogram(name: string, labels: LabelText, histogram: Histogram, lines: string[]): void {
  const prefix = labels === "" ? "" : `${labels},`;
  let count = 0;
  histogram.counts.forEach((inBucket, i) => {
    count += inBucket;
    const bound = i < histogram.bounds.length ? String(histogram.bounds[i]) : "+Inf";
    lines.push(`${name}_bucket{${prefix}le="${bound}"} ${count}`);
  });
  const braces = labels === "" ? "" : `{${labels}}`;
  lines.push(`${name}_sum${braces} ${printMetricValue(histogram.sum)}`, `${name}_count${braces} ${count}`);
}

function printMetricValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
