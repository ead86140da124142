import { statSync } from "node:fs";

/** Notices that one of a few files was changed or replaced (also behind a symbolic link). */
export class FileWatch {
  private files: readonly string[] = [];
  private state = "";

  /** What these files are from now on is what is known. Call before they are read. */
  watch(files: readonly string[]): void {
    this.files = files;
    this.state = this.look();
  }

  /** Whether anything changed since `watch` or since this was last true. */
  changed(): boolean {
    const state = this.look();
    if (state === this.state) return false;
    this.state = state;
    return true;
  }

  private look(): string {
    return this.files.map(describe).join("\n");
  }
}

function describe(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "absent";
  }
}
