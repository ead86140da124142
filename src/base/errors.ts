/**
 * The three kinds of error (docs/ERRORS.md):
 * a bug (`BugError` in assert.ts), damaged bytes (`CorruptionError`) and a request that cannot be served
 * (`RefusalError`, with one of the codes below). `wire/api-errors.ts` is the only map from a code to a status.
 */

/** Bytes on disk that are not what was written. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  readonly file: string;
  /** Byte offset in `file` of the first byte that is known to be wrong. */
  readonly offset: number;
  readonly reason: string;

  constructor(file: string, offset: number, reason: string) {
    super(`corruption in ${file} at ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}

/** Every code a refusal may carry. The first eight are Prometheus' `errorType` values. */
export type RefusalCode =
  | "bad_data"
  | "execution"
  | "timeout"
  | "canceled"
  | "unavailable"
  | "not_found"
  | "not_acceptable"
  | "internal"
  /** The query uses something that this version does not know yet; the message names it. */
  | "unsupported"
  /** The disk refused a write; nothing was acknowledged. */
  | "storage_failed"
  /** A bound of `limits.ts` or of a flag was reached. */
  | "limit_reached";

/** A request that is refused for a reason its sender can read. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
