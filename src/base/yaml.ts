/** YAML, loaded when something is to be read or printed: most servers never do, and it is a tenth of their start. */
import { createRequire } from "node:module";

let library: typeof import("yaml") | undefined;

export function yaml(): typeof import("yaml") {
  library ??= createRequire(import.meta.url)("yaml") as typeof import("yaml");
  return library;
}
