import { ask } from "./api-routes.js";
import type { EngineGate } from "./engine-gate.js";
import { formErrorOrNull } from "./form.js";
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
      const wrong = formErrorOrNull(call.exchange.query);
      if (wrong === null) ask(gate, call, "federate", { accept: call.accept });
      else call.text(400, `error parsing form values: ${wrong}\n`);
    },
  };
}
