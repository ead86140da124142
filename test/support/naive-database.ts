/**
 * What a request should do, in the plainest words: protobufjs decodes it, maps keep it. The kernel is held to
 * this. Floats only: requests with histograms are not judged here.
 */
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { ProtobufReader, WireType } from "../../dist/encoding/protobuf.js";
import { Labels } from "../../dist/model/labels.js";
import { type StoredSeries, valueBits } from "./database.js";

export interface NaiveLimits {
  readonly nowMs: number;
  readonly futureMs: number;
  readonly outOfOrderWindowMs: number;
  readonly retentionMs: number;
  readonly labelsMax: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
}

/** "malformed": the whole request is refused. "unjudged": not in this model's words. */
export type NaiveAnswer = "malformed" | "unjudged" | Judgement;

export interface Judgement {
  readonly accepted: number;
  readonly refused: number;
  /** Series without samples: whether their labels are judged is the receiver's affair. */
  readonly emptySeries: number;
}

interface WireSample {
  readonly value: number;
  readonly timestamp: number;
}

interface NaiveSeries {
  /** Name and value as bytes; null where a reference leads nowhere. */
  readonly labels: readonly (readonly [Uint8Array, Uint8Array])[] | null;
  readonly samples: readonly WireSample[];
}

/** The message with its texts as bytes: protobufjs mends what is not UTF-8, and that must be seen. */
function loadWithBytes(file: string, message: string): protobuf.Type {
  const text = readFileSync(new URL(`../../proto/${file}`, import.meta.url), "utf8");
  const { root } = protobuf.parse(text.replace(/\bstring (name|value|symbols)\b/g, "bytes $1"), {
    keepCase: false,
  });
  return root.lookupType(message);
}

const requestV1 = loadWithBytes("remote-write-1.proto", "prometheus.WriteRequest");
const requestV2 = loadWithBytes("remote-write-2.proto", "io.prometheus.write.v2.Request");

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class NaiveDatabase {
  readonly series = new Map<string, StoredSeries>();
  private readonly limits: NaiveLimits;

  constructor(limits: NaiveLimits) {
    this.limits = limits;
  }

  write(message: Uint8Array, protocol: 1 | 2): NaiveAnswer {
    const shape = shapeOf(message, protocol);
    if (shape !== "plain") return shape;
    let list: NaiveSeries[] | null;
    try {
      list = protocol === 1 ? readV1(message) : readV2(message);
    } catch {
      return "malformed";
    }
    if (list === null) return "malformed";
    let accepted = 0;
    let refused = 0;
    for (const { labels, samples } of list) {
      const key = labels === null ? null : this.keyOrNull(labels);
      for (const sample of samples) {
        if (key !== null && this.append(key, sample)) accepted++;
        else refused++;
      }
    }
    return { accepted, refused, emptySeries: list.filter(({ samples }) => samples.length === 0).length };
  }

  /** The printed canonical label set, null where it breaks a rule. */
  private keyOrNull(labels: readonly (readonly [Uint8Array, Uint8Array])[]): string | null {
    const { labelsMax, labelNameBytesMax, labelValueBytesMax } = this.limits;
    const entries: [string, string][] = [];
    const names = new Set<string>();
    for (const [name, value] of labels) {
      let texts: [string, string];
      try {
        texts = [utf8.decode(name), utf8.decode(value)];
      } catch {
        return null;
      }
      if (texts[0] === "" || names.has(texts[0])) return null;
      names.add(texts[0]);
      // Limits hold for what was sent, also where an empty value makes the label absent.
      if (name.length > labelNameBytesMax || value.length > labelValueBytesMax) return null;
      if (texts[1] === "") continue;
      entries.push(texts);
    }
    const set = Labels.from(entries);
    if (!set.has("__name__") || set.size > labelsMax) return null;
    return set.toString();
  }

  private append(key: string, { value, timestamp }: WireSample): boolean {
    const { nowMs, futureMs, outOfOrderWindowMs, retentionMs } = this.limits;
    if (timestamp > nowMs + futureMs || timestamp < nowMs - retentionMs) return false;
    const stored = this.series.get(key) ?? new Map<number, string>();
    if (timestamp < Math.max(...stored.keys()) - outOfOrderWindowMs) return false;
    const bits = valueBits(value);
    const known = stored.get(timestamp);
    if (known !== undefined) return known === bits;
    stored.set(timestamp, bits);
    this.series.set(key, stored);
    return true;
  }
}

