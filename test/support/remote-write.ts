/**
 * Remote Write requests for tests, through protobufjs and the messages of proto/: an implementation that shares
 * nothing with the decoders it is held against.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { uncompressSync } from "snappy";
import { compress, compressedBytesMax } from "../../dist/encoding/snappy.js";

const ROOT = new URL("../../", import.meta.url);

function load(file: string): protobuf.Root {
  return protobuf.loadSync(fileURLToPath(new URL(`proto/${file}`, ROOT)));
}

const v1 = load("remote-write-1.proto");
const v2 = load("remote-write-2.proto");

/** The messages, for tests that need one alone. */
export const messages = {
  writeRequestV1: v1.lookupType("prometheus.WriteRequest"),
  histogramV1: v1.lookupType("prometheus.Histogram"),
  exemplarV1: v1.lookupType("prometheus.Exemplar"),
  metadataV1: v1.lookupType("prometheus.MetricMetadata"),
  requestV2: v2.lookupType("io.prometheus.write.v2.Request"),
  histogramV2: v2.lookupType("io.prometheus.write.v2.Histogram"),
  exemplarV2: v2.lookupType("io.prometheus.write.v2.Exemplar"),
  metadataV2: v2.lookupType("io.prometheus.write.v2.Metadata"),
};

/** A `Histogram` message, in protobufjs' spelling. */
export interface WireHistogram {
  countInt?: number;
  countFloat?: number;
  sum?: number;
  schema?: number;
  zeroThreshold?: number;
  zeroCountInt?: number;
  zeroCountFloat?: number;
  negativeSpans?: { offset?: number; length?: number }[];
  negativeDeltas?: number[];
  negativeCounts?: number[];
  positiveSpans?: { offset?: number; length?: number }[];
  positiveDeltas?: number[];
  positiveCounts?: number[];
  resetHint?: number;
  timestamp?: number;
  customValues?: number[];
}

export interface WireExemplar {
  readonly labels: readonly (readonly [string, string])[];
  readonly value: number;
  readonly timestamp: number;
}

export interface WireMetadata {
  readonly type: number;
  readonly help?: string;
  readonly unit?: string;
}

/** One series of either protocol; labels go out in this order, unsorted and repeated ones included. */
export interface WireSeries {
  readonly labels: readonly (readonly [string, string])[];
  readonly samples?: readonly {
    readonly value: number;
    readonly timestamp: number;
    readonly startTimestamp?: number;
  }[];
  readonly histograms?: readonly WireHistogram[];
  readonly exemplars?: readonly WireExemplar[];
  /** 2.0 only. */
  readonly metadata?: WireMetadata;
}

export interface WireMetricMetadata extends WireMetadata {
  readonly metricName: string;
}

/** A 1.0 body, not compressed. */
export function encodeRequestV1(
  series: readonly WireSeries[],
  metadata: readonly WireMetricMetadata[] = [],
): Uint8Array {
  const pairs = (labels: WireSeries["labels"]) => labels.map(([name, value]) => ({ name, value }));
  return messages.writeRequestV1
    .encode({
      timeseries: series.map((one) => ({
        labels: pairs(one.labels),
        samples: one.samples ?? [],
        exemplars: (one.exemplars ?? []).map((e) => ({ ...e, labels: pairs(e.labels) })),
        histograms: one.histograms ?? [],
      })),
      metadata: metadata.map((m) => ({ ...m, metricFamilyName: m.metricName })),
    })
    .finish();
}

/** A 2.0 body, not compressed: symbols in the order of first use behind the empty one. */
export function encodeRequestV2(series: readonly WireSeries[]): Uint8Array {
  const symbols = new Map<string, number>([["", 0]]);
  const symbol = (text: string): number => {
    const known = symbols.get(text) ?? symbols.size;
    symbols.set(text, known);
    return known;
  };
  const refs = (labels: WireSeries["labels"]): number[] =>
    labels.flatMap(([name, value]) => [symbol(name), symbol(value)]);
  const timeseries = series.map((one) => ({
    labelsRefs: refs(one.labels),
    samples: one.samples ?? [],
    histograms: one.histograms ?? [],
    exemplars: (one.exemplars ?? []).map((e) => ({ ...e, labelsRefs: refs(e.labels) })),
    ...(one.metadata === undefined
      ? {}
      : {
          metadata: {
            type: one.metadata.type,
            helpRef: symbol(one.metadata.help ?? ""),
            unitRef: symbol(one.metadata.unit ?? ""),
          },
        }),
  }));
  return messages.requestV2.encode({ symbols: [...symbols.keys()], timeseries }).finish();
}

/** Snappy block format, as every sender sends it. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(compressedBytesMax(bytes.length));
  return target.slice(0, compress(bytes, target));
}

export function snappyUncompress(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(uncompressSync(bytes, { asBuffer: true }) as Uint8Array);
}

/** One request of a recording in data/captures. */
export interface CapturedRequest {
  readonly atMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came: compressed. */
  readonly body: Uint8Array;
}

export const CAPTURES = [
  "k6-trend-stats",
  "k6-native-histogram",
  "prometheus-3.5-rw1",
  "prometheus-3.5-rw2",
] as const;

/** Reads data/captures/<name>.rwcap, whose README describes the format. */
export function readCapture(name: (typeof CAPTURES)[number]): CapturedRequest[] {
  const file = readFileSync(new URL(`data/captures/${name}.rwcap`, ROOT));
  const requests: CapturedRequest[] = [];
  for (let at = 0; at < file.length; ) {
    const headerEnd = at + 4 + file.readUInt32LE(at);
    const header = JSON.parse(file.toString("utf8", at + 4, headerEnd)) as Omit<CapturedRequest, "body">;
    const bodyEnd = headerEnd + 4 + file.readUInt32LE(headerEnd);
    requests.push({ ...header, body: new Uint8Array(file.subarray(headerEnd + 4, bodyEnd)) });
    at = bodyEnd;
  }
  return requests;
}

/** 2 if the content type names the 2.0 message, else 1. */
export function protocolOf(headers: Readonly<Record<string, string>>): 1 | 2 {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  return type.includes("io.prometheus.write.v2.Request") ? 2 : 1;
}
