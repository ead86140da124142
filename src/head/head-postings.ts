import { worked } from "../base/patience.js";
import type { PostingsSource } from "../index/select-postings.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import { decodeText, encodeKey } from "./label-bytes.js";

/** Of `worked`. */
const WORK_PER_PAIR = 10;

/** The head's index for one query thread: names, pairs and postings in the shared memory, read while written. */
export class HeadPostings implements PostingsSource {
  private readonly kernel: Kernel;
  /** Where this thread puts keys (the first bytes) and postings. */
  private readonly work: number;

  constructor(kernel: Kernel, scratch: number) {
    this.kernel = kernel;
    this.work = scratch + L.Q_TMP;
  }

  allPostings(): Uint32Array {
    const count = this.kernel.seriesCount();
    const refs = new Uint32Array(count);
    for (let i = 0; i < count; i++) refs[i] = i;
    return refs;
  }

  postings(name: string, value: string): Uint32Array {
    const pair = this.find(encodeKey(name, value));
    return pair === 0 ? new Uint32Array(0) : this.read(pair);
  }

  /** How many refs `postings` would return, and maybe some that are being written. */
  countPostings(name: string, value: string): number {
    const pair = this.find(encodeKey(name, value));
    return pair === 0 ? 0 : Atomics.load(this.kernel.u32(), (pair + L.PAIR_COUNT) >>> 2);
  }

  matchingPostings(
    name: string,
    prefix: string,
    accepts: ((value: string) => boolean) | null,
  ): Uint32Array[] {
    const lists: Uint32Array[] = [];
    this.eachPair(name, (value, pair) => {
      if (value.startsWith(prefix) && (accepts === null || accepts(value))) lists.push(this.read(pair));
    });
    return lists;
  }

  /** Calls `visit` with every label name that any series ever had, and where it lies. */
  eachName(visit: (name: string, at: number) => void): void {
    let at = Atomics.load(this.kernel.u32(), (L.CTRL + L.C_NAMES) >>> 2);
    while (at !== 0) {
      visit(this.textAt(at), at);
      at = Atomics.load(this.kernel.u32(), (at + L.NAME_NEXT) >>> 2);
    }
  }

  /** Calls `visit` with every value of `name` and its pair. */
  eachPair(name: string, visit: (value: string, pair: number) => void): void {
    for (let pair = this.firstPair(name); pair !== 0; pair = this.nextPair(pair)) {
      worked(WORK_PER_PAIR);
      visit(this.textAt(pair), pair);
    }
  }

  /** True where `name` has at most `max` values. */
  hasFewValues(name: string, max: number): boolean {
    let left = max;
    let pair = this.firstPair(name);
    for (; pair !== 0 && left > 0; left--) pair = this.nextPair(pair);
    return pair === 0;
  }

  /** 0: none. */
  private firstPair(name: string): number {
    const at = this.find(encodeKey(name));
    return at === 0 ? 0 : Atomics.load(this.kernel.u32(), (at + L.NAME_PAIRS) >>> 2);
  }

  private nextPair(pair: number): number {
    return Atomics.load(this.kernel.u32(), (pair + L.PAIR_NEXT) >>> 2);
  }

  /** Refs of `pair`, ascending. */
  read(pair: number): Uint32Array {
    const count = this.kernel.exports.readPostings(pair, this.kernel.seriesCount(), this.work);
    worked(WORK_PER_PAIR + (count >> 2));
    return this.kernel.u32().slice(this.work >>> 2, (this.work >>> 2) + count);
  }

  private find(key: Uint8Array): number {
    this.kernel.u8().set(key, this.work);
    return this.kernel.exports.findKey(this.work, key.length) >>> 0;
  }

  /** The label name of the pair at `pair`. */
  nameOfPair(pair: number): string {
    return this.textAt(this.kernel.u32()[(pair + L.PAIR_NAME) >>> 2]);
  }

  /** The text of a name, or the value of a pair. */
  textAt(at: number): string {
    const words = this.kernel.u32();
    const keyBytes = words[(at + L.KEY_LEN) >>> 2];
    const textBytes = words[(at + L.KEY_TEXT) >>> 2];
    return decodeText(this.kernel.u8(), at + L.KEY_BYTES + keyBytes - textBytes, textBytes);
  }
}
