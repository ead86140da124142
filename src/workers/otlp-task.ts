import type { OtlpOptions } from "../wire/otlp-translate.js";

export interface OtlpTask {
  readonly body: Uint8Array;
  readonly json: boolean;
  readonly gzip: boolean;
}

export interface OtlpThreadData {
  readonly options: OtlpOptions;
}
