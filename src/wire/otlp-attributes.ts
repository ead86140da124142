import { OTLP_DEPTH_MAX } from "../base/limits.js";
import { compareUtf8 } from "../model/labels.js";
import { printGoJson } from "./go-json.js";
import { asNumber, listOf, messageOf, type OtlpMessage, textOf, valuesOf } from "./otlp-decode.js";

/** Attributes by name, their values as the text that labels have. */
export function attributesOf(message: OtlpMessage, name: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const attribute of listOf(message, name)) {
    attributes.set(textOf(attribute, "key"), printValue(messageOf(attribute, "value")));
  }
  return attributes;
}

function printValue(value: OtlpMessage): string {
  const plain = plainValue(value, 0);
  if (plain === null) return "";
  if (typeof plain === "string") return plain;
  return typeof plain === "object" ? printGoJson(plain) : String(plain);
}

/** An `AnyValue` as JSON has it: bytes in base64, keys in order. */
function plainValue(value: OtlpMessage, depth: number): unknown {
  if (depth > OTLP_DEPTH_MAX) return null;
  if (value["stringValue"] !== undefined) return textOf(value, "stringValue");
  if (value["boolValue"] !== undefined) return value["boolValue"] === true;
  if (value["intValue"] !== undefined) return asNumber(value["intValue"]);
  if (value["doubleValue"] !== undefined) return asNumber(value["doubleValue"]);
  if (value["bytesValue"] !== undefined) return printBytes(value["bytesValue"]);
  if (value["arrayValue"] !== undefined) {
    return valuesOf(messageOf(value, "arrayValue"), "values").map((one) =>
      plainValue(one as OtlpMessage, depth + 1),
    );
  }
  if (value["kvlistValue"] === undefined) return null;
  const list = listOf(messageOf(value, "kvlistValue"), "values");
  const entries = list.map(
    (one) => [textOf(one, "key"), plainValue(messageOf(one, "value"), depth + 1)] as const,
  );
  return Object.fromEntries(entries.sort(([a], [b]) => compareUtf8(a, b)));
}

/** JSON has them in base64 already. */
function printBytes(value: unknown): string {
  if (!(value instanceof Uint8Array)) return typeof value === "string" ? value : "";
  return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""));
}
