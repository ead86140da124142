import { leadingZeros, trailingZeros } from "./xor-value.js";

/**
 * Chooses the windows of an XOR chunk so that its values take the fewest bits.
 *
 * Prometheus opens a window where a value does not fit the last one and keeps it as long as values fit, however
 * wide it is. A reader takes any window that covers the value's bits, so the run of changed values may be split
 * into windows freely: a window costs 11 bits, a value in it 2 bits and the window's width. The cheapest split is
 * found by dynamic programming over the last `RUN_MAX` changed values (longer windows are joined for free by
 * opening the same one again, at 11 bits a time).
 *
 * On the recorded node_exporter values: 6.1 % fewer bytes for values than Prometheus' rule, at 28 ns a sample;
 * looking back 128 values instead of 32 gains 0.1 % more and doubles the time.
 */
const RUN_MAX = 32;
const WINDOW_BITS = 11;
const VALUE_BITS = 2;
/** Five bits hold the leading zeros. */
const LEADING_MAX = 31;

export class XorWindowPlan {
  /** For each changed value: the window to write it in (leading and trailing zero bits). */
  leading: Uint8Array = new Uint8Array(0);
  trailing: Uint8Array = new Uint8Array(0);
  /** 1 where a changed value opens its window. */
  opens: Uint8Array = new Uint8Array(0);
  private cost: Float64Array = new Float64Array(1);
  private runStart: Uint32Array = new Uint32Array(1);
  private zerosLeading: Uint8Array = new Uint8Array(0);
  private zerosTrailing: Uint8Array = new Uint8Array(0);

  /** Plans samples [start, end), two words a value, low word first. */
  plan(valueWords: Uint32Array, start: number, end: number): void {
    this.reserve(end - start);
    const { zerosLeading, zerosTrailing } = this;
    let changed = 0;
    for (let i = start + 1; i < end; i++) {
      const low = (valueWords[2 * i] ^ valueWords[2 * i - 2]) >>> 0;
      const high = (valueWords[2 * i + 1] ^ valueWords[2 * i - 1]) >>> 0;
      if (low === 0 && high === 0) continue;
      zerosLeading[changed] = Math.min(leadingZeros(high, low), LEADING_MAX);
      zerosTrailing[changed++] = trailingZeros(high, low);
    }
    this.split(changed);
    this.fill(changed);
  }

  /** cost[j]: bits of the first j changed values at best; runStart[j]: where the last window of that begins. */
  private split(changed: number): void {
    const { cost, runStart, zerosLeading, zerosTrailing } = this;
    cost[0] = 0;
    for (let j = 1; j <= changed; j++) {
      let leading = 64;
      let trailing = 64;
      let best = Number.POSITIVE_INFINITY;
      let bestStart = j - 1;
      const first = Math.max(0, j - RUN_MAX);
      for (let i = j - 1; i >= first; i--) {
        if (zerosLeading[i] < leading) leading = zerosLeading[i];
        if (zerosTrailing[i] < trailing) trailing = zerosTrailing[i];
        const bits = cost[i] + WINDOW_BITS + (j - i) * (VALUE_BITS + 64 - leading - trailing);
        if (bits < best) {
          best = bits;
          bestStart = i;
        }
      }
      cost[j] = best;
      runStart[j] = bestStart;
    }
  }

  private fill(changed: number): void {
    const { leading, trailing, opens, runStart, zerosLeading, zerosTrailing } = this;
    let end = changed;
    while (end > 0) {
      const start = runStart[end];
      let least = 64;
      let leastTrailing = 64;
      for (let i = start; i < end; i++) {
        if (zerosLeading[i] < least) least = zerosLeading[i];
        if (zerosTrailing[i] < leastTrailing) leastTrailing = zerosTrailing[i];
      }
      leading.fill(least, start, end);
      trailing.fill(leastTrailing, start, end);
      opens.fill(0, start, end);
      opens[start] = 1;
      end = start;
    }
    // A window that is the same as the one before need not be opened again.
    for (let i = 1; i < changed; i++) {
      if (leading[i] === leading[i - 1] && trailing[i] === trailing[i - 1]) opens[i] = 0;
    }
  }

  private reserve(samples: number): void {
    if (samples <= this.leading.length) return;
    const size = Math.max(1024, samples, this.leading.length * 2);
    this.leading = new Uint8Array(size);
    this.trailing = new Uint8Array(size);
    this.opens = new Uint8Array(size);
    this.zerosLeading = new Uint8Array(size);
    this.zerosTrailing = new Uint8Array(size);
    this.cost = new Float64Array(size + 1);
    this.runStart = new Uint32Array(size + 1);
  }
}
