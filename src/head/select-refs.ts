import { compileMatchers } from "../index/matcher.js";
import { selectPostings } from "../index/select-postings.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { Matcher } from "../model/matcher.js";
import { HeadPostings } from "./head-postings.js";

/**
 * The refs of the head's series that satisfy one of the matcher sets, ascending, whether they have samples or not.
 * `scratch`: a query scratch of the caller alone.
 */
export function selectRefs(
  kernel: Kernel,
  scratch: number,
  sets: readonly (readonly Matcher[])[],
): Uint32Array {
  const index = new HeadPostings(kernel, scratch);
  const found = new Set<number>();
  for (const set of sets) {
    for (const ref of selectPostings(index, compileMatchers(set))) found.add(ref);
  }
  const words = kernel.u32();
  const isSeries = (ref: number): boolean => words[(kernel.seriesAt(ref) + L.S_LABELS_LEN) >>> 2] !== 0;
  return Uint32Array.from(found).filter(isSeries).sort();
}
