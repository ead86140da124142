/**
 * Exemplars and metadata of Remote Write 1.0 and 2.0: what the kernel finds in a request but leaves to
 * JavaScript. Every function takes the bytes [start, end) of one message and returns the value or the reason
 * why it is refused; results share nothing with `bytes`. Histograms are in remote-write-histogram.ts.
 */
import { ProtobufReader, WireType } from "../encoding/protobuf.js";
import type { Exemplar } from "../model/exemplar.js";
import { Labels } from "../model/labels.js";
import { METRIC_TYPES, type MetricMetadata, type MetricType } from "../model/metadata.js";

/** UTF-8 characters in all names and values of an exemplar's labels (OpenMetrics 1.0, section 4.6.1). */
const EXEMPLAR_LABEL_CHARACTERS_MAX = 128;
/** Help and unit texts and metric names; the longest help in wide use has a few hundred bytes. */
export const METADATA_TEXT_BYTES_MAX = 16_384;

/** Symbol `ref` of a 2.0 request, null where the request has none of that number or it is not UTF-8. */
export type SymbolLookup = (ref: number) => string | null;

const reader = new ProtobufReader();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of bytes [start, end), null if they are not UTF-8. Reads shared memory, too. */
export function decodeUtf8OrNull(bytes: Uint8Array, start: number, end: number): string | null {
  try {
    return decoder.decode(bytes.slice(start, end));
  } catch {
    return null;
  }
}

/** A 1.0 `Exemplar` message. */
export function decodeExemplarV1(bytes: Uint8Array, start: number, end: number): Exemplar | string {
  const pairs: [string, string][] = [];
  reader.reset(bytes, start, end);
  let value = 0;
  let timestampMs = 0;
  while (reader.next()) {
    if (reader.field === 1 && reader.expect(WireType.BYTES)) {
      const pair = readLabel(bytes);
      if (typeof pair === "string") return pair;
      if (pairs.push(pair) > EXEMPLAR_LABEL_CHARACTERS_MAX) return TOO_LONG;
    } else if (reader.field === 2 && reader.expect(WireType.FIXED64)) value = reader.double();
    else if (reader.field === 3 && reader.expect(WireType.VARINT)) timestampMs = reader.int64();
    else reader.skip();
  }
  if (reader.failed) return "the exemplar is not well-formed protobuf";
  return checkedExemplar(pairs, value, timestampMs);
}

/** A 2.0 `Exemplar` message. */
export function decodeExemplarV2(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbol: SymbolLookup,
): Exemplar | string {
  const refs: number[] = [];
  reader.reset(bytes, start, end);
  let value = 0;
  let timestampMs = 0;
  while (reader.next()) {
    if (reader.field === 1) readRefs(refs);
    else if (reader.field === 2 && reader.expect(WireType.FIXED64)) value = reader.double();
    else if (reader.field === 3 && reader.expect(WireType.VARINT)) timestampMs = reader.int64();
    else reader.skip();
    if (refs.length > 2 * EXEMPLAR_LABEL_CHARACTERS_MAX) return TOO_LONG;
  }
  if (reader.failed) return "the exemplar is not well-formed protobuf";
  if (refs.length % 2 === 1) return "the exemplar has an odd number of label references";
  const pairs: [string, string][] = [];
  for (let i = 0; i < refs.length; i += 2) {
    const name = symbol(refs[i]);
    const text = symbol(refs[i + 1]);
    if (name === null || text === null) return "the exemplar refers to a symbol that is not there";
    pairs.push([name, text]);
  }
  return checkedExemplar(pairs, value, timestampMs);
}

/** A 1.0 `MetricMetadata` message. */
export function decodeMetadataV1(bytes: Uint8Array, start: number, end: number): MetricMetadata | string {
  reader.reset(bytes, start, end);
  let type = 0;
  const texts: Record<number, string> = {};
  while (reader.next()) {
    const { field } = reader;
    if (field === 1 && reader.expect(WireType.VARINT)) type = reader.uint32();
    else if ((field === 2 || field === 4 || field === 5) && reader.expect(WireType.BYTES)) {
      reader.bytes();
      if (reader.stop - reader.start > METADATA_TEXT_BYTES_MAX) return TEXT_TOO_LONG;
      const text = decodeUtf8OrNull(bytes, reader.start, reader.stop);
      if (text === null) return "the metadata is not UTF-8";
      texts[field] = text;
    } else reader.skip();
  }
  if (reader.failed) return "the metadata is not well-formed protobuf";
  return checkedMetadata(texts[2] ?? "", type, texts[4] ?? "", texts[5] ?? "");
}