function readV1(message: Uint8Array): NaiveSeries[] {
  const request = requestV1.toObject(requestV1.decode(message), {
    longs: Number,
    defaults: true,
    arrays: true,
  }) as {
    timeseries: { labels: { name: Uint8Array; value: Uint8Array }[]; samples: WireSample[] }[];
  };
  return request.timeseries.map(({ labels, samples }) => ({
    labels: labels.map(({ name, value }) => [Uint8Array.from(name), Uint8Array.from(value)] as const),
    samples,
  }));
}

/** Null: the first symbol is not the empty one. */
function readV2(message: Uint8Array): NaiveSeries[] | null {
  const request = requestV2.toObject(requestV2.decode(message), {
    longs: Number,
    defaults: true,
    arrays: true,
  }) as {
    symbols: Uint8Array[];
    timeseries: { labelsRefs: number[]; samples: WireSample[] }[];
  };
  const { symbols } = request;
  const first = symbols[0];
  if (first === undefined ? request.timeseries.length > 0 : first.length > 0) return null;
  return request.timeseries.map(({ labelsRefs, samples }) => {
    const labels: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < labelsRefs.length; i += 2) {
      const name = symbols[labelsRefs[i]];
      const value = symbols[labelsRefs[i + 1]];
      if (name === undefined || value === undefined) return { labels: null, samples };
      labels.push([Uint8Array.from(name), Uint8Array.from(value)]);
    }
    return { labels, samples };
  });
}

type Schema = { readonly [field: number]: number | Schema };

const LABEL: Schema = { 1: WireType.BYTES, 2: WireType.BYTES };
const SAMPLE: Schema = { 1: WireType.FIXED64, 2: WireType.VARINT };
const SCHEMAS: Readonly<Record<1 | 2, Schema>> = {
  1: { 1: { 1: LABEL, 2: SAMPLE } },
  2: { 4: WireType.BYTES, 5: { 1: WireType.BYTES, 2: { ...SAMPLE, 3: WireType.VARINT } } },
};
/** Histograms, exemplars, metadata and their numbers: judged elsewhere. */
const COLD: Readonly<Record<1 | 2, readonly number[]>> = { 1: [3, 4], 2: [3, 4, 5] };

/**
 * "unjudged" where a known field has another wire type than it should (readers differ: unknown field or error),
 * and where there is something this model does not keep.
 */
function shapeOf(message: Uint8Array, protocol: 1 | 2): "plain" | "malformed" | "unjudged" {
  const reader = new ProtobufReader();
  let judged = true;
  const walk = (schema: Schema, depth: number): void => {
    while (reader.next()) {
      const expected = schema[reader.field];
      if (depth === 1 && COLD[protocol].includes(reader.field)) judged = false;
      if (depth === 0 && protocol === 1 && reader.field === 3) judged = false;
      if (protocol === 2 && depth === 1 && reader.field === 1 && reader.wireType === WireType.BYTES) {
        // A cut reference makes this series' labels wrong, or the whole message: both are 400.
        const outer = reader.enter();
        while (reader.more()) reader.uint32();
        if (reader.failed) judged = false;
        reader.leave(outer);
      } else if (expected === undefined || typeof expected === "number") {
        if (expected !== undefined && expected !== reader.wireType) judged = false;
        if (reader.wireType === WireType.GROUP_START) judged = false;
        reader.skip();
      } else if (reader.wireType !== WireType.BYTES) {
        judged = false;
        reader.skip();
      } else {
        const outer = reader.enter();
        walk(expected, depth + 1);
        reader.leave(outer);
      }
    }
  };
  reader.reset(message, 0, message.length);
  walk(SCHEMAS[protocol], 0);
  if (!judged) return "unjudged";
  return reader.failed ? "malformed" : "plain";
}
