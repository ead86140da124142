/** The program to compare with, for runs by hand. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** PROMETHEUS=, or the `prometheus` on PATH. Throws where there is none. */
export function programPath(): string {
  const { PATH = "", PROMETHEUS } = process.env;
  const candidates = PATH.split(delimiter).map((folder) => join(folder, "prometheus"));
  for (const path of PROMETHEUS === undefined ? candidates : [PROMETHEUS]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new Error("prometheus is not on PATH");
}
