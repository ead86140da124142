import type { CommandCall } from "./command.js";
import type { ImportInput } from "./import-input.js";

export async function importToServer(_call: CommandCall, _inputs: readonly ImportInput[]): Promise<number> {
  return 1;
}
