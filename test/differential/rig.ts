/** Both servers, fed with the same requests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
const EXPERIMENTAL = "--enable-feature=promql-experimental-functions,native-histograms";
const RETENTION = "--storage.tsdb.retention.time=100y";

/** Starts `prometheus` (the program's path) and Varve, and sends all of them all requests. `later` may be "". */
export async function startRig(
  t: Cleanup,
  prometheus: string,
  requests: readonly Uint8Array[],
  later = "",
): Promise<Rig> {
  const rig = {
    prometheusUrl: await startPrometheus(t, prometheus),
    varveUrl: (await startServer(t, { flags: [RETENTION, EXPERIMENTAL] })).url,
    laterUrl: later === "" ? "" : await startPrometheus(t, later),
  };
  for (const body of requests) {
    for (const url of Object.values(rig).filter((one) => one !== "")) {
      const { status, text } = await postBody(url, HEADERS_V1, body);
      if (status >= 300) throw new Error(`${url} refuses a request of the corpus: ${status} ${text}`);
    }
  }
  return rig;
}

async function startPrometheus(t: Cleanup, program: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "varve-differential-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "prometheus.yml");
  writeFileSync(config, CONFIG);
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = startPeer(t, program, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    RETENTION,
    `--web.listen-address=${url.slice("http://".length)}`,
    "--web.enable-remote-write-receiver",
    EXPERIMENTAL,
  ]);
  await untilOk(`${url}/-/ready`, peer);
  return url;
}
