import { assert } from "../base/assert.js";
import type { FrontEnd } from "../http/front-end.js";
import { OPEN_SETTINGS, type WebSettings } from "../http/web-settings.js";
import { FileWatch } from "./file-watch.js";

/** `--web.config.file`, the files that it names, and the settings in them that are in force. */
export class WebConfigFile {
  settings: WebSettings = OPEN_SETTINGS;
  private readonly path: string;
  private readonly watch = new FileWatch();
  private readConfig: typeof import("./web-config.js").readWebConfig | null = null;

  /** "": there is none. */
  constructor(path: string) {
    this.path = path;
  }

  /** At the start. Throws RefusalError where the file cannot be used, as `reload` does. */
  async read(): Promise<WebSettings> {
    if (this.path === "") return this.settings;
    // Loaded only where there is a file to read: the YAML reader would take a tenth of a start.
    ({ readWebConfig: this.readConfig } = await import("./web-config.js"));
    this.settings = this.readNow();
    return this.settings;
  }

  /** Puts what the files say now in force. Throws, and nothing has changed, where they cannot be used. */
  reload(frontEnd: FrontEnd): void {
    if (this.path === "") return;
    const settings = this.readNow();
    frontEnd.reload(settings);
    this.settings = settings;
  }

  /** Whether a file was changed since it was last looked at. */
  changed(): boolean {
    return this.watch.changed();
  }

  private readNow(): WebSettings {
    assert(this.readConfig !== null, "the file is read at the start first");
    const files: string[] = [];
    try {
      this.readConfig(this.path, files);
    } finally {
      // Also where it failed: the file that was missing may come.
      this.watch.watch(files);
    }
    // Once more, now that every file is watched: no change falls between reading and watching.
    return this.readConfig(this.path, []);
  }
}
