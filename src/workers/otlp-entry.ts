/** Entry of the thread that translates OTLP. */
import { workerData } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import { RefusalError } from "../base/errors.js";
import { OTLP_BYTES_MAX } from "../base/limits.js";
import { decodeOtlpJson, decodeOtlpProtobuf } from "../wire/otlp-decode.js";
import { type Translated, translateOtlp } from "../wire/otlp-translate.js";
import type { OtlpTask, OtlpThreadData } from "./otlp-task.js";

const { options } = workerData as OtlpThreadData;

/** A string is the reason why the request cannot be read. */
export function translate({ body, json, gzip }: OtlpTask): Translated | string {
  try {
    const bytes = gzip ? unzip(body) : body;
    return translateOtlp(json ? decodeOtlpJson(bytes) : decodeOtlpProtobuf(bytes), options);
  } catch (error) {
    if (error instanceof RefusalError) return error.message;
    throw error;
  }
}

function unzip(body: Uint8Array): Uint8Array {
  try {
    return gunzipSync(body, { maxOutputLength: OTLP_BYTES_MAX });
  } catch (error) {
    throw new RefusalError("bad_data", `the body cannot be decompressed: ${String(error)}`);
  }
}
