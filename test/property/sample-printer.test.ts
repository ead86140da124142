/** The printer of the kernel against JavaScript's own shortest decimals, which are Go's but for their exponents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PRINT_BATCH, PRINTED_BYTES_MAX, SamplePrinter } from "../../dist/kernel/sample-printer.js";
import { printFloat } from "../../dist/wire/json-writer.js";

const printer = new SamplePrinter();
const target = new Uint8Array(PRINT_BATCH * PRINTED_BYTES_MAX);

function print(times: readonly number[], values: Float64Array): [number, string][] {
  const end = printer.print(Float64Array.from(times), values, 0, values.length, target, 0);
  return JSON.parse(`[${Buffer.from(target.subarray(1, end)).toString()}]`) as [number, string][];
}

function check(values: Float64Array): void {
  const printed = print(new Array<number>(values.length).fill(0), values).map(([, text]) => text);
  const wanted = Array.from(values, (value) => (Number.isNaN(value) ? "NaN" : printFloat(value)));
  assert.deepEqual(printed, wanted);
}

test("powers of two and of ten, where the gaps between doubles change, and the ends of the range", () => {
  for (let exponent = -1074; exponent < 1024; exponent++)
    check(Float64Array.of(2 ** exponent, -(2 ** exponent)));
  for (let exponent = -323; exponent <= 308; exponent++) check(Float64Array.of(Number(`1e${exponent}`)));
  check(Float64Array.of(5e-324, 2.225073858507201e-308, 2.2250738585072014e-308, Number.MAX_VALUE));
  check(Float64Array.of(0, -0, Number.NaN, Infinity, -Infinity, 1e21, 999999999999999900000, 1e-6, 9.99e-7));
  check(Float64Array.of(2 ** 53, 2 ** 53 + 2, 1e15 - 1, 1e15, 1e15 + 0.5, 0.1, 1 / 3, 100.5, 4.35));
});

test("any bits of a double", () => {
  const words = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), {
    minLength: 1,
    maxLength: PRINT_BATCH,
  });
  fc.assert(
    fc.property(words, (bits) => check(new Float64Array(BigUint64Array.from(bits).buffer))),
    {
      numRuns: 1000,
    },
  );
});

test("decimals as people and programs write them", () => {
  const decimal = fc
    .tuple(fc.integer(), fc.integer({ min: -12, max: 12 }))
    .map(([digits, exponent]) => digits * 10 ** exponent);
  const list = fc.array(decimal, { minLength: 1, maxLength: PRINT_BATCH });
  fc.assert(fc.property(list, (values) => check(Float64Array.from(values))));
});

test("times are seconds with their milliseconds", () => {
  const times = fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: PRINT_BATCH });
  fc.assert(
    fc.property(times, (list) => {
      const printed = print(list, new Float64Array(list.length)).map(([seconds]) =>
        Math.round(seconds * 1000),
      );
      assert.deepEqual(
        printed,
        list.map((ms) => (Object.is(ms, -0) ? 0 : Math.round((ms / 1000) * 1000))),
      );
    }),
  );
  const end = printer.print(
    Float64Array.of(-1, 1000, 1007, 1_790_000_000_120),
    new Float64Array(4),
    0,
    4,
    target,
    0,
  );
  const text = Buffer.from(target.subarray(0, end)).toString();
  assert.equal(text, ',[-0.001,"0"],[1,"0"],[1.007,"0"],[1790000000.120,"0"]');
});
