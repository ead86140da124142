import { readFileSync, statSync } from "node:fs";
import { RefusalError } from "../base/errors.js";
import { RELABEL_FILE_BYTES_MAX } from "../base/limits.js";
import { yaml } from "../base/yaml.js";
import type { IngestRules } from "../model/ingest-rules.js";
import { parseIngestRules } from "../workers/parse-rules.js";

/** What the file of `--storage.relabel-config` says; null: nothing. Throws RefusalError("bad_data") naming file and place. */
export function readRelabelConfig(path: string): IngestRules | null {
  try {
    if (statSync(path).size > RELABEL_FILE_BYTES_MAX) {
      throw new RefusalError("bad_data", `it has more than ${RELABEL_FILE_BYTES_MAX} bytes`);
    }
    return parseIngestRules(
      yaml().parse(readFileSync(path, "utf8"), { uniqueKeys: true, maxAliasCount: 100 }),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RefusalError("bad_data", `${path}: ${reason}`);
  }
}
