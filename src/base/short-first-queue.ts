/**
 * Work that waits, the short before the long: a place counts for `PASSES` times its cost plus all that was taken out
 * before it came. So what is short passes everything long that waits, and nothing is passed by more than `PASSES`
 * times its own cost.
 */
export class ShortFirstQueue<T> {
  private readonly places: { readonly item: T; readonly cost: number; readonly rank: number }[] = [];
  private taken = 0;

  get length(): number {
    return this.places.length;
  }

  /** `cost`: in any unit, not negative. */
  push(item: T, cost: number): void {
    const rank = this.taken + PASSES * cost;
    let at = this.places.length;
    while (at > 0 && (this.places[at - 1]?.rank ?? 0) > rank) at--;
    this.places.splice(at, 0, { item, cost, rank });
  }

  /** The next one, which stays. */
  first(): T | undefined {
    return this.places[0]?.item;
  }

  take(): T | undefined {
    const place = this.places.shift();
    this.taken += place?.cost ?? 0;
    return place?.item;
  }

  /** Takes `item` out without its turn having come. */
  remove(item: T): void {
    const at = this.places.findIndex((place) => place.item === item);
    if (at >= 0) this.places.splice(at, 1);
  }
}

/** More than there are requests with a slot: all of them may be large. */
export const PASSES = 256;
