/** Cardinality in hand: where series are, and how many there may be. */

import { RefusalError } from "../base/errors.js";
import { CARDINALITY_ROWS_MAX } from "../base/limits.js";
import type { BudgetSettings } from "../workers/contract.js";
import { adminRoute, answerError } from "./admin-route.js";
import { ask } from "./api-routes.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { LIMIT, MATCHES, RANGE } from "./route-params.js";
import type { Route, RouteParam } from "./router.js";
import type { Senders } from "./senders.js";

const CARDINALITY_PARAMS: readonly RouteParam[] = [
  MATCHES,
  ...RANGE,
  { ...LIMIT, description: `Most entries of a list; 1 to ${CARDINALITY_ROWS_MAX}` },
  { name: "label", description: "Adds the values of this label" },
];

const BUDGET_PARAMS: readonly RouteParam[] = [
  { name: "match", description: "Series selector", required: true, methods: ["PUT", "DELETE"] },
  { name: "series", description: "How many series it may select", required: true, methods: ["PUT"] },
];

/** `nowMs`: the wall clock. */
export function adminCardinalityRoutes(gate: EngineGate, senders: Senders, nowMs: () => number): Route[] {
  return [
    adminRoute(
      "/cardinality",
      ["GET"],
      "Where series are and where they come from",
      CARDINALITY_PARAMS,
      (call) => ask(gate, call, "cardinality", { context: senders.list(nowMs(), CARDINALITY_ROWS_MAX) }),
    ),
    adminRoute(
      "/budgets",
      ["GET", "PUT", "DELETE"],
      "How many series there may be, by matcher",
      BUDGET_PARAMS,
      (call) => budgets(gate, call),
    ),
  ];
}

function budgets(gate: EngineGate, call: Call): void {
  const engine = gate.current();
  if (engine === null) return call.unavailable(gate.ready(), gate.reason());
  const { method } = call.exchange;
  changeBudgets(engine.budgets, method, call).then(
    () => call.data({ budgets: engine.budgets.list() }),
    (error: unknown) => answerError(call, error),
  );
}

async function changeBudgets(settings: BudgetSettings, method: string, call: Call): Promise<void> {
  if (method === "GET") return;
  const match = call.param("match");
  if (match === "") throw new RefusalError("bad_data", "no match parameter provided");
  if (method === "DELETE") return settings.remove(match);
  const text = call.param("series");
  if (!/^\d{1,10}$/.test(text)) {
    throw new RefusalError(
      "bad_data",
      `invalid parameter "series": ${JSON.stringify(text)} is no number of series`,
    );
  }
  return settings.set({ match, series: Number(text) });
}
