/** How a refused series is printed: bounded, whatever its labels hold, and never trusting their bytes. */
import { ProtobufReader, WireType } from "../encoding/protobuf.js";
import { Labels } from "../model/labels.js";

/** Characters of one printed series, and of one label text in it that was never checked. */
const SERIES_CHARACTERS_MAX = 240;
const TEXT_BYTES_MAX = 80;
const LABELS_MAX = 16;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const reader = new ProtobufReader();

/** As Prometheus prints a series, cut where it gets long. */
export function printSeries(labels: Labels): string {
  const text = labels.toString();
  return text.length <= SERIES_CHARACTERS_MAX ? text : `${text.slice(0, SERIES_CHARACTERS_MAX)}…`;
}

/** The labels of a 1.0 series as its sender spelled them, in bytes [at, at + length) of its message. */
export function printRawSeries(bytes: Uint8Array, at: number, length: number): string {
  const pairs: string[] = [];
  reader.reset(bytes, at, at + length);
  while (pairs.length < 2 * LABELS_MAX && reader.next()) {
    if (reader.field !== 1 || reader.wireType !== WireType.BYTES) {
      reader.skip();
      continue;
    }
    const label = ["", ""];
    const outer = reader.enter();
    while (reader.next()) {
      const { field } = reader;
      if ((field === 1 || field === 2) && reader.wireType === WireType.BYTES) label[field - 1] = text(bytes);
      else reader.skip();
    }
    reader.leave(outer);
    if (!reader.failed) pairs.push(...label);
  }
  return pairs.length === 0 ? "" : printSeries(new Labels(pairs));
}

function text(bytes: Uint8Array): string {
  reader.bytes();
  const end = Math.min(reader.stop, reader.start + TEXT_BYTES_MAX);
  const start = utf8.decode(bytes.slice(reader.start, end));
  return end < reader.stop ? `${start}…` : start;
}
