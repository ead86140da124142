/**
 * How names of OpenTelemetry become names of Prometheus: the rules of github.com/prometheus/otlptranslator and of the
 * OpenTelemetry specification ("Prometheus and OpenMetrics compatibility"), as Prometheus 3.5 applies them.
 */

/** Prometheus' own names for the ways to do it. */
export type TranslationStrategy =
  | "UnderscoreEscapingWithSuffixes"
  | "UnderscoreEscapingWithoutSuffixes"
  | "NoUTF8EscapingWithSuffixes"
  | "NoTranslation";

export interface Naming {
  /** Names keep their characters. */
  readonly utf8: boolean;
  /** Metric names end in their unit, `_total` and `_ratio`. */
  readonly suffixes: boolean;
}

export function namingOf(strategy: TranslationStrategy): Naming {
  return {
    utf8: strategy === "NoUTF8EscapingWithSuffixes" || strategy === "NoTranslation",
    suffixes: strategy === "UnderscoreEscapingWithSuffixes" || strategy === "NoUTF8EscapingWithSuffixes",
  };
}

const UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ d: "days", h: "hours", min: "minutes", s: "seconds", ms: "milliseconds", us: "microseconds" },
    ...{ ns: "nanoseconds", By: "bytes", KiBy: "kibibytes", MiBy: "mebibytes", GiBy: "gibibytes" },
    ...{ TiBy: "tibibytes", KBy: "kilobytes", MBy: "megabytes", GBy: "gigabytes", TBy: "terabytes" },
    ...{ m: "meters", V: "volts", A: "amperes", J: "joules", W: "watts", g: "grams" },
    ...{ Cel: "celsius", Hz: "hertz", "1": "", "%": "percent" },
  }),
);
const PER_UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({ s: "second", m: "minute", h: "hour", d: "day", w: "week", mo: "month", y: "year" }),
);

/** `By/s` as "bytes" and "per_second"; a part in braces is a comment. */
function unitSuffixes(unit: string): { main: string; per: string } {
  const slash = unit.indexOf("/");
  const first = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const second = slash < 0 ? "" : unit.slice(slash + 1).trim();
  const main = /[{}]/.test(first) ? "" : (UNITS.get(first) ?? first);
  const per = second === "" || /[{}]/.test(second) ? "" : (PER_UNITS.get(second) ?? second);
  return { main, per: per === "" ? "" : `per_${per}` };
}

function cleanUnit(unit: string): string {
  const clean = Array.from(unit, (char) => (/[a-zA-Z0-9:]/.test(char) ? char : "_")).join("");
  return clean.replace(/__+/g, "_").replace(/^_/, "");
}

/** The unit in a metric's metadata. */
export function unitName(unit: string): string {
  const suffixes = unitSuffixes(unit);
  const parts = [cleanUnit(suffixes.main), cleanUnit(suffixes.per)].filter((part) => part !== "");
  return parts.join("_").replace(/^_/, "").replace(/_$/, "");
}

export interface NamedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "counter" | "other";
}

/** "" where nothing of the name is left. */
export function metricName(metric: NamedMetric, { utf8, suffixes }: Naming): string {
  if (utf8) return suffixes ? utf8Name(metric) : metric.name;
  const built = suffixes
    ? suffixedName(metric)
    : metric.name
        .split(/[^a-zA-Z0-9:_]+/)
        .filter(Boolean)
        .join("_");
  const named = /^[0-9]/.test(built) ? `_${built}` : built;
  return named === metric.name || /[^_]/.test(named) ? named : "";
}

function suffixedName({ name, unit, kind }: NamedMetric): string {
  let tokens = name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== "");
  const suffixes = unitSuffixes(unit);
  let main = cleanUnit(suffixes.main);
  let per = cleanUnit(suffixes.per);
  if (tokens.includes(main)) main = "";
  per = per === "per_" ? "" : per.replace(/_$/, "");
  if (tokens.includes(per)) per = "";
  if (per !== "") main = main.replace(/_$/, "");
  for (const suffix of [main, per]) if (suffix !== "") tokens.push(suffix);
  if (kind === "counter") tokens = [...tokens.filter((token) => token !== "total"), "total"];
  if (unit === "1" && kind === "gauge") tokens = [...tokens.filter((token) => token !== "ratio"), "ratio"];
  return tokens.join("_");
}

/** Suffixes are added to whatever the name ends in. */
function utf8Name({ name, unit, kind }: NamedMetric): string {
  const { main, per } = unitSuffixes(unit);
  const ratio = unit === "1" && kind === "gauge" ? "ratio" : "";
  const suffixes = [main, per, kind === "counter" ? "total" : "", ratio].filter((suffix) => suffix !== "");
  return [name, ...suffixes].join("_");
}

/** Label names keep runs of underscores, as Prometheus does by default. */
export function labelName(name: string, { utf8 }: Naming): string {
  if (utf8) return name;
  const clean = Array.from(name, (char) => (/[a-zA-Z0-9]/.test(char) ? char : "_")).join("");
  if (/^[0-9]/.test(clean)) return `key_${clean}`;
  return /^_(?!_)/.test(clean) ? `key${clean}` : clean;
}
