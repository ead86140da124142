/** Random choices of one seed. */
import { seededRandom } from "../support/random.js";

export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  pick<T>(items: readonly T[]): T {
    const found = items[Math.floor(this.#random() * items.length)];
    if (found === undefined) throw new Error("nothing to pick from");
    return found;
  }

  /** One of `[weight, item]`. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let left = this.#random() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return items.at(-1)![1];
  }

  /** Some of the items, in their order; at least `countMin`. */
  some<T>(items: readonly T[], countMin: number, countMax: number): T[] {
    const left = items.map((_, at) => at);
    const count = Math.min(items.length, this.between(countMin, countMax));
    const taken = Array.from({ length: count }, () => left.splice(this.between(0, left.length - 1), 1)[0]!);
    return taken.sort((a, b) => a - b).map((at) => items[at]!);
  }
}
