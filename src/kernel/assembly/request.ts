// What the scan of a request leaves behind: columns of samples, series still to be resolved, and the cold
// parts (histograms, exemplars, metadata) that JavaScript decodes.
import {
  COLD_BYTES, COLD_MAX, R_COLD, R_OPEN, R_REF, R_T, R_V, SAMPLES_MAX, SERIES_PER_REQUEST_MAX,
} from "./layout";

export let sampleCount: u32 = 0;
export let openCount: u32 = 0;
export let coldCount: u32 = 0;

export const OPEN_BYTES: u32 = 24;
export const OPEN_AT: usize = 0; // u32 label bytes, or the whole series message where OPEN_SCATTERED
export const OPEN_LEN: usize = 4; // u32
export const OPEN_SAMPLE: usize = 8; // u32 first sample
export const OPEN_SAMPLE_END: usize = 12; // u32
export const OPEN_COLD: usize = 16; // u32 first cold entry
export const OPEN_COLD_END: usize = 20; // u32, OPEN_SCATTERED in its top bit
export const OPEN_SCATTERED: u32 = 0x80000000;

export const COLD_KIND: usize = 0; // u32 COLD_*, 0: its series was refused
export const COLD_REF: usize = 4; // u32
export const COLD_AT: usize = 8; // u32
export const COLD_LEN: usize = 12; // u32

export function resetRequest(): void {
  sampleCount = 0;
  openCount = 0;
  coldCount = 0;
}

/** Takes back what a series added, to scan it once more. */
export function rewind(samples: u32, cold: u32): void {
  sampleCount = samples;
  coldCount = cold;
}

// @ts-ignore: decorator
@inline
export function addSample(scratch: usize, ref: u32, t: i64, v: u64): bool {
  const n = sampleCount;
  if (n >= SAMPLES_MAX) return false;
  store<u32>(scratch + (n << 2), ref, R_REF);
  store<i64>(scratch + (n << 3), t, R_T);
  store<u64>(scratch + (n << 3), v, R_V);
  sampleCount = n + 1;
  return true;
}

export function addCold(scratch: usize, kind: u32, ref: u32, at: usize, length: u32): bool {
  if (coldCount >= COLD_MAX) return false;
  const entry = scratch + R_COLD + coldCount * COLD_BYTES;
  store<u32>(entry, kind, COLD_KIND);
  store<u32>(entry, ref, COLD_REF);
  store<u32>(entry, <u32>at, COLD_AT);
  store<u32>(entry, length, COLD_LEN);
  coldCount++;
  return true;
}

/** A series whose ref is not known yet; it owns what was added since `firstSample` and `firstCold`. */
export function addOpen(scratch: usize, at: usize, length: u32, firstSample: u32, firstCold: u32, scattered: bool): bool {
  if (openCount >= SERIES_PER_REQUEST_MAX) return false;
  const entry = scratch + R_OPEN + openCount * OPEN_BYTES;
  store<u32>(entry, <u32>at, OPEN_AT);
  store<u32>(entry, length, OPEN_LEN);
  store<u32>(entry, firstSample, OPEN_SAMPLE);
  store<u32>(entry, sampleCount, OPEN_SAMPLE_END);
  store<u32>(entry, firstCold, OPEN_COLD);
  store<u32>(entry, scattered ? coldCount | OPEN_SCATTERED : coldCount, OPEN_COLD_END);
  openCount++;
  return true;
}
