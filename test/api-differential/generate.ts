/** Random requests over the grammar of endpoints. Request i of a seed is the same on every run. */
import { Dice } from "../differential/dice.js";
import type { Vocabulary } from "../differential/vocabulary.js";
import { bodyRequest } from "./bodies.js";
import { clientRequest } from "./clients.js";
import { ENDPOINTS, type Endpoint, type Param } from "./endpoints.js";
import type { ApiRequest } from "./request.js";
import type { Value } from "./values.js";

/** `endpoints`: only these, and only forms and query strings. */
export function generateRequest(
  seed: number,
  index: number,
  vocabulary: Vocabulary,
  endpoints?: readonly Endpoint[],
): ApiRequest {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  if (endpoints !== undefined) return endpointRequest(dice, vocabulary, endpoints);
  return dice.weighted<() => ApiRequest>([
    [82, () => endpointRequest(dice, vocabulary, ENDPOINTS)],
    [10, () => clientRequest(dice)],
    [8, () => bodyRequest(dice)],
  ])();
}

function endpointRequest(dice: Dice, vocabulary: Vocabulary, endpoints: readonly Endpoint[]): ApiRequest {
  const endpoint = dice.weighted(endpoints.map((one) => [one.weight, one] as const));
  const chosen = methodFor(dice, endpoint);
  const pairs = pairsOf(dice, endpoint, vocabulary);
  const path = endpoint.path(dice);
  // Go answers a broken path before it looks at the method: with a body, which ends a client's connection.
  const method = chosen === "HEAD" && path.includes("%") ? "GET" : chosen;
  const headers = randomHeaders(dice, endpoint.accepts);
  const nothing = { method, path, body: new Uint8Array(), form: null, query: [], headers };
  if (method !== "POST" && method !== "PUT") return { ...nothing, query: damaged(dice, pairs) };
  const inForm = pairs.filter(() => dice.chance(0.85));
  const inUrl = pairs.filter((pair) => !inForm.includes(pair));
  const type = formType(dice);
  const typed = type === "" ? headers : { ...headers, "Content-Type": type };
  const streamed = dice.chance(0.1);
  return { ...nothing, headers: typed, form: damaged(dice, inForm), query: damaged(dice, inUrl), streamed };
}

function methodFor(dice: Dice, { methods }: Endpoint): string {
  if (dice.chance(0.93)) return dice.pick(methods);
  return dice.pick(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]);
}

function pairsOf(dice: Dice, { params }: Endpoint, vocabulary: Vocabulary): string[] {
  const pairs = params.flatMap((param) => pairsFor(dice, param, vocabulary));
  if (dice.chance(0.05))
    pairs.push(pair(dice, dice.pick(["foo", "Query", "match", "limit[]", "é", "_"]), "1"));
  if (dice.chance(0.04) && params.length > 0) {
    const { name, value } = dice.pick(params);
    pairs.splice(dice.between(0, pairs.length), 0, pair(dice, name, value(dice, vocabulary)));
  }
  return pairs;
}

function pairsFor(
  dice: Dice,
  { name, chance, value, countMax = 1 }: Param,
  vocabulary: Vocabulary,
): string[] {
  if (!dice.chance(chance)) return [];
  const count = countMax === 1 || dice.chance(0.6) ? 1 : dice.between(1, countMax);
  return Array.from({ length: count }, () => pair(dice, name, value(dice, vocabulary)));
}

/** In one of the spellings that mean the same. */
function pair(dice: Dice, name: string, value: Value): string {
  const escaped = typeof value === "string" ? escapeText(dice, value) : value.raw;
  return `${dice.chance(0.7) ? escapeText(dice, name) : name.replaceAll(/[^ -~]/g, "_")}=${escaped}`;
}

function escapeText(dice: Dice, text: string): string {
  const escaped = encodeURIComponent(text);
  return dice.weighted<() => string>([
    [4, () => escaped],
    [3, () => escaped.replaceAll("%20", "+")],
    [1, () => escaped.replaceAll(/%[0-9A-F]{2}/g, (one) => one.toLowerCase())],
    // What a URL may have unescaped, though most clients escape it.
    [
      2,
      () => escaped.replaceAll(/%(7B|7D|28|29|5B|5D|3A|2C|22|3D|40|2F)/g, (one) => decodeURIComponent(one)),
    ],
  ])();
}

/** Mostly as they are; else with what is no form. */
function damaged(dice: Dice, pairs: readonly string[]): string[] {
  if (!dice.chance(0.07)) return [...pairs];
  const bad = dice.pick([
    ...[
      "limit=%zz",
      "x=%",
      "x=%4",
      "%",
      "%%",
      "a;b",
      "limit=1;start=x",
      ";",
      "",
      "=",
      "=x",
      "limit",
      "x=%é".slice(0, 3),
    ],
    ...[
      "x=%2",
      "start=%g1",
      "%zz=1;",
      "a=%zz&b=1;2",
      "match[]=%",
      "query=%",
      "&&",
      "x=1&",
      "=%zz",
      "%C3%A9=%E9",
    ],
  ]);
  const all = [...pairs];
  all.splice(dice.between(0, all.length), 0, bad);
  return all;
}

function formType(dice: Dice): string {
  return dice.weighted([
    [40, "application/x-www-form-urlencoded"],
    [3, "application/x-www-form-urlencoded; charset=UTF-8"],
    [1, "Application/X-WWW-Form-Urlencoded"],
    [1, "application/x-www-form-urlencoded;;"],
    [1, "application/x-www-form-urlencoded; a"],
    [1, "application/x-www-form-urlencoded; a=b; a=c"],
    [1.5, ""],
    [1, "text/plain"],
    [1, "application/json"],
    [0.5, "nonsense"],
    [0.5, "/"],
    [1, "multipart/form-data"],
    [1, "multipart/form-data; boundary=x"],
  ]);
}

const ACCEPTS: readonly string[] = [
  "*/*",
  "application/json",
  "application/json, text/plain, */*",
  "text/html",
  "x",
];

function randomHeaders(dice: Dice, accepts: readonly string[] = ACCEPTS): Record<string, string> {
  const headers: Record<string, string> = {};
  if (dice.chance(0.25))
    headers["Accept-Encoding"] = dice.pick(["gzip", "gzip, deflate, br", "deflate", "identity", "br"]);
  if (dice.chance(0.15))
    headers["Origin"] = dice.pick(["http://localhost:3000", "null", "https://example.org"]);
  if (dice.chance(accepts === ACCEPTS ? 0.2 : 0.5)) {
    headers["Accept"] = dice.pick(accepts);
  }
  return headers;
}
