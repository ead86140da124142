import type { WritePacking, WriteProtocol } from "../workers/contract.js";

/** What the headers of a write request say: the protocol and how the body is packed, or why it is refused (415). */
export type WriteHeaders =
  | { readonly protocol: WriteProtocol; readonly packing: WritePacking }
  | { readonly protocol: 0; readonly message: string };

const VERSION_1: WriteHeaders = { protocol: 1, packing: "snappy" };
const VERSION_1_ZSTD: WriteHeaders = { protocol: 1, packing: "zstd" };
const VERSION_2: WriteHeaders = { protocol: 2, packing: "snappy" };

/**
 * Judges Content-Encoding and Content-Type ("" where absent) as the Remote Write 2.0 specification has it.
 * An absent encoding means snappy and an absent type means 1.0: common clients send neither. zstd stands for
 * VictoriaMetrics' protocol (vmagent), which packs a message of 1.0 with it.
 */
export function judgeWriteHeaders(contentEncoding: string, contentType: string): WriteHeaders {
  if (contentEncoding !== "" && contentEncoding !== "snappy" && contentEncoding.toLowerCase() !== "snappy") {
    return judgeOtherEncoding(contentEncoding, contentType);
  }
  if (contentType === "" || contentType === TYPE) return VERSION_1;
  if (contentType === TYPE_V2) return VERSION_2;
  return judgeContentType(contentType);
}

function judgeOtherEncoding(contentEncoding: string, contentType: string): WriteHeaders {
  const refused = `unsupported Content-Encoding ${quote(contentEncoding)}`;
  if (contentEncoding.toLowerCase() !== "zstd") {
    return refuse(`${refused}: this receiver takes snappy, and zstd of 1.0`);
  }
  const judged = judgeWriteHeaders("snappy", contentType);
  if (judged.protocol === 2) return refuse(`${refused}: Remote Write 2.0 is packed with snappy`);
  return judged.protocol === 0 ? judged : VERSION_1_ZSTD;
}

function judgeContentType(contentType: string): WriteHeaders {
  const [type = "", ...parameters] = contentType.split(";");
  if (type.trim().toLowerCase() !== TYPE) {
    return refuse(`unsupported Content-Type ${quote(contentType)}: this receiver takes ${TYPE}`);
  }
  for (const parameter of parameters) {
    const mark = parameter.indexOf("=");
    if (mark < 0 || parameter.slice(0, mark).trim().toLowerCase() !== "proto") continue;
    const message = unquote(parameter.slice(mark + 1).trim());
    if (message === MESSAGE_V1) return VERSION_1;
    if (message === MESSAGE_V2) return VERSION_2;
    return refuse(
      `unsupported protobuf message ${quote(message)}: this receiver takes ${MESSAGE_V1} and ${MESSAGE_V2}`,
    );
  }
  return VERSION_1;
}

function refuse(message: string): WriteHeaders {
  return { protocol: 0, message };
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** Header text in an answer: bounded. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

const TYPE = "application/x-protobuf";
const MESSAGE_V1 = "prometheus.WriteRequest";
const MESSAGE_V2 = "io.prometheus.write.v2.Request";
const TYPE_V2 = `${TYPE};proto=${MESSAGE_V2}`;
