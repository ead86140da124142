/** Entry of the import thread: text becomes write requests, off the event loop and out of the way of ingest. */
import { gunzipSync } from "node:zlib";
import { IMPORT_UNPACKED_BYTES_MAX } from "../base/limits.js";
import { type ParsedImport, parseImport } from "../transfer/http-import.js";
import type { ImportRequest } from "./contract.js";

/** What was read, or the reason why the body cannot be. */
export function parse(
  request: ImportRequest,
): ParsedImport | { readonly status: number; readonly message: string } {
  let { body } = request;
  if (request.gzip) {
    try {
      body = gunzipSync(body, { maxOutputLength: IMPORT_UNPACKED_BYTES_MAX });
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
        return { status: 413, message: `the body unpacks to more than ${IMPORT_UNPACKED_BYTES_MAX} bytes` };
      }
      return { status: 400, message: "the body is not gzip" };
    }
  }
  return parseImport({ ...request, body });
}
