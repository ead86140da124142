/** The recording that every workload is made from: `data/node-exporter` (its README describes the file). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export interface RecordedSeries {
  readonly name: string;
  /** Without the name, as scraped. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly type: string;
}

export interface Recording {
  readonly series: readonly RecordedSeries[];
  readonly scrapes: number;
  /** The eight bytes, little-endian, of series i and scrape j lie at (i · scrapes + j) · 8. */
  readonly values: Uint8Array;
}

const FILE = new URL("../data/node-exporter/node-exporter.f64.gz", import.meta.url);

let loaded: Recording | null = null;

/** Read and unpacked once per process. */
export function loadRecording(): Recording {
  loaded ??= parseRecording(gunzipSync(readFileSync(fileURLToPath(FILE))));
  return loaded;
}

function parseRecording(file: Uint8Array): Recording {
  const end = file.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(0, end))) as {
    series: string[];
    types: Record<string, string>;
    scrapes: number;
  };
  const values = file.slice(end + 1);
  if (values.length !== header.series.length * header.scrapes * 8) throw new Error("the recording is cut");
  return {
    series: header.series.map((text) => parseSeries(text, header.types)),
    scrapes: header.scrapes,
    values,
  };
}

/** `name{a="b",c="d"}`. The recording has no escapes. */
function parseSeries(text: string, types: Readonly<Record<string, string>>): RecordedSeries {
  const brace = text.indexOf("{");
  const name = brace < 0 ? text : text.slice(0, brace);
  const inside = brace < 0 ? "" : text.slice(brace + 1, -1);
  const all = [...inside.matchAll(/([^=,]+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!] as const);
  // A label without a value is no label, and no scraper sends one.
  const labels = all.filter(([, value]) => value !== "");
  return { name, labels, type: types[name] ?? types[familyOf(name)] ?? "unknown" };
}

/** The family that the parts of a summary or histogram belong to. */
function familyOf(name: string): string {
  return name.replace(/_(sum|count|bucket)$/, "");
}
