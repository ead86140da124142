import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { API_ERRORS } from "../../../dist/wire/api-errors.js";
import { RULES } from "../../api-differential/explained.js";
import { startFrontEnd } from "../../support/front-end.js";

const page = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), "utf8");

test("docs/API.md names every route, and no other path", async (t) => {
  const { frontEnd } = await startFrontEnd(t, {});
  const documented = new Set(
    [...page("API.md").matchAll(/`(?:GET |POST |DELETE )?(\/[^` ]*)`/g)].map((match) => match[1]),
  );
  const served = new Set(frontEnd.routes.map((route) => route.path));
  for (const path of served) assert.ok(documented.has(path), `${path} is not in docs/API.md`);
  const others = ["/labels", "/api/v1/"];
  for (const path of documented)
    assert.ok(served.has(path) || others.includes(path), `${path} is not served`);
});

test("docs/API.md has the parameters of the query routes as the table has them", async (t) => {
  const { frontEnd } = await startFrontEnd(t, {});
  const section =
    page("API.md")
      .split("\n## ")
      .find((text) => text.startsWith("Queries")) ?? "";
  const names = (cell = ""): string[] => [...cell.matchAll(/`([\w[\]]+)`/g)].map((match) => match[1] ?? "");
  let checked = 0;
  for (const [, paths = "", params] of section.matchAll(/^\| (`\/.*?) \| (`.*?) \|$/gm)) {
    for (const [, path] of paths.matchAll(/`(\/[^`]*)`/g)) {
      const route = frontEnd.routes.find((each) => each.path === path);
      assert.deepEqual(
        route?.params?.map(({ name }) => name),
        names(params),
        path,
      );
      checked++;
    }
  }
  assert.equal(checked, 9);
});

test("docs/API.md has every difference that the API differential explains, and no other", () => {
  const section =
    page("API.md")
      .split("\n## ")
      .find((text) => text.startsWith("Differences from Prometheus")) ?? "";
  const rows = [...section.matchAll(/^\| ([^|]+) \|[^|]*\|[^|]+\|$/gm)].map((match) => match[1] ?? "");
  assert.deepEqual(
    rows.filter((name) => name !== "what"),
    RULES.map(({ name }) => name),
  );
});

test("docs/ERRORS.md has every code with its status and type, and no other", () => {
  const rows = [...page("ERRORS.md").matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \|/gm)];
  const documented = Object.fromEntries(
    rows.map(([, code, status, errorType]) => [code, { status: Number(status), errorType }]),
  );
  assert.deepEqual(documented, API_ERRORS);
});
