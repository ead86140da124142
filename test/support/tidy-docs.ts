/** What the pages in docs/ must have in common with the code. Each returns what is missing, on either side. */
import type { SourceText } from "./tidy-source.js";

/** Links and file names in Markdown that lead nowhere. `exists` is asked with a path relative to the repository. */
export function deadReferences(page: SourceText, exists: (path: string) => boolean): string[] {
  const folder = page.path.includes("/") ? page.path.slice(0, page.path.lastIndexOf("/")) : "";
  const found: string[] = [];
  for (const [, target] of page.text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    if (!exists(resolve(folder, target))) found.push(`${page.path}: link to ${target}`);
  }
  for (const [, path] of page.text.matchAll(
    /`((?:src|test|docs|data|proto|native-free-bench)\/[\w./-]*\w\/?)`/g,
  )) {
    if (!exists(path.replace(/\/$/, ""))) found.push(`${page.path}: \`${path}\``);
  }
  return found;
}

function resolve(folder: string, target: string): string {
  const parts = folder === "" ? [] : folder.split("/");
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/** Names that `code` has and the page's text does not. */
export function missingWords(page: SourceText, names: Iterable<string>): string[] {
  const words = new Set(page.text.split(/[^\w.@/-]+/));
  return [...names].filter((name) => !words.has(name)).map((name) => `${page.path}: ${name}`);
}

/** The constants `export const NAME … = value` of a file, with the value as it is written there. */
export function constantsOf({ text }: SourceText): Map<string, string> {
  const rows = text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*)(?:: \w+)? = ([^;{]+);/gm);
  return new Map([...rows].map(([, name, value]) => [name, value.trim()]));
}

/** `| 1 | NAME |` rows of a page against the numbers of the code, both ways. */
export function differentNumbers(page: SourceText, numbers: Readonly<Record<string, number>>): string[] {
  const rows = new Map(
    [...page.text.matchAll(/^\| (\d+) \| ([A-Z_]+) \|/gm)].map(([, n, name]) => [name, Number(n)]),
  );
  const found: string[] = [];
  for (const [name, number] of Object.entries(numbers))
    if (rows.get(name) !== number)
      found.push(`${page.path}: ${name} is ${number} in the code, ${rows.get(name)} here`);
  for (const name of rows.keys())
    if (!(name in numbers)) found.push(`${page.path}: ${name} is not in the code`);
  return found;
}
