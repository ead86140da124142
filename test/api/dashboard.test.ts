/** The dashboard in docs/deploy is held to the metrics: each of its queries finds something in a real server's own. */
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const FILE = fileURLToPath(new URL("../../docs/deploy/grafana/varve.json", import.meta.url));
const SCRAPES = 5;
const SCRAPE_MS = 15_000;
/** What Grafana puts in for variables. */
const VALUES: Readonly<Record<string, string>> = {
  "[$__rate_interval]": "[1m]",
  $job: ".*",
  $instance: ".*",
};

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly type: string; readonly query: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

interface DataSource {
  readonly type: string;
  readonly access: string;
  readonly jsonData: {
    readonly prometheusType: string;
    readonly prometheusVersion: string;
    readonly httpMethod: string;
  };
}

/** A scrape of the server's own metrics as series, with the labels that a scraper adds. */
function scraped(text: string, timestamp: number): WireSeries[] {
  return text.split("\n").flatMap((line): WireSeries[] => {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = "", text = ""]) => [key, text] as const,
    );
    const all = [["__name__", name], ["instance", "here:9090"], ["job", "varve"], ...pairs] as const;
    const sorted = [...all].sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)) as [string, string][];
    return [{ labels: sorted, samples: [{ value: Number(value.replace("Inf", "Infinity")), timestamp }] }];
  });
}

test("every query of the dashboard finds something in the server's own metrics", async (t) => {
  const { url } = await startServer(t);
  const nowMs = Date.now();
  const ask = async (query: string) => {
    const answer = await fetch(
      `${url}/api/v1/query?${new URLSearchParams({ query, time: String(nowMs / 1000) })}`,
    );
    return (await answer.json()) as { status: string; error?: string; data: { result: unknown[] } };
  };
  // Something of everything: writes, a refusal, queries.
  const series = (timestamp: number) => [
    { labels: [["__name__", "m"] as const], samples: [{ value: 1, timestamp }] },
  ];
  await postV1(url, series(nowMs + 86_400_000));
  await fetch(`${url}/nothing`, { method: "POST" });
  for (let i = SCRAPES - 1; i >= 0; i--) {
    await postV1(url, series(nowMs - i));
    await ask("m");
    await fetch(`${url}/api/v1/query_range?query=m&start=${nowMs / 1000}&end=${nowMs / 1000}&step=1`);
    const text = await (await fetch(`${url}/metrics`)).text();
    const answer = await postV1(url, scraped(text, nowMs - i * SCRAPE_MS));
    assert.equal(answer.status, 204, answer.text);
  }
  const { panels, templating } = JSON.parse(readFileSync(FILE, "utf8")) as Dashboard;
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  assert.ok(queries.length > 20);
  for (const { title, expr } of queries) {
    const query = Object.entries(VALUES).reduce((text, [name, value]) => text.replaceAll(name, value), expr);
    const { status, error, data } = await ask(query);
    assert.equal(status, "success", `${title}: ${error}`);
    const rare = query.includes("varve_http_access_refused_total");
    if (!rare) assert.ok(data.result.length > 0, `${title}: nothing for ${query}`);
  }
  const variables = templating.list.filter(({ type }) => type === "query");
  assert.deepEqual(
    variables.map(({ query }) => query.split(", ").at(-1)),
    ["job)", "instance)"],
  );
  for (const { query } of variables) {
    const [, selector = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
    const match = selector.replaceAll("$job", ".*");
    const answer = await fetch(
      `${url}/api/v1/label/${label}/values?${new URLSearchParams({ "match[]": match })}`,
    );
    const { data } = (await answer.json()) as { data: string[] };
    assert.deepEqual(data, [label === "job" ? "varve" : "here:9090"], query);
  }
});

test("the provisioned data source is the server that it says, and the dashboard is found", async (t) => {
  const provisioned = (folder: string): unknown =>
    parse(
      readFileSync(
        new URL(`../../docs/deploy/grafana/provisioning/${folder}/varve.yml`, import.meta.url),
        "utf8",
      ),
    );
  const { datasources } = provisioned("datasources") as { datasources: DataSource[] };
  const { providers } = provisioned("dashboards") as {
    providers: { type: string; options: { path: string } }[];
  };
  assert.deepEqual([datasources.length, providers.length, providers[0]?.type], [1, 1, "file"]);
  const { type, access, jsonData } = datasources[0] as DataSource;
  assert.deepEqual([type, access, jsonData.prometheusType], ["prometheus", "proxy", "Prometheus"]);
  const { url } = await startServer(t);
  const buildinfo = (await (await fetch(`${url}/api/v1/status/buildinfo`)).json()) as {
    data: { version: string };
  };
  assert.equal(jsonData.prometheusVersion, buildinfo.data.version);
  const body = new URLSearchParams({ query: "1+1" });
  const health = await fetch(`${url}/api/v1/query`, { method: jsonData.httpMethod, body });
  const { data } = (await health.json()) as { data: { result: [number, string] } };
  assert.equal(data.result[1], "2");
  const readme = readFileSync(new URL("../../docs/deploy/README.md", import.meta.url), "utf8");
  assert.ok(
    readme.includes(providers[0]?.options.path ?? ""),
    "the dashboard is copied to where Grafana looks",
  );
});
