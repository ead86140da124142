import type { Exchange } from "./transport.js";

/** Headers by which a proxy shows that the request came from elsewhere. */
const PROXY_HEADERS: readonly string[] = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "via",
];

/** "127.0.0.1", "::1", "localhost" and their like, in brackets or not. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** As transports print the address at the other end; IPv4 may stand in IPv6. */
function isLoopbackAddress(address: string): boolean {
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address) || /^(0{0,4}:){1,7}0{0,3}1$/.test(address);
}

/** True where the answer stays on this machine: no proxy hands it on. */
export function staysHere(exchange: Exchange): boolean {
  return isLoopbackAddress(exchange.remoteAddress) && !isProxied(exchange);
}

function isProxied(exchange: Exchange): boolean {
  return PROXY_HEADERS.some((name) => exchange.header(name) !== "");
}

/**
 * True where a program on this machine sent the request itself to a listener on a loopback address: no proxy on the
 * way, and no page of another site in somebody's browser. A page can send requests to 127.0.0.1 (it shows in Origin
 * and Sec-Fetch-Site) or have its own name point there (it shows in Host).
 */
export function isSentFromHere(exchange: Exchange): boolean {
  if (isProxied(exchange)) return false;
  const host = exchange.header("host");
  if (host !== "" && !isLoopbackHost(host.replace(/:\d*$/, ""))) return false;
  const origin = exchange.header("origin");
  if (origin !== "" && !/^https?:\/\//.test(origin)) return false;
  if (origin !== "" && origin.replace(/^https?:\/\//, "") !== host) return false;
  const site = exchange.header("sec-fetch-site");
  return site === "" || site === "same-origin" || site === "none";
}
