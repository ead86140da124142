/** `varve inspect`: any file of a data folder, readably. */
import { CorruptionError, RefusalError } from "../base/errors.js";
import { META_FILE } from "../block/block-format.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { CommandCall } from "./command.js";
import type { InspectView } from "./inspect-view.js";

const LOOK_BYTES = 8;

/** Exit status 1: the file is damaged, and what could be read was printed. */
export async function runInspect({ options, operands, out, err }: CommandCall): Promise<number> {
  const [operand = ""] = operands;
  const path = operand.replace(/(.)\/+$/, "$1");
  if (!fs.exists(path)) throw new RefusalError("bad_data", `${path} is not there`);
  const view = {
    limit: options.number("limit"),
    match: options.text("match"),
    offset: options.number("offset"),
  };
  try {
    if (fs.stat(path).directory) return await inspectFolder(path, view, out);
    return await inspectFile(path, view, out);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    await out.flush();
    await err.line(error.message);
    return 1;
  }
}

async function inspectFolder(path: string, view: InspectView, out: CommandCall["out"]): Promise<number> {
  const blocks = await import("./inspect-block.js");
  if (fs.exists(`${path}/${META_FILE}`)) return blocks.inspectBlock(path, view, out);
  const logs = await import("./inspect-log.js");
  if (fs.list(path).some((name) => /^\d{8}$/.test(name))) return logs.inspectLog(path, view, out);
  throw new RefusalError(
    "bad_data",
    `${path} is neither a block nor a log: name a file or one of its folders`,
  );
}

async function inspectFile(path: string, view: InspectView, out: CommandCall["out"]): Promise<number> {
  const fd = fs.open(path, "r");
  const start = new Uint8Array(LOOK_BYTES);
  fs.read(fd, start, 0, LOOK_BYTES, 0);
  fs.close(fd);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const magic = Array.from(start.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const blocks = await import("./inspect-block.js");
  const logs = await import("./inspect-log.js");
  if (name === META_FILE) return blocks.inspectMeta(path, out);
  if (magic === "baaad700") return blocks.inspectIndex(path, view, out);
  if (magic === "85bd40dd") return blocks.inspectChunks(path, view, out);
  if (magic === "0130ba30") return blocks.inspectTombstones(path, out);
  if (name === "compacted") return logs.inspectMark(path, out);
  if (logs.SEGMENT_START.every((byte, i) => start[i] === byte)) return logs.inspectSegment(path, view, out);
  if (/^\d{6,8}$/.test(name)) return logs.inspectPrometheusSegment(path, view, out);
  throw new RefusalError("bad_data", `${path} is no file of a data folder`);
}
