import type { AdminAction } from "../workers/contract.js";
import { answer, withEngine } from "./api-routes.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { formErrorText } from "./form.js";
import { MATCHES_REQUIRED, RANGE } from "./route-params.js";
import type { Route, RouteParam } from "./router.js";

/** Prometheus' endpoints that change what is stored. */
export function adminRoutes(gate: EngineGate): Route[] {
  const route = (action: AdminAction, summary: string, params: readonly RouteParam[]): Route => ({
    path: `/api/v1/admin/tsdb/${action}`,
    methods: ["POST", "PUT"],
    summary,
    params,
    // Only a snapshot has something to tell.
    ...(action === "snapshot" ? {} : { gives: [""] }),
    scope: "admin",
    cors: true,
    handle: (call) => change(gate, call, action),
  });
  return [
    route("delete_series", "Deletes the samples of the series that match, in a range of times", [
      MATCHES_REQUIRED,
      ...RANGE,
    ]),
    route("snapshot", "Copies blocks and head to a folder that a server can be pointed at", [
      { name: "skip_head", description: "`true`: blocks only" },
    ]),
    route("clean_tombstones", "Frees the space of what was deleted from blocks", []),
  ];
}

function change(gate: EngineGate, call: Call, action: AdminAction): void {
  if (action === "delete_series" && call.formError !== null) {
    call.error("bad_data", formErrorText(call.formError));
    return;
  }
  withEngine(gate, call, (engine) => {
    engine.admin(action, call.params).then(
      (result) => answer(call, result),
      () => call.error("internal", "internal error"),
    );
  });
}
