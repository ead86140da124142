/**
 * Clients that go away in the middle of heavy requests. How long a query thread works on is measured as a user would
 * notice it: on a server with one query thread, by how long a trivial query waits behind the dropped one.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeRead, SAMPLES, STREAMED_XOR_CHUNKS } from "./read-client.js";

export interface HeavyRequest {
  readonly name: string;
  readonly method: "GET" | "POST";
  /** With its query string. */
  readonly path: string;
  readonly type?: string;
  readonly body?: Uint8Array;
}

export interface Drop {
  readonly name: string;
  /** When the client went away, after it had sent its request. */
  readonly afterMs: number;
  /** How long the next query took from then on. */
  readonly heldMs: number;
  /** Whether the answer was there already: then nothing was dropped. */
  readonly answered: boolean;
}

const ALL = '{job="hostile"}';

/** Requests of every kind that keep a thread busy for long, over `hostileData` that ends at `endMs`. */
export function heavyRequests(endMs: number): HeavyRequest[] {
  const end = endMs / 1000;
  const query = (name: string, text: string): HeavyRequest => ({
    name,
    method: "GET",
    path: `/api/v1/query?${new URLSearchParams({ query: text, time: String(end) })}`,
  });
  const range = (name: string, text: string, steps: number, step = 1): HeavyRequest => ({
    name,
    method: "GET",
    path: `/api/v1/query_range?${new URLSearchParams({
      query: text,
      start: String(end - (steps - 1) * step),
      end: String(end),
      step: String(step),
    })}`,
  });
  const match = (path: string, selector: string): HeavyRequest => ({
    name: path,
    method: "GET",
    path: `/${path}?${new URLSearchParams({ "match[]": selector, start: String(end - 600), end: String(end) })}`,
  });
  const read = (name: string, types: readonly number[]): HeavyRequest => ({
    name,
    method: "POST",
    path: "/api/v1/read",
    type: "application/x-protobuf",
    body: encodeRead([{ startMs: 0, endMs, matchers: [["EQ", "job", "hostile"]] }], types),
  });
  return [
    query("selection", ALL),
    range("selection over a range", ALL, 60),
    query("subquery", "max_over_time(rate(long_total[5m])[2h:1s])"),
    query("deep subquery", "avg_over_time(max_over_time(rate(long_total[5m])[30m:1s])[2h:1m])"),
    query("cartesian", "sum(count by (id) ({job='hostile'}) * on() group_left() vector(1))"),
    query("match", `${ALL} * on (id) ${ALL}`),
    query("set", `${ALL} unless on (id) ${ALL}`),
    query("sort", `sort_desc(${ALL})`),
    query("sort_by_label", `sort_by_label(${ALL}, "id")`),
    query("topk", `topk(100000, ${ALL})`),
    query("quantile", `quantile by (instance) (0.9, ${ALL})`),
    query("count_values", `count_values("value", ${ALL})`),
    query("label_replace", `label_replace(${ALL}, "new", "$1-$1", "id", "id-(.*)a+b")`),
    query("histogram_quantile", `histogram_quantile(0.9, ${ALL})`),
    query("regular expression", '{id=~".*(a|b)+.*(a|b)+1.*"}'),
    query("not", '{job="hostile",id!~".*1.*"}'),
    query("sum by everything", `sum by (id, instance, le) (${ALL})`),
    range("quantile_over_time", "quantile_over_time(0.9, long_total[2h])", 3000),
    range("absent", `absent(${ALL})`, 1000),
    match("api/v1/series", ALL),
    match("api/v1/labels", '{id=~".*a.*b.*"}'),
    match("api/v1/label/id/values", '{id=~".*a.*b.*"}'),
    match("federate", ALL),
    match("api/v1/export", ALL),
    read("remote read", [SAMPLES]),
    read("streamed remote read", [STREAMED_XOR_CHUNKS]),
  ];
}

/** Sends the request, goes away after `afterMs` and asks a trivial query at once. */
export async function dropAfter(url: string, request: HeavyRequest, afterMs: number): Promise<Drop> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  let answered = false;
  socket.on("data", () => {
    answered = true;
  });
  const { method, path, type = "text/plain", body } = request;
  const length = body === undefined ? "" : `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${hostname}\r\n${length}\r\n`);
  if (body !== undefined) socket.write(body);
  await sleep(afterMs);
  const begin = performance.now();
  socket.destroy();
  const response = await fetch(`${url}/api/v1/query?query=vector(1)`);
  await response.text();
  const heldMs = performance.now() - begin;
  if (response.status !== 200) throw new Error(`${request.name}: the next query got ${response.status}`);
  return { name: request.name, afterMs, heldMs, answered };
}
