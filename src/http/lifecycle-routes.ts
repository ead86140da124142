import type { Call } from "./call.js";
import type { Reloads } from "./reloads.js";
import type { Method, Route } from "./router.js";

export interface Lifecycle {
  /** `--web.enable-lifecycle` */
  readonly enabled: boolean;
  readonly reloads: Reloads;
  /** Begins to stop; false where that had begun already. */
  readonly quit: () => boolean;
}

const GET: readonly Method[] = ["GET"];
const POST_PUT: readonly Method[] = ["POST", "PUT"];

/** `/-/reload` and `/-/quit`, with Prometheus' words. */
export function lifecycleRoutes({ enabled, reloads, quit }: Lifecycle): Route[] {
  const route = (path: string, summary: string, run: (call: Call) => void): Route => ({
    path,
    methods: [...POST_PUT, ...GET],
    summary,
    gives: ["text/plain"],
    scope: "admin",
    lifecycle: true,
    cors: false,
    handle(call) {
      const { method } = call.exchange;
      if (method === "GET") {
        call.text(405, "Only POST or PUT requests allowed", ["Allow", POST_PUT.join(", ")]);
      } else if (!enabled) call.text(403, "Lifecycle API is not enabled.");
      else run(call);
    },
  });
  return [
    route("/-/reload", "Reads the configuration files again", (call) => {
      try {
        reloads.run();
        call.text(200, "");
      } catch (error) {
        call.text(500, `failed to reload config: ${(error as Error).message}\n`);
      }
    }),
    route("/-/quit", "Drains, commits and ends the process", (call) => {
      const text = quit() ? "Requesting termination... Goodbye!" : "Termination already in progress.";
      call.closes = true;
      call.text(200, text);
    }),
  ];
}
