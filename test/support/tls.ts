import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import type { TlsSettings } from "../../dist/http/transport.js";

/** Path of a file in test/support/tls. */
export const tlsFile = (name: string): string =>
  fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));
export const pem = (name: string): string => readFileSync(tlsFile(name), "utf8");

/** The settings of a server that shows `server.pem`, or another of its certificates. */
export function serverTls(settings: Partial<TlsSettings> = {}, name = "server"): TlsSettings {
  return {
    certFile: tlsFile(`${name}.pem`),
    keyFile: tlsFile(`${name}-key.pem`),
    certPem: pem(`${name}.pem`),
    keyPem: pem(`${name}-key.pem`),
    clientCaPem: "",
    clientAuth: "",
    versionMin: "TLSv1.2",
    versionMax: "TLSv1.3",
    ciphers: "",
    preferServerCiphers: true,
    curves: "",
    allowedSans: [],
    ...settings,
  };
}

/** A client's certificate as options of a request. */
export const clientTls = (name: string): RequestOptions => ({
  cert: pem(`${name}.pem`),
  key: pem(`${name}-key.pem`),
});

export interface TlsAnswer {
  readonly status: number;
  readonly text: string;
  readonly protocol: string | null;
  readonly cipher: string;
  /** Of the server's certificate. */
  readonly fingerprint: string;
}

/** One request on a connection of its own. */
export function getTls(port: number, options: RequestOptions = {}, body?: Uint8Array): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const all = { host: "localhost", port, path: "/-/healthy", ca: pem("ca.pem"), agent: false, ...options };
    const sent = request(all, (answer) => {
      const socket = answer.socket as TLSSocket;
      const seen = {
        status: answer.statusCode ?? 0,
        text: "",
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        fingerprint: socket.getPeerCertificate().fingerprint256,
      };
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => (seen.text += text));
      answer.on("end", () => resolve(seen));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
