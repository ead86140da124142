/** What is measured, how it is printed, and what the project wants of it. */

export interface Figures {
  cpuUs?: number;
  cpuSettledUs?: number;
  senderCpuUs?: number;
  samplesPerSecond?: number;
  p50Ms?: number;
  p99Ms?: number;
  rssPeakMb?: number;
  rssSettledMb?: number;
  refusedRequests?: number;
  readyMs?: number;
  missingAfterKill?: number;
  missing?: number;
  diskBytes?: number;
  blockBytes?: number;
  queryMs?: number;
  queryCpuMs?: number;
  firstQueryMs?: number;
  /** Medians by query. */
  queries?: Readonly<Record<string, number>>;
}

export interface Outcome {
  readonly workload: string;
  readonly program: string;
  readonly figures: Figures;
}

type NumberKey = Exclude<keyof Figures, "queries">;

interface Figure {
  readonly key: NumberKey;
  readonly title: string;
  readonly better: "less" | "more";
  readonly digits: number;
}

export const FIGURES: readonly Figure[] = [
  { key: "cpuUs", title: "server CPU, µs/sample", better: "less", digits: 3 },
  { key: "cpuSettledUs", title: "server CPU until idle again, µs/sample", better: "less", digits: 3 },
  { key: "samplesPerSecond", title: "samples/s, wall", better: "more", digits: 0 },
  { key: "p50Ms", title: "answer p50, ms", better: "less", digits: 2 },
  { key: "p99Ms", title: "answer p99, ms", better: "less", digits: 1 },
  { key: "rssPeakMb", title: "peak RSS, MB", better: "less", digits: 0 },
  { key: "rssSettledMb", title: "RSS when idle, MB", better: "less", digits: 0 },
  { key: "refusedRequests", title: "requests refused", better: "less", digits: 0 },
  { key: "readyMs", title: "ready after kill -9, ms", better: "less", digits: 0 },
  { key: "missingAfterKill", title: "acknowledged samples lost by kill -9", better: "less", digits: 0 },
  { key: "missing", title: "acknowledged samples missing", better: "less", digits: 0 },
  { key: "diskBytes", title: "whole data folder, bytes/sample", better: "less", digits: 2 },
  { key: "blockBytes", title: "blocks, bytes per sample in them", better: "less", digits: 2 },
  { key: "queryMs", title: "query mix, geometric mean of medians, ms", better: "less", digits: 2 },
  { key: "queryCpuMs", title: "server CPU, ms/query", better: "less", digits: 2 },
  { key: "firstQueryMs", title: "first query after a start, ms", better: "less", digits: 1 },
  { key: "senderCpuUs", title: "(the sender's CPU, µs/sample)", better: "less", digits: 3 },
];

/** What must hold: how many times better than the peer. */
const WANTED: readonly { workload: string; key: NumberKey; peer: string; times: number }[] = [
  { workload: "W1", key: "cpuUs", peer: "victoria-metrics", times: 5 },
  { workload: "W1", key: "cpuUs", peer: "prometheus", times: 10 },
  { workload: "W1", key: "samplesPerSecond", peer: "victoria-metrics", times: 2.5 },
  { workload: "W1", key: "p99Ms", peer: "victoria-metrics", times: 1 },
  { workload: "W1", key: "rssPeakMb", peer: "victoria-metrics", times: 1 / 0.7 },
  { workload: "W2", key: "cpuUs", peer: "victoria-metrics", times: 3.5 },
  { workload: "W2", key: "p99Ms", peer: "victoria-metrics", times: 1 },
  { workload: "W2", key: "queryMs", peer: "victoria-metrics", times: 1 / 0.6 },
  { workload: "W2", key: "queryCpuMs", peer: "victoria-metrics", times: 1 },
];

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One Markdown table: a row for each workload and figure, a column for each program, then how many times better
 * the first program is than each other one. A ratio that has a wanted value carries it. */
