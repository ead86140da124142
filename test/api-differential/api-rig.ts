/** Both servers with the same data, and a Prometheus that scrapes the same metadata. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { corpusRequests } from "../differential/corpus.js";
import { patternSeries } from "../differential/patterns.js";
import { startPrometheus, startRig } from "../differential/rig.js";
import { until } from "../support/peers.js";
import type { WireSeries } from "../support/remote-write.js";
import type { Cleanup } from "../support/server.js";
import { apiRequests, exemplarSeries, METADATA, metadataExposition, recentSeries } from "./api-data.js";
import type { ApiRig } from "./campaign.js";
import { Oracle } from "./oracle.js";

/** The data of now has to stay within it. */
const FLAGS: readonly string[] = ["--query.lookback-delta=1h", "--storage.tsdb.min-block-duration=10y"];
/** Nothing of the head becomes a block, so what a status tells of the head tells of all. */
const PROMETHEUS_FLAGS: readonly string[] = [
  "--storage.tsdb.max-block-duration=10y",
  "--enable-feature=exemplar-storage,search-api",
];
const CONFIG = "storage: { tsdb: { out_of_order_time_window: 1d }, exemplars: { max_exemplars: 10000 } }\n";

/** `series`: the corpus; `nowMs`: when the newest samples are. */
export async function startApiRig(
  t: Cleanup,
  prometheus: string,
  series: readonly WireSeries[],
  nowMs: number,
): Promise<ApiRig> {
  const metadataUrl = await startScraper(t, prometheus);
  const requests = [...corpusRequests(series), ...apiRequests(nowMs)];
  const rig = await startRig(t, prometheus, requests, {
    flags: FLAGS,
    prometheusFlags: PROMETHEUS_FLAGS,
    config: CONFIG,
  });
  await until(
    async () => {
      const response = await fetch(`${metadataUrl}/api/v1/metadata`);
      const { data } = (await response.json()) as { data: object };
      return Object.keys(data).length === METADATA.length;
    },
    15_000,
    () => "the metadata are scraped",
  );
  return {
    ...rig,
    metadataUrl,
    oracle: new Oracle([...series, ...patternSeries(), ...exemplarSeries(), ...recentSeries(nowMs)]),
  };
}

async function startScraper(t: Cleanup, prometheus: string): Promise<string> {
  const target = createServer((_, response) => {
    response.setHeader("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.end(metadataExposition());
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  t.after(async () => void target.closeAllConnections());
  t.after(async () => void target.close());
  const address = `127.0.0.1:${(target.address() as AddressInfo).port}`;
  const job = `{ job_name: described, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{ targets: ["${address}"] }] }`;
  return startPrometheus(t, prometheus, `scrape_configs: [${job}]\n`);
}
