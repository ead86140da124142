import type { QueryKind } from "../workers/contract.js";
import { ask } from "./api-routes.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { LIMIT } from "./route-params.js";
import type { Route } from "./router.js";

/** What the database tells about its data, in Prometheus' shapes. */
export function tsdbStatusRoutes(gate: EngineGate): Route[] {
  const get = (path: string, summary: string, handle: (call: Call) => void): Route => ({
    path: `/api/v1/status${path}`,
    methods: ["GET"],
    summary,
    scope: "read",
    cors: true,
    handle,
  });
  const asked = (path: string, kind: QueryKind, summary: string): Route =>
    get(path, summary, (call) => ask(gate, call, kind));
  return [
    {
      ...asked("/tsdb", "tsdb_status", "What the head holds, and which labels have the most series"),
      params: [{ ...LIMIT, description: "Most entries of a list" }],
    },
    asked("/tsdb/blocks", "tsdb_blocks", "The blocks that serve, and those that are damaged"),
    get("/walreplay", "Progress of the replay, in segments of the log", (call) =>
      call.data(gate.replayProgress()),
    ),
  ];
}
