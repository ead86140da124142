import * as assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { AnyRoute } from "../../../dist/http/router.js";
import { startFrontEnd } from "../../support/front-end.js";

type Node = Record<string, unknown>;

const METHODS = ["get", "head", "post", "put", "delete"];
const template = (path: string): string => path.replace("*}", "}");

function operationsOf(document: Node): { name: string; path: string; item: Node; operation: Node }[] {
  return Object.entries(document["paths"] as Record<string, Node>).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      item,
      operation: item[method] as Node,
    })),
  );
}

/** Every `$ref` below `node` leads somewhere in `document`. */
function checkReferences(document: Node, node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key !== "$ref") checkReferences(document, value);
    else {
      const steps = String(value).replace(/^#\//, "").split("/");
      const found = steps.reduce<unknown>((at, step) => (at as Node | undefined)?.[step], document);
      assert.equal(typeof found, "object", `${value} leads nowhere`);
    }
  }
}

function checkKeys(
  where: string,
  node: Node,
  required: readonly string[],
  optional: readonly string[],
): void {
  for (const key of required) assert.ok(key in node, `${where} has no ${key}`);
  for (const key of Object.keys(node))
    assert.ok(required.includes(key) || optional.includes(key), `${where} has ${key}`);
}

function checkContent(where: string, content: unknown): void {
  for (const [type, media] of Object.entries(content as Node)) {
    assert.match(type, /^[a-z]+\/[a-z0-9.+-]+$/, where);
    checkKeys(`${where} ${type}`, media as Node, [], ["schema"]);
  }
}

function checkParameters(where: string, path: string, parameters: readonly Node[]): void {
  const variables = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const inPath = parameters.filter((parameter) => parameter["in"] === "path");
  assert.deepEqual(
    inPath.map(({ name }) => name),
    variables,
    where,
  );
  const names = parameters.map((parameter) => `${parameter["in"]} ${parameter["name"]}`);
  assert.equal(new Set(names).size, names.length, `${where} names a parameter twice`);
  for (const parameter of parameters) {
    checkKeys(where, parameter, ["name", "in", "required", "schema"], ["description"]);
    assert.ok(parameter["in"] === "query" || parameter["required"] === true, where);
  }
}

function checkOperation(name: string, path: string, item: Node, operation: Node, document: Node): void {
  const required = ["operationId", "summary", "tags", "security", "responses"];
  checkKeys(name, operation, required, ["parameters", "requestBody"]);
  const own = (node: Node) => (node["parameters"] ?? []) as Node[];
  checkParameters(name, path, [...own(item), ...own(operation)]);
  const body = operation["requestBody"] as Node | undefined;
  if (body !== undefined) {
    checkKeys(`${name}, body`, body, ["content"], ["required"]);
    checkContent(name, body["content"]);
  }
  const schemes = (document["components"] as Node)["securitySchemes"] as Node;
  for (const requirement of operation["security"] as Node[])
    for (const scheme of Object.keys(requirement)) assert.ok(scheme in schemes, `${name}: ${scheme}`);
  const tags = (document["tags"] as Node[]).map((tag) => tag["name"]);
  for (const tag of operation["tags"] as string[]) assert.ok(tags.includes(tag), `${name}: ${tag}`);
  const responses = Object.entries(operation["responses"] as Record<string, Node>);
  assert.ok(responses.length > 1, `${name} has no success`);
  for (const [status, response] of responses) {
    assert.match(status, /^(default|2\d\d)$/, name);
    if ("$ref" in response) continue;
    checkKeys(`${name}, ${status}`, response, ["description"], ["content"]);
    if (response["content"] !== undefined) checkContent(name, response["content"]);
  }
}

async function fetchDocument(url: string, path: string): Promise<{ document: Node; text: string }> {
  const answer = await fetch(url + path);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/yaml");
  const text = await answer.text();
  return { document: parse(text) as Node, text };
}

test("the description has every method of every route, its scope, and nothing else", async (t) => {
  const { url, frontEnd } = await startFrontEnd(t, {});
  const { document, text } = await fetchDocument(url, "/openapi.yaml");
  assert.equal((await fetchDocument(url, "/api/v1/openapi.yaml")).text, text);
  const described = operationsOf(document);
  const nameAndScope = (route: AnyRoute) =>
    route.methods.map((method) => `${method} ${template(route.path)} ${route.scope}`);
  assert.deepEqual(
    described.map(({ name, operation }) => `${name} ${operation["tags"]}`).sort(),
    frontEnd.routes.flatMap(nameAndScope).sort(),
  );
});

test("the description is valid OpenAPI 3.1", async (t) => {
  const { url } = await startFrontEnd(t, {});
  const { document } = await fetchDocument(url, "/openapi.yaml");
  assert.match(String(document["openapi"]), /^3\.1\.\d+$/);
  checkKeys("the document", document, ["openapi", "info", "paths", "components"], ["servers", "tags"]);
  checkKeys("info", document["info"] as Node, ["title", "version"], ["description"]);
  checkReferences(document, document);
  const operations = operationsOf(document);
  for (const { name, path, item, operation } of operations) {
    checkKeys(path, item, [], ["parameters", ...METHODS]);
    checkOperation(name, path, item, operation, document);
  }
  const ids = operations.map(({ operation }) => operation["operationId"]);
  assert.equal(new Set(ids).size, ids.length, "two operations have one id");
});

test("parameters stand in the URL of a GET and in the form of a POST", async (t) => {
  const { url } = await startFrontEnd(t, {});
  const { document } = await fetchDocument(url, "/openapi.yaml");
  const operation = (name: string): Node =>
    operationsOf(document).find((each) => each.name === name)?.operation ?? {};
  const names = (name: string) => (operation(name)["parameters"] as Node[]).map((each) => each["name"]);
  const form = (name: string) => {
    const content = (operation(name)["requestBody"] as Node)["content"] as Node;
    return (content["application/x-www-form-urlencoded"] as Node)["schema"] as Node;
  };
  const range = ["query", "start", "end", "step", "timeout", "limit", "lookback_delta", "stats"];
  assert.deepEqual(names("GET /api/v1/query_range"), range);
  assert.deepEqual(Object.keys(form("POST /api/v1/query_range")["properties"] as Node), range);
  assert.deepEqual(form("POST /api/v1/query_range")["required"], ["query", "start", "end", "step"]);
  const matches = (form("POST /api/v1/series")["properties"] as Node)["match[]"] as Node;
  assert.equal(matches["type"], "array");
  assert.deepEqual(names("DELETE /api/v1/admin/budgets"), ["match"]);
  assert.equal(operation("GET /api/v1/admin/budgets")["parameters"], undefined);
  assert.deepEqual(names("POST /api/v1/import"), ["extra_label"]);
});
