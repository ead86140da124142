/**
 * A bounded queue that is fair to its clients: they take turns, each with its oldest entry, and whoever fills the
 * queue up is the one whose entries leave it again.
 */
export class FairQueue<T> {
  private readonly sizeMax: number;
  /** In the order in which their turns come. */
  private readonly byClient = new Map<string, T[]>();
  private count = 0;

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
  }

  get size(): number {
    return this.count;
  }

  /** Null where there was room; else what had to leave: the newest entry of the client with most, or `item`. */
  push(client: string, item: T): T | null {
    const own = this.byClient.get(client);
    if (this.count < this.sizeMax) {
      this.count++;
      if (own === undefined) this.byClient.set(client, [item]);
      else own.push(item);
      return null;
    }
    const longest = this.longest();
    if (longest === null || longest.length <= (own?.length ?? 0) + 1) return item;
    const left = longest.pop() as T;
    this.count--;
    this.push(client, item);
    return left;
  }

  /** The next entry of the clients that `may` have one now; null where there is none. */
  shift(may: (client: string) => boolean): T | null {
    for (const [client, items] of this.byClient) {
      if (!may(client)) continue;
      const item = items.shift() as T;
      this.count--;
      this.byClient.delete(client);
      if (items.length > 0) this.byClient.set(client, items);
      return item;
    }
    return null;
  }

  /** Takes an entry out before its turn; false where it is not there. */
  remove(client: string, item: T): boolean {
    const items = this.byClient.get(client);
    const at = items?.indexOf(item) ?? -1;
    if (items === undefined || at < 0) return false;
    items.splice(at, 1);
    this.count--;
    if (items.length === 0) this.byClient.delete(client);
    return true;
  }

  private longest(): T[] | null {
    let longest: T[] | null = null;
    for (const items of this.byClient.values()) {
      if (items.length > (longest?.length ?? 0)) longest = items;
    }
    return longest;
  }
}
