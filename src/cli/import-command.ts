/** `varve import`. */
import { systemClock } from "../base/clock.js";
import { LockFile } from "../io/lock-file.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { CommandCall } from "./command.js";
import { judgeInputs } from "./import-input.js";
import { importInto } from "./import-run.js";

const LOCK_NAME = "lock";

export async function runImport(call: CommandCall): Promise<number> {
  const { options, operands } = call;
  const inputs = judgeInputs(operands, options.text("format"));
  if (options.text("to") !== "") {
    const { importToServer } = await import("./import-to-server.js");
    return importToServer(call, inputs);
  }
  const dir = options.text("storage.tsdb.path");
  fs.mkdir(dir);
  const lock = LockFile.acquire(fs, `${dir}/${LOCK_NAME}`, systemClock);
  try {
    return await importInto(dir, inputs, options.number("memory"), call.err);
  } finally {
    lock.release();
  }
}
