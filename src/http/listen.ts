import type { Logger } from "../base/log.js";
import { listenNode } from "./node-transport.js";
import {
  type ExchangeHandler,
  type HeaderList,
  ListenError,
  type Listener,
  type TlsSettings,
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

/** As `listener.reload`, which may be asked for what its server cannot do. */
export function reloadListener(listener: Listener, tls: TlsSettings | null, answerHeaders: HeaderList): void {
  if (listener.transport === "uws" && tls !== null && needsNode(tls)) {
    throw new ListenError(`${NEEDS_NODE}: this needs another start`);
  }
  listener.reload(tls, answerHeaders);
}

const NEEDS_NODE =
  "uWebSockets.js knows neither client certificates nor TLS versions, suites, curves and keys without a file";

function needsNode(tls: TlsSettings): boolean {
  if (tls.certFile === "" || tls.keyFile === "" || tls.clientAuth !== "") return true;
  if (tls.versionMin !== "TLSv1.2" || tls.versionMax !== "TLSv1.3") return true;
  return tls.ciphers !== "" || tls.curves !== "" || !tls.preferServerCiphers;
}
