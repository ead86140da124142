import assert from "node:assert/strict";
import { test } from "node:test";
import { giveBackBuffer, JsonWriter } from "../../../dist/wire/json-writer.js";

function write(text: string): Uint8Array {
  const writer = new JsonWriter();
  writer.raw(text);
  return writer.finish();
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("a buffer that is given back is written to again, another's never", () => {
  const first = write("first");
  const second = write("second");
  assert.notEqual(second.buffer, first.buffer);
  // Lent before the last one, and from elsewhere.
  giveBackBuffer(first);
  const pooled = Buffer.from("pooled");
  giveBackBuffer(pooled);
  assert.notEqual(write("third").buffer, pooled.buffer);
  assert.deepEqual([text(first), text(second), text(pooled)], ["first", "second", "pooled"]);

  const last = write("last");
  giveBackBuffer(last);
  const next = write("next");
  assert.equal(next.buffer, last.buffer);
  assert.equal(text(next), "next");
  assert.notEqual(write("after").buffer, next.buffer);
  assert.equal(text(next), "next");
});

test("of a large answer no buffer is kept", () => {
  const large = write("x".repeat((1 << 20) + 1));
  giveBackBuffer(large);
  assert.notEqual(write("small").buffer, large.buffer);
});
