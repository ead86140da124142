import type { RequestListener } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import { createSecureContext, type TLSSocket } from "node:tls";
import { ListenError, type TlsSettings } from "./transport.js";

/** Node's HTTPS server, whose certificates can be replaced while it serves. */
export class NodeTls {
  readonly server: Server;
  private settings: TlsSettings;

  /** Throws ListenError where the certificate, the key or the suites cannot be used. */
  constructor(settings: TlsSettings, options: ServerOptions, onRequest: RequestListener) {
    checkTls(settings);
    this.settings = settings;
    const handshakeTimeout = options.requestTimeout as number;
    this.server = createServer(
      { ...options, handshakeTimeout, ...contextOptions(settings), ...clientAuth(settings) },
      onRequest,
    );
    this.server.prependListener("secureConnection", (socket) => {
      if (!isAllowed(socket, this.settings)) socket.destroy();
    });
  }

  /** For handshakes from here on; throws as the constructor does, and then nothing has changed. */
  reload(settings: TlsSettings): void {
    checkTls(settings);
    this.server.setSecureContext(contextOptions(settings));
    // Node reads these two from the server at each handshake; there is no call to set them.
    Object.assign(this.server, clientAuth(settings));
    this.settings = settings;
  }
}

/** Throws ListenError where OpenSSL does not take the settings. */
export function checkTls(settings: TlsSettings): void {
  try {
    createSecureContext(contextOptions(settings));
  } catch (error) {
    throw new ListenError(`certificate, key or ciphers cannot be used: ${(error as Error).message}`);
  }
}

function contextOptions(settings: TlsSettings) {
  return {
    cert: settings.certPem,
    key: settings.keyPem,
    ...(settings.clientCaPem === "" ? {} : { ca: settings.clientCaPem }),
    minVersion: settings.versionMin,
    maxVersion: settings.versionMax,
    ...(settings.ciphers === "" ? {} : { ciphers: settings.ciphers }),
    ...(settings.curves === "" ? {} : { ecdhCurve: settings.curves }),
    honorCipherOrder: settings.preferServerCiphers,
  };
}

function clientAuth(settings: TlsSettings) {
  return {
    requestCert: settings.clientAuth !== "",
    rejectUnauthorized: settings.clientAuth === "RequireAndVerifyClientCert",
  };
}

/** What Node does not decide: a certificate that need not be there, and alternative names. */
function isAllowed(socket: TLSSocket, settings: TlsSettings): boolean {
  const { clientAuth: auth, allowedSans } = settings;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return auth !== "RequireAndVerifyClientCert" || allowedSans.length === 0;
  if (auth !== "" && !socket.authorized) return false;
  if (allowedSans.length === 0) return true;
  const names = certificate.subjectAltName ?? "";
  // Node quotes names that hold a separator: such a certificate means to be taken for another.
  if (names.includes('"')) return false;
  const values = names.split(", ").map((name) => name.replace(/^(DNS|IP Address|email|URI):/, ""));
  return allowedSans.some((name) => values.includes(name));
}
