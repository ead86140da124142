import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { templateUrl } from "../../../dist/model/url-template.js";

const CASES: readonly (readonly [string, string])[] = [
  ["/users/123", "/users/:id"],
  ["http://shop.example.com/users/123/orders/77", "http://shop.example.com/users/:id/orders/:id"],
  ["https://shop.example.com:8443/", "https://shop.example.com:8443/"],
  ["https://shop.example.com", "https://shop.example.com"],
  ["/files/550e8400-e29b-41d4-a716-446655440000", "/files/:uuid"],
  ["/commit/9f1cde0123456789abcdef0123456789abcdef01", "/commit/:hash"],
  ["/session/01ARZ3NDEKTSV4RRFFQ69G5FAV/end", "/session/:token/end"],
  ["/search?q=shoes&page=2", "/search?q=:value&page=:value"],
  ["/search?flag&empty=", "/search?flag&empty="],
  ["/docs/#part-2", "/docs/"],
  ["/v2/release-notes-for-version-2", "/v2/release-notes-for-version-2"],
  ["/api/v1/query_range", "/api/v1/query_range"],
  ["/price/12.50", "/price/:id"],
  ["login", "login"],
  ["GET /users/1", "GET /users/1"],
  ["", ""],
];

test("what names one thing in a path becomes a placeholder, and everything else stays", () => {
  for (const [url, template] of CASES) assert.equal(templateUrl(url), template, url);
});

test("a template is its own template", async () => {
  for (const [, template] of CASES) assert.equal(templateUrl(template), template);
  await fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), (url) => {
      assert.equal(templateUrl(templateUrl(url)), templateUrl(url));
    }),
  );
});

test("any text is taken", async () => {
  await fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      assert.equal(typeof templateUrl(`/${text}`), "string");
    }),
  );
});
