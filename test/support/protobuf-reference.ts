/**
 * What a Remote Write message means, by protobufjs and the messages of proto/, for holding the kernel's scan to.
 *
 * protobufjs follows proto3 as Go does in what matters here: a known field number with another wire type is an
 * unknown field, the last of a single field wins, packed and single references are one list. Where the kernel is
 * deliberately stricter than both, `strictlyReadable` says no: tags in more bytes than they need, groups, and
 * varints above 64 bits (those Go refuses, too, protobufjs cuts them).
 */
import protobuf from "protobufjs";
import type { WireSeries } from "./remote-write.js";

/**
 * proto/*.proto with what the kernel leaves to JavaScript (histograms, exemplars, metadata) as mere bytes, and texts:
 * protobufjs throws at any that is not UTF-8, Go reads on, and only the last of a field counts.
 */
const ROOT = protobuf.parse(`
  syntax = "proto3";
  message Label { bytes name = 1; bytes value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Series1 { repeated Label labels = 1; repeated Sample samples = 2; repeated bytes exemplars = 3;
    repeated bytes histograms = 4; }
  message Request1 { repeated Series1 timeseries = 1; repeated bytes metadata = 3; }
  message Series2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated bytes histograms = 3;
    repeated bytes exemplars = 4; bytes metadata = 5; }
  message Request2 { repeated bytes symbols = 4; repeated Series2 timeseries = 5; }
`).root;
const REQUESTS = { 1: ROOT.lookupType("Request1"), 2: ROOT.lookupType("Request2") };

type Long = number | { toNumber(): number };
interface Message {
  readonly symbols?: readonly Uint8Array[];
  readonly timeseries?: readonly {
    readonly labels?: readonly { readonly name?: Uint8Array; readonly value?: Uint8Array }[];
    readonly labelsRefs?: readonly number[];
    readonly samples?: readonly { readonly value?: number; readonly timestamp?: Long }[];
  }[];
}

export interface ReferenceRequest {
  /** Samples of all series. */
  readonly samples: number;
  /** Null where a text is not UTF-8, a reference leads nowhere or one of a pair is missing: that series is to be refused. */
  readonly series: readonly (WireSeries | null)[];
  /** 2.0: there are symbols and the first is not empty. */
  readonly badSymbols: boolean;
}

/** Null: not a message. Undefined: no verdict, protobufjs refuses lengths of more than five bytes and Go does not. */
export function readReference(bytes: Uint8Array, protocol: 1 | 2): ReferenceRequest | null | undefined {
  longLengths = 0;
  if (!strictlyReadable(bytes, REQUESTS[protocol])) return null;
  if (longLengths > 0) return undefined;
  let message: Message;
  try {
    message = REQUESTS[protocol].decode(bytes) as Message;
  } catch {
    return null;
  }
  const symbols = (message.symbols ?? []).map(textOrNull);
  const series = (message.timeseries ?? []).map((one): WireSeries | null => {
    const labels =
      protocol === 1
        ? pairs((one.labels ?? []).flatMap(({ name, value }) => [textOrNull(name), textOrNull(value)]))
        : referred(one.labelsRefs ?? [], symbols);
    const samples = (one.samples ?? []).map(({ value, timestamp }) => ({
      value: value ?? 0,
      timestamp: timestamp === undefined ? 0 : long(timestamp),
    }));
    return labels === null ? null : { labels, samples };
  });
  const samples = (message.timeseries ?? []).reduce((sum, one) => sum + (one.samples?.length ?? 0), 0);
  return { samples, series, badSymbols: (message.symbols?.[0]?.length ?? 0) > 0 };
}

function long(value: Long): number {
  return typeof value === "number" ? value : value.toNumber();
}

function referred(refs: readonly number[], symbols: readonly (string | null)[]): [string, string][] | null {
  return refs.length % 2 === 1 ? null : pairs(refs.map((ref) => symbols[ref] ?? null));
}

/** Null where a text is. */
function pairs(texts: readonly (string | null)[]): [string, string][] | null {
  const found: [string, string][] = [];
  for (let i = 0; i < texts.length; i += 2) {
    const [name, value] = [texts[i], texts[i + 1]];
    if (name == null || value == null) return null;
    found.push([name, value]);
  }
  return found;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Of absent bytes protobufjs makes an empty list. */
function textOrNull(bytes: Iterable<number> = []): string | null {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}

/** Lengths in more bytes than protobufjs reads that the last walk met. */
let longLengths = 0;

/** A walk over the wire format alone, into the messages and the packed lists that `type` names. */
function strictlyReadable(bytes: Uint8Array, type: protobuf.Type | null): boolean {
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    if (tag === null || (tag.end > at + 1 && bytes[tag.end - 1] === 0) || tag.value > 0xffffffff)
      return false;
    const field = type?.fieldsById[Math.floor(tag.value / 8)];
    const wire = tag.value % 8;
    if (tag.value < 8 || ![0, 1, 2, 5].includes(wire)) return false;
    const body = tag.end;
    if (wire === 0) at = varint(bytes, body)?.end ?? Number.POSITIVE_INFINITY;
    else if (wire !== 2) at = body + (wire === 1 ? 8 : 4);
    else {
      const length = varint(bytes, body);
      if (length === null || length.value > bytes.length - length.end) return false;
      if (length.end > body + 5) longLengths++;
      at = length.end + length.value;
      const content = bytes.subarray(length.end, at);
      const inner = field?.resolve().resolvedType;
      if (inner instanceof protobuf.Type && !strictlyReadable(content, inner)) return false;
      if (field?.type === "uint32" && !isVarintList(content)) return false;
    }
    if (at > bytes.length) return false;
  }
  return true;
}

function isVarintList(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const next = varint(bytes, at);
    if (next === null) return false;
    at = next.end;
  }
  return true;
}

/** Up to ten bytes and 64 bits; the value as a number, exact below 2^53. */
function varint(bytes: Uint8Array, from: number): { value: number; end: number } | null {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 10; at++) {
    if (at === from + 9 && bytes[at] > 1) return null;
    value += (bytes[at] & 127) * 2 ** (7 * (at - from));
    if (bytes[at] < 128) return { value, end: at + 1 };
  }
  return null;
}
