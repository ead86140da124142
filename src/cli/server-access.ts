/** Credentials do not belong on a command line, where everybody on the machine sees them. */
export function authorization(): Record<string, string> {
  const { VARVE_AUTHORIZATION = "" } = process.env;
  return VARVE_AUTHORIZATION === "" ? {} : { Authorization: VARVE_AUTHORIZATION };
}

export function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
