import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SourceText } from "./tidy-source.js";

/** The repository's folder, without a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** What is made by a build, a run or npm. */
const NOT_OURS: ReadonlySet<string> = new Set([
  "node_modules",
  "dist",
  "dist-test",
  "dist-bench",
  "varve-data",
  ".git",
  "coverage",
]);

/** Every file of the repository below `folder` ("" for all), relative to its root. */
export function listFiles(folder: string): string[] {
  return readdirSync(`${ROOT}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : listFiles(path);
    return entry.isFile() && !NOT_OURS.has(entry.name) ? [path] : [];
  });
}

export function readText(path: string): string {
  return readFileSync(`${ROOT}/${path}`, "utf8");
}

/** The files below `folder` whose path matches. */
export function readTexts(folder: string, pattern: RegExp): SourceText[] {
  return listFiles(folder)
    .filter((path) => pattern.test(path))
    .map((path) => ({ path, text: readText(path) }));
}
