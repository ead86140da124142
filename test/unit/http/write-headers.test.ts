import * as assert from "node:assert/strict";
import { test } from "node:test";
import { judgeWriteHeaders } from "../../../dist/http/write-headers.js";

const V2 = "io.prometheus.write.v2.Request";

test("protocol follows Content-Type", () => {
  for (const type of [
    "",
    "application/x-protobuf",
    "Application/X-Protobuf",
    "application/x-protobuf;proto=prometheus.WriteRequest",
    'application/x-protobuf; proto="prometheus.WriteRequest"',
    "application/x-protobuf; charset=utf-8",
  ]) {
    assert.equal(judgeWriteHeaders("snappy", type).protocol, 1, type);
  }
  for (const type of [
    `application/x-protobuf;proto=${V2}`,
    `application/x-protobuf; proto=${V2}`,
    `application/x-protobuf ; Proto = "${V2}"`,
  ]) {
    assert.equal(judgeWriteHeaders("snappy", type).protocol, 2, type);
  }
});

test("other types, messages and encodings are refused by name", () => {
  for (const type of [
    "text/plain",
    "application/json",
    "application/x-protobuf;proto=foo.Bar",
    "application/x-protobuf;proto=",
    "application/x-protobufx",
  ]) {
    assert.equal(judgeWriteHeaders("snappy", type).protocol, 0, type);
  }
  for (const encoding of ["gzip", "identity", "snappy, gzip"]) {
    const judged = judgeWriteHeaders(encoding, "application/x-protobuf");
    assert.ok(judged.protocol === 0 && judged.message.includes(encoding), encoding);
  }
});

test("zstd packs messages of 1.0 and no others", () => {
  assert.deepEqual(judgeWriteHeaders("zstd", "application/x-protobuf"), { protocol: 1, packing: "zstd" });
  const judged = judgeWriteHeaders("ZSTD", `application/x-protobuf;proto=${V2}`);
  assert.ok(judged.protocol === 0 && judged.message.includes("2.0"));
  assert.equal(judgeWriteHeaders("zstd", "text/plain").protocol, 0);
});

test("an absent encoding means snappy, whatever the letters' case", () => {
  assert.equal(judgeWriteHeaders("", "").protocol, 1);
  assert.equal(judgeWriteHeaders("SNAPPY", "").protocol, 1);
});

test("a hostile header is cut in the answer", () => {
  const judged = judgeWriteHeaders("x".repeat(60_000), "");
  assert.ok(judged.protocol === 0 && judged.message.length < 250);
});
