/** Search: what Varve does otherwise than Prometheus 3.14, as docs/API.md says under "Queries". */
import { compareUtf8 } from "../../dist/model/labels.js";
import { METADATA } from "./api-data.js";
import type { Evidence, Rule } from "./explained.js";
import { withoutParams } from "./explained-ranges.js";
import { type ApiRequest, paramOf, type Reply } from "./request.js";

interface Found {
  readonly name?: string;
  readonly value?: string;
  readonly [member: string]: unknown;
}

interface Line {
  readonly results?: readonly Found[];
  readonly has_more?: boolean;
}

function linesOf({ status, body }: Reply): Line[] {
  return status === 200
    ? body
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Line)
    : [];
}

function foundIn(reply: Reply): Found[] {
  return linesOf(reply).flatMap(({ results = [] }) => results);
}

function textsOf(reply: Reply): string[] {
  return foundIn(reply).map(({ name, value }) => name ?? value ?? "");
}

function hasMore(reply: Reply): boolean {
  return linesOf(reply).at(-1)?.has_more === true;
}

/** All that Prometheus finds. */
function askForAll(request: ApiRequest, { ask }: Evidence, without: RegExp): Promise<Reply> {
  const asked = withoutParams(request, without);
  return ask({ ...asked, query: ["limit=10000", "start=0", ...asked.query] });
}

export const searchRules: readonly Rule[] = [
  {
    name: "search: nothing stored in the range",
    restate: (expected, actual) =>
      expected.status === 0 && actual.status === 200 && textsOf(actual).length === 0
        ? { ...actual }
        : expected,
  },
  {
    name: "search: range",
    restate: async (expected, actual, request, evidence) => {
      const answered = expected.status === 200 && actual.status === 200;
      if (!answered || (paramOf(request, "start") === "0" && paramOf(request, "end") === "")) return expected;
      const allowed = new Set(textsOf(await askForAll(request, evidence, /^(limit|start|end)=/)));
      return textsOf(actual).every((text) => allowed.has(text))
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
  {
    name: "search: limit",
    restate: async (expected, actual, request, evidence) => {
      // Without a text nothing sorts them by name.
      const unsorted = paramOf(request, "sort_by") === "score" && paramOf(request, "search[]") === "";
      if (hasMore(expected) !== hasMore(actual) || !(unsorted || hasMore(actual))) return expected;
      const [own, other] = [textsOf(actual), textsOf(expected)];
      const all = textsOf(await askForAll(request, evidence, /^limit=/));
      if (unsorted) all.sort(compareUtf8);
      const right = own.length === other.length && own.join("\n") === all.slice(0, own.length).join("\n");
      return right ? { ...expected, body: actual.body } : expected;
    },
  },
  {
    name: "search: metadata of senders",
    restate: (expected, actual, request) => {
      if (!request.path.endsWith("/metric_names") || paramOf(request, "include_metadata") === "")
        return expected;
      const types = ["", "counter", "gauge", "histogram", "", "summary"];
      const right = foundIn(actual).every(({ name, type = "", help = "", unit = "" }) => {
        const sent = METADATA.find(({ metricName }) => metricName === name);
        const wanted = [types[sent?.type ?? 0], sent?.help ?? "", sent?.unit ?? ""];
        return JSON.stringify([type, help, unit]) === JSON.stringify(wanted);
      });
      const bare = JSON.stringify(foundIn(actual).map(({ type: _, help: __, unit: ___, ...rest }) => rest));
      return right && bare === JSON.stringify(foundIn(expected))
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
];
