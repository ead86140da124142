import { assert } from "../base/assert.js";
import type { IngestRules } from "../model/ingest-rules.js";
import { FileWatch } from "./file-watch.js";

/** `--storage.relabel-config`, and the rules in it that are in force. */
export class RelabelFile {
  rules: IngestRules | null = null;
  private readonly path: string;
  private readonly urlLabels: readonly string[];
  private readonly watch = new FileWatch();
  private readConfig: typeof import("./relabel-config.js").readRelabelConfig | null = null;

  /** "": there is none. `urlLabels`: of `--storage.url-templates`, beside those of the file. */
  constructor(path: string, urlLabels: readonly string[]) {
    this.path = path;
    this.urlLabels = urlLabels;
  }

  /** At the start. Throws RefusalError where the file cannot be used, as `reload` does. */
  async read(): Promise<void> {
    // Loaded only where there is a file to read: the YAML reader would take a tenth of a start.
    if (this.path !== "") ({ readRelabelConfig: this.readConfig } = await import("./relabel-config.js"));
    this.rules = this.readNow();
  }

  /** Reads the file again and hands its rules to `use`. Throws, and nothing has changed, where they cannot be used. */
  reload(use: (rules: IngestRules | null) => void): void {
    if (this.path === "") return;
    const rules = this.readNow();
    use(rules);
    this.rules = rules;
  }

  /** Whether the file was changed since it was last read. */
  changed(): boolean {
    return this.watch.changed();
  }

  private readNow(): IngestRules | null {
    const { urlLabels } = this;
    if (this.path === "") return urlLabels.length === 0 ? null : { urlLabels, rules: [], merges: [] };
    assert(this.readConfig !== null, "the file is read at the start first");
    this.watch.watch([this.path]);
    const read = this.readConfig(this.path);
    if (urlLabels.length === 0) return read;
    const { rules = [], merges = [], urlLabels: others = [] } = read ?? {};
    return { rules, merges, urlLabels: [...new Set([...urlLabels, ...others])] };
  }
}
