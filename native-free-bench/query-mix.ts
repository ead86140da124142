/** The reading side: how many samples a program has, and how fast it answers the queries of a dashboard. */
import { Connection } from "./connection.js";
import { cpuMs } from "./process-figures.js";
import { quantileOf } from "./sender.js";
import { metricNamesOf, spanMs, type Workload } from "./workloads.js";

export interface MixQuery {
  readonly query: string;
  readonly rangeSeconds: number;
  readonly stepSeconds: number;
}

const WHOLE = 28_000;

/** Over W2: `rangeSeconds` up to the end of the workload. */
export const QUERY_MIX: readonly MixQuery[] = [
  q("sum by (mode) (rate(node_cpu_seconds_total[5m]))", 3600, 15),
  q('sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))', WHOLE, 60),
  q('100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100', WHOLE, 60),
  q("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", WHOLE, 60),
  q("sum by (instance, device) (irate(node_network_receive_bytes_total[5m]))", 3600, 15),
  q('sum by (device) (rate(node_disk_written_bytes_total{device=~"vd.*|sd.*"}[5m]))', WHOLE, 60),
  q("max_over_time(node_load1[1h])", WHOLE, 300),
  q("topk(5, rate(node_context_switches_total[5m]))", WHOLE, 60),
  q('count({job="node"})', 3600, 60),
  q("quantile by (cluster) (0.9, node_load5)", WHOLE, 60),
  q('max_over_time(rate(node_cpu_seconds_total{mode="user"}[5m])[30m:1m])', WHOLE, 300),
];

/**
 * Over W5, at the time of its last round: a million series, some thousands by a pattern of names (of which no two have
 * the same other labels: that would be an error), 20,000 in groups.
 */
export const WIDE_QUERIES: readonly string[] = [
  'count({job="node"})',
  'topk(10, rate({__name__=~"node_context_switches_.+|node_network_receive_bytes_.+"}[5m]))',
  'sum by (cluster) (node_cpu_seconds_total{mode=~"user|system|idle|iowait|nice"})',
];

const REPEATS = 7;

export interface MixFigure {
  readonly query: string;
  /** The median of the repeats; NaN where the program refused. */
  readonly medianMs: number;
  /** The first of them. */
  readonly firstMs: number;
  /** Processor time of the server for one, the mean of the repeats. */
  readonly cpuMs: number;
  readonly error: string;
}

/** A program that is asked. */
export interface Asked {
  readonly port: number;
  readonly pid: number;
}

export interface Question {
  readonly query: string;
  /** With its parameters. */
  readonly path: string;
}

/** The mix over `workload`, which begins at `baseMs`. */
export function mixQuestions(workload: Workload, baseMs: number): Question[] {
  const endSeconds = Math.floor((baseMs + spanMs(workload)) / 1000);
  return QUERY_MIX.map(({ query, rangeSeconds, stepSeconds }) => {
    const params = new URLSearchParams({
      query,
      start: String(endSeconds - Math.min(rangeSeconds, spanMs(workload) / 1000)),
      end: String(endSeconds),
      step: String(stepSeconds),
      nocache: "1",
    });
    return { query, path: `/api/v1/query_range?${params}` };
  });
}

/** The queries that touch many series, at the time of the last round. */
export function wideQuestions(workload: Workload, baseMs: number): Question[] {
  const time = String((baseMs + spanMs(workload)) / 1000);
  return WIDE_QUERIES.map((query) => {
    const params = new URLSearchParams({ query, time, nocache: "1" });
    return { query, path: `/api/v1/query?${params}` };
  });
}

/**
 * Asks all programs in turn, one answer each and then the next: where the machine is slow for some milliseconds or
 * seconds, it is so for all of them. Nobody always comes first. Returns the figures by program and question.
 */
export async function askInTurn(
  programs: readonly Asked[],
  questions: readonly Question[],
  repeats: number = REPEATS,
): Promise<MixFigure[][]> {
  const figures = programs.map((): MixFigure[] => []);
  for (const { query, path } of questions) {
    const asking = programs.map((program) => new Asking(program));
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const turn of programs.keys()) await asking[(repeat + turn) % programs.length]!.ask(path);
    }
    for (const [at, one] of asking.entries()) figures[at]!.push(one.figure(query));
  }
  return figures;
}

/** One question to one program. The time of an answer: from the request to its last byte, on an open connection. */
class Asking {
  private readonly program: Asked;
  private connection: Connection | null = null;
  private readonly cpuMsBefore: number;
  private readonly times: number[] = [];
  private error = "";

  constructor(program: Asked) {
    this.program = program;
    this.cpuMsBefore = cpuMs(program.pid);
  }

  /** Not again after a refusal. */
  async ask(path: string): Promise<void> {
    if (this.error !== "") return;
    // While another program takes long a server may end a connection on which nothing comes.
    if (!this.connection?.isOpen) this.connection = await Connection.open(this.program.port);
    const startedAt = performance.now();
    const answer = await this.connection.get(path);
    this.times.push(performance.now() - startedAt);
    if (answer.status !== 200) this.error = `${answer.status} ${answer.text().slice(0, 200)}`;
  }

  /** Nothing is asked afterwards. */
  figure(query: string): MixFigure {
    this.connection?.close();
    const { times, error } = this;
    const [firstMs = Number.NaN] = times;
    const sorted = times.toSorted((a, b) => a - b);
    const medianMs = error === "" ? quantileOf(sorted, 0.5) : Number.NaN;
    const cpu = (cpuMs(this.program.pid) - this.cpuMsBefore) / times.length;
    return { query, medianMs, firstMs, cpuMs: cpu, error };
  }
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** How many samples of the workload a program answers for. One query per metric name: `count_over_time` drops the
 * name, and series that then have the same labels are an error. */
export async function countSamples(url: string, workload: Workload, baseMs: number): Promise<number> {
  const endMs = baseMs + spanMs(workload);
  // A range without its left end: one second more reaches the first sample.
  const seconds = spanMs(workload) / 1000 + 1;
  let sum = 0;
  for (const name of metricNamesOf(workload)) {
    const query = `sum(count_over_time(${name}${workload.matcher}[${seconds}s]))`;
    sum += await instantValue(url, query, endMs);
  }
  return sum;
}

/** The single value of an instant query; 0 of an empty result. */
async function instantValue(url: string, query: string, timeMs: number): Promise<number> {
  const params = new URLSearchParams({ query, time: String(timeMs / 1000), nocache: "1" });
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body: params });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${query}: ${response.status} ${text.slice(0, 300)}`);
  const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
  return data.result.length === 0 ? 0 : Number(data.result[0]!.value[1]);
}

function q(query: string, rangeSeconds: number, stepSeconds: number): MixQuery {
  return { query, rangeSeconds, stepSeconds };
}
