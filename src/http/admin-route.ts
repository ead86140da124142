import { RefusalError } from "../base/errors.js";
import type { Call } from "./call.js";
import type { Method, Route, RouteParam } from "./router.js";

/** A route below `/api/v1/admin`. What `handle` throws as a refusal is the answer. */
export function adminRoute(
  path: string,
  methods: readonly Method[],
  summary: string,
  params: readonly RouteParam[],
  handle: Route["handle"],
): Route {
  return {
    path: `/api/v1/admin${path}`,
    methods,
    summary,
    params,
    scope: "admin",
    cors: true,
    handle: (call) => {
      try {
        handle(call);
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
        answerError(call, error);
      }
    },
  };
}

/** Answers with a refusal; anything else is an internal error without details. */
export function answerError(call: Call, error: unknown): void {
  if (error instanceof RefusalError) call.error(error.code, error.message);
  else call.error("internal", "internal error");
}
