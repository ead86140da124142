import { ask } from "./api-routes.js";
import type { EngineGate } from "./engine-gate.js";
import { formErrorText } from "./form.js";
import { MATCHES } from "./route-params.js";
import type { Route } from "./router.js";

/** What another Prometheus scrapes to take series over: their newest samples in an exposition format. */
export function federateRoute(gate: EngineGate): Route {
  return {
    path: "/federate",
    methods: ["GET"],
    summary: "Newest samples of the series that match, as a scrape target gives them",
    params: [
      MATCHES,
      { name: "escaping", description: "How names are escaped that are not in the old alphabet" },
    ],
    gives: ["text/plain", "application/vnd.google.protobuf"],
    scope: "read",
    cors: false,
    handle(call) {
      if (call.formError === null) ask(gate, call, "federate", { accept: call.accept });
      else call.text(400, `${formErrorText(call.formError)}\n`);
    },
  };
}
