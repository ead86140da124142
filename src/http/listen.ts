import type { Logger } from "../base/log.js";
import { listenNode } from "./node-transport.js";
import {
  type ExchangeHandler,
  ListenError,
  type Listener,
  type TlsFiles,
  type TransportOptions,
} from "./transport.js";
import { listenUws, loadUws } from "./uws-transport.js";

export type TransportChoice = "auto" | "uws" | "node";

/**
 * Starts the server that `choice` names; "auto" takes uWebSockets.js where it loads and can do what is asked.
 * Throws ListenError where the address, or what is asked, cannot be had.
 */
export async function listen(
  choice: TransportChoice,
  options: TransportOptions,
  handler: ExchangeHandler,
  log: Logger,
): Promise<Listener> {
  if (choice === "node") return listenNode(options, handler);
  if (options.tls !== null && needsNode(options.tls)) {
    if (choice === "uws") throw new ListenError(NEEDS_NODE);
    log.info("serving with node:https", { reason: NEEDS_NODE });
    return listenNode(options, handler);
  }
  if (choice === "auto") {
    try {
      await loadUws(options.headerBytesMax);
    } catch (error) {
      const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
      log.warn("uWebSockets.js cannot be loaded: serving with node:http", { err: why });
      return listenNode(options, handler);
    }
  }
  return listenUws(options, handler);
}

const NEEDS_NODE = "uWebSockets.js knows neither client certificates nor bounds of the TLS version";

function needsNode(tls: TlsFiles): boolean {
  return tls.clientAuth !== "" || tls.versionMin !== "TLSv1.2" || tls.versionMax !== "TLSv1.3";
}
