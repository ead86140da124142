/** What senders sent: refusals, and the requests themselves. */
import { RefusalError } from "../base/errors.js";
import { CAPTURE_BYTES_MAX, CAPTURE_MS_MAX, LEDGER_ENTRIES_MAX } from "../base/limits.js";
import { parseDuration } from "../model/duration.js";
import { adminRoute } from "./admin-route.js";
import type { Call } from "./call.js";
import type { Capture } from "./capture.js";
import type { RejectionLedger } from "./rejection-ledger.js";
import type { Route, RouteParam } from "./router.js";

const CAPTURE_BYTES_DEFAULT: number = 64 * 1024 * 1024;
const CAPTURE_DURATION_DEFAULT = "1m";
const LEDGER_ENTRIES_DEFAULT = 100;

const REJECTION_PARAMS: readonly RouteParam[] = [
  { name: "reason", description: "Only refusals for this reason" },
  { name: "sender", description: "Only refusals of this sender" },
  { name: "request_id", description: "Only those of the request of this name" },
  { name: "series", description: "Only those with this text in the series" },
  { name: "limit", description: `Most entries; 1 to ${LEDGER_ENTRIES_MAX}` },
];

const CAPTURE_PARAMS: readonly RouteParam[] = [
  { name: "action", description: "`start` or `stop`; absent: `start`", methods: ["POST"] },
  { name: "duration", description: `How long; absent: ${CAPTURE_DURATION_DEFAULT}`, methods: ["POST"] },
  { name: "bytes", description: `Size of the file; absent: ${CAPTURE_BYTES_DEFAULT}`, methods: ["POST"] },
];

export function adminWriteRoutes(ledger: RejectionLedger, capture: Capture): Route[] {
  return [
    adminRoute(
      "/rejections",
      ["GET"],
      "The last write requests that were refused",
      REJECTION_PARAMS,
      (call) =>
        call.data(
          ledger.report({
            reason: call.param("reason"),
            sender: call.param("sender"),
            requestId: call.param("request_id"),
            series: call.param("series"),
            limit: parseCount(call, "limit", LEDGER_ENTRIES_DEFAULT, LEDGER_ENTRIES_MAX),
          }),
        ),
    ),
    adminRoute(
      "/capture",
      ["GET", "POST"],
      "Keeps write requests in a file, for `varve replay`",
      CAPTURE_PARAMS,
      (call) => call.data(steer(call, capture)),
    ),
  ];
}

function steer(call: Call, capture: Capture): unknown {
  if (call.exchange.method === "GET") return capture.state();
  const action = call.param("action") === "" ? "start" : call.param("action");
  if (action === "start") {
    return capture.start({
      bytes: parseCount(call, "bytes", CAPTURE_BYTES_DEFAULT, CAPTURE_BYTES_MAX),
      ms: parseLength(call.param("duration")),
    });
  }
  if (action !== "stop") throw bad("action", `${JSON.stringify(action)} is neither start nor stop`);
  capture.stop("stopped");
  return capture.state();
}

function parseLength(text: string): number {
  let ms: number;
  try {
    ms = parseDuration(text === "" ? CAPTURE_DURATION_DEFAULT : text);
  } catch {
    throw bad("duration", `${JSON.stringify(text)} is no duration`);
  }
  if (ms < 1 || ms > CAPTURE_MS_MAX)
    throw bad("duration", `it must be between 1ms and ${CAPTURE_MS_MAX / 60_000}m`);
  return ms;
}

function parseCount(call: Call, name: string, fallback: number, max: number): number {
  const text = call.param(name);
  if (text === "") return fallback;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw bad(name, `it must be a number from 1 to ${max}`);
  return count;
}

function bad(name: string, message: string): RefusalError {
  return new RefusalError("bad_data", `invalid parameter "${name}": ${message}`);
}
