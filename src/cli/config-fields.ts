import { readFileSync } from "node:fs";
import { RefusalError } from "../base/errors.js";

/** Reading a configuration file's mappings. All throw RefusalError("bad_data") naming the key, never a value. */

export type Fields = Readonly<Record<string, unknown>>;

/** A mapping with no other keys than `keys` (null: any); empty where it is absent. */
export function section(value: unknown, name: string, keys: readonly string[] | null): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw refuse(`${name} is not a mapping`);
  const unknown = keys === null ? undefined : Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw refuse(`${name}: ${JSON.stringify(unknown)} is not known`);
  return value as Fields;
}

export function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw refuse(`${name} is missing or not a text`);
  return value;
}

/** "" where it is absent. */
export function textOrEmpty(fields: Fields, name: string): string {
  return isAbsent(fields[name]) ? "" : text(fields, name);
}

export function texts(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  if (isAbsent(value)) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "")) return value;
  throw refuse(`${name} is not a list of texts`);
}

export function flag(fields: Fields, name: string, otherwise: boolean): boolean {
  const value = fields[name];
  if (isAbsent(value)) return otherwise;
  if (typeof value !== "boolean") throw refuse(`${name} is neither true nor false`);
  return value;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

export function refuse(message: string): RefusalError {
  return new RefusalError("bad_data", `--web.config.file: ${message}`);
}
