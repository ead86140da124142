import type { SampleColumns } from "../storage/columns.js";

/**
 * Merges columns by time into `target` (replacing its content). Where several have a sample at the same time,
 * the one of the first column wins. `target` is none of `sources`.
 */
export function mergeColumns(sources: readonly SampleColumns[], target: SampleColumns): void {
  target.clear();
  let total = 0;
  for (const source of sources) total += source.count;
  target.reserve(total);
  const positions = new Uint32Array(sources.length);
  for (;;) {
    let from = -1;
    let earliest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < sources.length; i++) {
      const at = positions[i];
      if (at < sources[i].count && sources[i].timestamps[at] < earliest) {
        earliest = sources[i].timestamps[at];
        from = i;
      }
    }
    if (from < 0) return;
    copySample(sources[from], positions[from], target);
    for (let i = 0; i < sources.length; i++) {
      const at = positions[i];
      if (at < sources[i].count && sources[i].timestamps[at] === earliest) positions[i]++;
    }
  }
}

/** Appends sample `index` of `source` to `target`, which has room. */
function copySample(source: SampleColumns, index: number, target: SampleColumns): void {
  const at = target.count++;
  target.timestamps[at] = source.timestamps[index];
  target.valueWords[2 * at] = source.valueWords[2 * index];
  target.valueWords[2 * at + 1] = source.valueWords[2 * index + 1];
  const histogram = source.histograms?.[index];
  if (histogram !== undefined) target.histograms ??= new Array(at).fill(undefined);
  if (target.histograms !== null) target.histograms[at] = histogram;
  if (source.startTimestamps !== null) target.startTimestamps ??= new Float64Array(target.capacity);
  if (target.startTimestamps !== null) target.startTimestamps[at] = source.startTimestamps?.[index] ?? 0;
}

/** Removes the samples of `columns` for which `drop` is true of the timestamp. */
export function dropSamples(columns: SampleColumns, drop: (timestamp: number) => boolean): void {
  let kept = 0;
  for (let i = 0; i < columns.count; i++) {
    if (drop(columns.timestamps[i])) continue;
    if (kept !== i) {
      columns.timestamps[kept] = columns.timestamps[i];
      columns.valueWords[2 * kept] = columns.valueWords[2 * i];
      columns.valueWords[2 * kept + 1] = columns.valueWords[2 * i + 1];
      if (columns.histograms !== null) columns.histograms[kept] = columns.histograms[i];
    }
    kept++;
  }
  columns.count = kept;
  if (columns.histograms !== null) columns.histograms.length = kept;
}

/** True if timestamps ascend strictly. */
export function isAscending(columns: SampleColumns): boolean {
  const { timestamps, count } = columns;
  for (let i = 1; i < count; i++) if (timestamps[i] <= timestamps[i - 1]) return false;
  return true;
}
