import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { goExp, goExp2 } from "../../../dist/promql/math/exp.js";
import { scaleByPower } from "../../../dist/promql/math/float-bits.js";
import { fusedMultiplyAdd } from "../../../dist/promql/math/fused.js";
import { goAcosh, goAsinh, goAtanh, goCosh, goSinh, goTanh } from "../../../dist/promql/math/hyperbolic.js";
import { goLog, goLog2, goLog10 } from "../../../dist/promql/math/log.js";
import { goPow } from "../../../dist/promql/math/power.js";
import {
  goAcos,
  goAsin,
  goAtan,
  goAtan2,
  goCos,
  goSin,
  goTan,
} from "../../../dist/promql/math/trigonometry.js";
import { ROOT } from "../../support/repository.js";

const FUNCTIONS: Readonly<Record<string, (...args: [number, number]) => number>> = {
  ...{ exp: goExp, ln: goLog, log2: goLog2, log10: goLog10, sin: goSin, cos: goCos, tan: goTan },
  ...{ asin: goAsin, acos: goAcos, atan: goAtan, sinh: goSinh, cosh: goCosh, tanh: goTanh },
  ...{ asinh: goAsinh, acosh: goAcosh, atanh: goAtanh, pow: goPow, atan2: goAtan2 },
};

function numberOf(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}

test("every function gives the bits that Go's gives", () => {
  const lines = readFileSync(`${ROOT}/data/go-math/values.txt`, "utf8").trim().split("\n");
  const seen = new Set<string>();
  for (const line of lines) {
    const [name, ...numbers] = line.split(" ") as [string, ...string[]];
    const args = numbers.slice(0, -1).map(numberOf) as [number, number];
    const value = FUNCTIONS[name]!(...args);
    assert.ok(Object.is(value, numberOf(numbers.at(-1)!)), `${line}: ${value}`);
    seen.add(name);
  }
  assert.deepEqual([...seen].sort(), Object.keys(FUNCTIONS).sort());
});

test("powers of two are exact, down to the smallest number", () => {
  for (let power = -1074; power <= 1023; power++) {
    assert.equal(goExp2(power), 2 ** power);
    assert.equal(goLog2(2 ** power), power);
    assert.equal(scaleByPower(1, power), 2 ** power);
    assert.equal(goPow(2, power), 2 ** power);
  }
  assert.equal(goExp2(1024), Number.POSITIVE_INFINITY);
  assert.equal(goExp2(-1076), 0);
});

test("a fused product and sum is the exact one, rounded once", () => {
  const moderate = fc
    .double({ min: -1e60, max: 1e60, noNaN: true })
    .filter((x) => x === 0 || Math.abs(x) > 1e-60);
  // Sums that nearly cancel are where rounding twice shows.
  const triple = fc.tuple(moderate, moderate, fc.oneof(moderate, fc.constant("near" as const)));
  void fc.assert(
    fc.property(triple, ([a, b, third]) => {
      const c = third === "near" ? -a * b : third;
      const [product, sum] = [exactly(a), exactly(c)];
      const other = exactly(b);
      const exponent = Math.min(product.exponent + other.exponent, sum.exponent);
      const total =
        ((product.mantissa * other.mantissa) << BigInt(product.exponent + other.exponent - exponent)) +
        (sum.mantissa << BigInt(sum.exponent - exponent));
      assert.equal(fusedMultiplyAdd(a, b, c) + 0, rounded(total, exponent));
    }),
    { numRuns: 2000 },
  );
});

/** `x` = mantissa × 2^exponent. */
function exactly(x: number): { mantissa: bigint; exponent: number } {
  if (x === 0) return { mantissa: 0n, exponent: 0 };
  let exponent = Math.floor(Math.log2(Math.abs(x))) - 54;
  while (!Number.isInteger(x * 2 ** -exponent)) exponent--;
  return { mantissa: BigInt(x * 2 ** -exponent), exponent };
}

/** mantissa × 2^exponent as the nearest float, the even one of two. */
function rounded(mantissa: bigint, exponent: number): number {
  const size = mantissa < 0n ? -mantissa : mantissa;
  const cut = Math.max(0, size.toString(2).length - 64);
  // The conversion of a BigInt rounds right; a bit stands for all that was cut off.
  const kept = (size >> BigInt(cut)) | (size % (1n << BigInt(cut)) === 0n ? 0n : 1n);
  return (mantissa < 0n ? -1 : 1) * scaleByPower(Number(kept), exponent + cut) + 0;
}
