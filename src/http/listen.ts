import type { Logger } from "../base/log.js";
import { listenNode } from "./node-transport.js";
import type { ExchangeHandler, Listener, TransportOptions } from "./transport.js";
import { listenUws, loadUws } from "./uws-transport.js";

export type TransportChoice = "auto" | "uws" | "node";

/**
 * Starts the server that `choice` names. "auto" takes uWebSockets.js where it loads and can do what is asked;
 * it cannot verify client certificates.
 */
export async function listen(
  choice: TransportChoice,
  options: TransportOptions,
  handler: ExchangeHandler,
  log: Logger,
): Promise<Listener> {
  if (choice === "node") return listenNode(options, handler);
  const clientAuth = options.tls?.clientAuth ?? "";
  if (choice === "auto" && clientAuth !== "") {
    log.info("client certificates are asked for: serving with node:http");
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