/** A 2.0 `Metadata` message; the metric name is that of the series around it. */
export function decodeMetadataV2(
  bytes: Uint8Array,
  start: number,
  end: number,
  metricName: string,
  symbol: SymbolLookup,
): MetricMetadata | string {
  reader.reset(bytes, start, end);
  let type = 0;
  let helpRef = 0;
  let unitRef = 0;
  while (reader.next()) {
    if (reader.field === 1 && reader.expect(WireType.VARINT)) type = reader.uint32();
    else if (reader.field === 3 && reader.expect(WireType.VARINT)) helpRef = reader.uint32();
    else if (reader.field === 4 && reader.expect(WireType.VARINT)) unitRef = reader.uint32();
    else reader.skip();
  }
  if (reader.failed) return "the metadata is not well-formed protobuf";
  // Reference 0 is "no text", also where a request has no symbols at all.
  const help = helpRef === 0 ? "" : symbol(helpRef);
  const unit = unitRef === 0 ? "" : symbol(unitRef);
  if (help === null || unit === null) return "the metadata refers to a symbol that is not there";
  return checkedMetadata(metricName, type, help, unit);
}

const TOO_LONG = `the exemplar's labels have more than ${EXEMPLAR_LABEL_CHARACTERS_MAX} characters`;
const TEXT_TOO_LONG = `the metadata has a text of more than ${METADATA_TEXT_BYTES_MAX} bytes`;
/** No character takes more bytes in UTF-8. */
const UTF8_BYTES_MAX = 4;

/** Enters the label message that the reader stands at. */
function readLabel(bytes: Uint8Array): [string, string] | string {
  let name: string | null = "";
  let value: string | null = "";
  const outer = reader.enter();
  while (reader.next()) {
    const { field } = reader;
    if ((field === 1 || field === 2) && reader.expect(WireType.BYTES)) {
      reader.bytes();
      if (reader.stop - reader.start > UTF8_BYTES_MAX * EXEMPLAR_LABEL_CHARACTERS_MAX) return TOO_LONG;
      const text = decodeUtf8OrNull(bytes, reader.start, reader.stop);
      if (field === 1) name = text;
      else value = text;
    } else reader.skip();
  }
  reader.leave(outer);
  return name === null || value === null ? "the exemplar's labels are not UTF-8" : [name, value];
}

function readRefs(refs: number[]): void {
  if (reader.wireType === WireType.VARINT) {
    refs.push(reader.uint32());
  } else if (reader.expect(WireType.BYTES)) {
    const outer = reader.enter();
    while (reader.more() && refs.length <= 2 * EXEMPLAR_LABEL_CHARACTERS_MAX) refs.push(reader.uint32());
    reader.leave(outer);
  }
}

function checkedExemplar(
  pairs: readonly (readonly [string, string])[],
  value: number,
  timestampMs: number,
): Exemplar | string {
  const names = new Set<string>();
  let characters = 0;
  for (const [name, text] of pairs) {
    if (name === "") return "the exemplar has an empty label name";
    if (names.has(name)) return `the exemplar has the label ${JSON.stringify(name)} twice`;
    names.add(name);
    characters += characterCount(name) + characterCount(text);
  }
  if (characters > EXEMPLAR_LABEL_CHARACTERS_MAX) return TOO_LONG;
  return { labels: Labels.from(pairs), value, timestampMs };
}

function characterCount(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}

function checkedMetadata(
  metricName: string,
  type: number,
  help: string,
  unit: string,
): MetricMetadata | string {
  if (metricName === "") return "the metadata names no metric";
  if (Math.max(metricName.length, help.length, unit.length) > METADATA_TEXT_BYTES_MAX) return TEXT_TOO_LONG;
  const known: MetricType | undefined = METRIC_TYPES[type];
  return { metricName, type: known ?? "unknown", help, unit };
}
