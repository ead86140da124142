/** Both servers, fed with the same requests. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPeer, untilOk } from "../support/peers.js";
import { type Cleanup, freePort, startServer } from "../support/server.js";
import { HEADERS_V1, postBody } from "../support/write-client.js";

export interface Rig {
  readonly prometheusUrl: string;
  readonly varveUrl: string;
  /** A later Prometheus with the same data, to tell what has changed since; "": none. */
  readonly laterUrl: string;
}

const CONFIG = "storage: { tsdb: { out_of_order_time_window: 1d } }\n";
/** What 3.5 has behind flags; later versions have some of it on always and only warn. */
const FEATURES = ["promql-experimental-functions", "native-histograms", "promql-duration-expr"];
/** What versions after 3.5 have behind flags. */
export const NEWER_FEATURES: readonly string[] = [
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
  "use-start-timestamps",
];

export interface RigOptions {
  /** Path of a later Prometheus; "": none. */
  readonly later?: string;
  /** Further values of `--enable-feature`, for all of them. */
  readonly features?: readonly string[];
  /** Whether Varve has most samples in blocks, overlapping with a head of samples that came late. */
  readonly inBlocks?: boolean;
  /** Nothing comes late then: Prometheus does not delete what did. */
  readonly inOrder?: boolean;
  /** What is deleted once all is there: matchers, and from when to when. */
  readonly deletions?: readonly {
    readonly match: string;
    readonly startMs: number;
    readonly endMs: number;
  }[];
  /** Flags of both. */
  readonly flags?: readonly string[];
  /** Flags of Prometheus alone. */
  readonly prometheusFlags?: readonly string[];
  /** Prometheus' configuration file. */
  readonly config?: string;
}
const RETENTION = "--storage.tsdb.retention.time=100y";

/** Starts `prometheus` (the program's path) and Varve, and sends all of them all requests. `later` may be "". */
export async function startRig(
  t: Cleanup,
  prometheus: string,
  requests: readonly Uint8Array[],
  options: RigOptions = {},
): Promise<Rig> {
  const { later = "", features = [], inBlocks = false, inOrder = false, deletions = [] } = options;
  const { flags: shared = [], prometheusFlags = [], config = CONFIG } = options;
  const feature = `--enable-feature=${[...FEATURES, ...features].join(",")}`;
  const flags = [RETENTION, feature, "--web.enable-admin-api", ...shared];
  const ofPrometheus = [feature, ...shared, ...prometheusFlags];
  if (inBlocks) flags.push(`--storage.tsdb.min-block-duration=${BLOCK_SECONDS}s`);
  const varve = await startServer(t, { flags });
  const rig = {
    prometheusUrl: await startPrometheus(t, prometheus, config, ofPrometheus),
    varveUrl: varve.url,
    laterUrl: later === "" ? "" : await startPrometheus(t, later, config, ofPrometheus),
  };
  const urls = Object.values(rig).filter((url) => url !== "");
  const third = requests.length / 3;
  const isLate = (at: number): boolean => inBlocks && (inOrder ? at > 2 * third : at % 3 === 1);
  await send(
    urls,
    requests.filter((_, at) => !isLate(at)),
  );
  if (inBlocks) await untilInBlocks(varve.dataDirectory);
  await send(
    urls,
    requests.filter((_, at) => isLate(at)),
  );
  for (const { match, startMs, endMs } of deletions) {
    const times = { start: String(startMs / 1000), end: String(endMs / 1000) };
    const body = new URLSearchParams({ "match[]": match, ...times });
    for (const url of urls) {
      const response = await fetch(`${url}/api/v1/admin/tsdb/delete_series`, { method: "POST", body });
      if (response.status !== 204) throw new Error(`${url} does not delete: ${await response.text()}`);
    }
  }
  return rig;
}

async function send(urls: readonly string[], requests: readonly Uint8Array[]): Promise<void> {
  for (const body of requests) {
    for (const url of urls) {
      const { status, text } = await postBody(url, HEADERS_V1, body);
      if (status >= 300) throw new Error(`${url} refuses a request of the corpus: ${status} ${text}`);
    }
  }
}

const BLOCK_SECONDS = 600;

/** Blocks are there and no more come. */
async function untilInBlocks(folder: string): Promise<void> {
  const count = (): number => readdirSync(folder).filter((name) => /^[0-9A-Z]{26}$/.test(name)).length;
  for (let [before, quietMs] = [-1, 0]; quietMs < 1000 * (BLOCK_SECONDS / 8) * 1.2; ) {
    await sleep(1000);
    const now = count();
    quietMs = now === before && now > 0 ? quietMs + 1000 : 0;
    before = now;
  }
}

/** Its address, once it is ready. */
export async function startPrometheus(
  t: Cleanup,
  program: string,
  config: string,
  flags: readonly string[] = [],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "varve-differential-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const configFile = join(folder, "prometheus.yml");
  writeFileSync(configFile, config);
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = startPeer(t, program, [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    RETENTION,
    `--web.listen-address=${url.slice("http://".length)}`,
    "--web.enable-remote-write-receiver",
    "--web.enable-admin-api",
    ...flags,
  ]);
  await untilOk(`${url}/-/ready`, peer);
  return url;
}
