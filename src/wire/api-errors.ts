import type { RefusalCode } from "../base/errors.js";

/** The field `errorType` of Prometheus' error envelope. */
type ApiErrorType =
  | "bad_data"
  | "execution"
  | "timeout"
  | "canceled"
  | "unavailable"
  | "not_found"
  | "not_acceptable"
  | "internal";

interface ApiError {
  readonly status: number;
  readonly errorType: ApiErrorType;
}

/** The only map from the code of a refusal to what the HTTP API says (docs/ERRORS.md). */
export const API_ERRORS: Readonly<Record<RefusalCode, ApiError>> = {
  bad_data: { status: 400, errorType: "bad_data" },
  execution: { status: 422, errorType: "execution" },
  timeout: { status: 503, errorType: "timeout" },
  canceled: { status: 499, errorType: "canceled" },
  unavailable: { status: 503, errorType: "unavailable" },
  not_found: { status: 404, errorType: "not_found" },
  not_acceptable: { status: 406, errorType: "not_acceptable" },
  internal: { status: 500, errorType: "internal" },
  unsupported: { status: 422, errorType: "execution" },
  storage_failed: { status: 503, errorType: "unavailable" },
  limit_reached: { status: 422, errorType: "execution" },
};