export function printTable(outcomes: readonly Outcome[], programs: readonly string[]): string {
  const [own, ...peers] = programs;
  const head = ["workload", "", ...programs, ...peers.map((peer) => `${own} better than ${peer} by`)];
  const rows = [head, head.map((_, column) => (column < 2 ? "---" : "---:"))];
  for (const workload of new Set(outcomes.map((outcome) => outcome.workload))) {
    const of = (program: string | undefined): Figures =>
      outcomes.find((outcome) => outcome.workload === workload && outcome.program === program)?.figures ?? {};
    for (const figure of FIGURES) {
      const values = programs.map((program) => of(program)[figure.key]);
      if (values.every((value) => value === undefined)) continue;
      const ratios = peers.map((peer) => {
        const wanted = WANTED.find((w) => w.workload === workload && w.key === figure.key && w.peer === peer);
        const times = own === "varve" ? wanted?.times : undefined;
        return ratioCell(figure, of(own)[figure.key], of(peer)[figure.key], times);
      });
      rows.push([workload, figure.title, ...values.map((value) => valueCell(value, figure)), ...ratios]);
    }
  }
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A second table: the median of each query, and its share of each other program's. */
export function printQueryTable(outcomes: readonly Outcome[], programs: readonly string[]): string {
  const [own = "", ...peers] = programs;
  const head = ["workload", "query, ms", ...programs, ...peers.map((peer) => `${own} takes of ${peer}`)];
  const rows = [head, head.map((_, column) => (column < 2 ? "---" : "---:"))];
  for (const workload of new Set(outcomes.map((outcome) => outcome.workload))) {
    const of = (program: string): Readonly<Record<string, number>> =>
      outcomes.find((o) => o.workload === workload && o.program === program)?.figures.queries ?? {};
    for (const query of new Set(programs.flatMap((program) => Object.keys(of(program))))) {
      const cell = (value: number | undefined, digits: number, unit: string): string =>
        value === undefined || !Number.isFinite(value) ? "–" : `${value.toFixed(digits)}${unit}`;
      rows.push([
        workload,
        `\`${query.replaceAll("|", "\\|")}\``,
        ...programs.map((program) => cell(of(program)[query], 2, "")),
        ...peers.map((peer) =>
          cell((of(own)[query] ?? Number.NaN) / (of(peer)[query] ?? Number.NaN), 2, "×"),
        ),
      ]);
    }
  }
  return rows.length === 2 ? "" : rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** The rows for the front page, and what they are called there. */
const FRONT_PAGE: readonly { workload: string; key: NumberKey; title: string }[] = [
  { workload: "W1", key: "cpuUs", title: "100,000 series: server CPU per sample, µs" },
  { workload: "W1", key: "samplesPerSecond", title: "samples per second" },
  { workload: "W1", key: "p99Ms", title: "answer p99, ms" },
  { workload: "W1", key: "rssPeakMb", title: "peak memory, MB" },
  { workload: "W1", key: "readyMs", title: "ready again after kill -9, ms" },
  { workload: "W1", key: "missingAfterKill", title: "acknowledged samples lost by it, of 6,084,000" },
  { workload: "W2", key: "cpuUs", title: "6,000 series for eight hours: server CPU per sample, µs" },
  { workload: "W2", key: "diskBytes", title: "bytes on disk per sample, log included" },
  { workload: "W2", key: "queryMs", title: "eleven dashboard queries, geometric mean, ms" },
];

/** A short Markdown table: a column for each program, behind a peer's value how many times that of the first. */
export function printFrontPage(outcomes: readonly Outcome[], programs: readonly string[]): string {
  const rows = [
    ["", ...programs],
    ["---", ...programs.map(() => "---:")],
  ];
  for (const { workload, key, title } of FRONT_PAGE) {
    const figure = FIGURES.find((candidate) => candidate.key === key)!;
    const values = programs.map(
      (program) => outcomes.find((o) => o.workload === workload && o.program === program)?.figures[key],
    );
    if (values.every((value) => value === undefined)) continue;
    rows.push([title, ...values.map((value) => valueCell(value, figure) + timesOwn(value, values[0]))]);
  }
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function timesOwn(value: number | undefined, own: number | undefined): string {
  if (value === undefined || own === undefined || value === own || own <= 0 || value <= 0) return "";
  const times = value / own;
  return ` (${times >= 10 ? Math.round(times).toLocaleString("en") : times.toPrecision(2)}×)`;
}

function valueCell(value: number | undefined, { digits }: Figure): string {
  if (value === undefined) return "–";
  return digits === 0 ? Math.round(value).toLocaleString("en") : value.toFixed(digits);
}

function ratioCell(
  figure: Figure,
  own: number | undefined,
  peer: number | undefined,
  wanted: number | undefined,
): string {
  if (own === undefined || peer === undefined || own <= 0 || peer <= 0 || figure.key === "senderCpuUs")
    return "";
  const times = figure.better === "less" ? peer / own : own / peer;
  const cell = `${times.toFixed(times < 10 ? 2 : 1)}×`;
  if (wanted === undefined) return cell;
  return `${cell} (${times >= wanted ? "wanted" : "MISSED"} ≥ ${wanted.toFixed(2).replace(/\.?0+$/, "")}×)`;
}
