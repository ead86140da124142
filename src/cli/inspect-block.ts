/** Blocks and their files, readably. */
import { RefusalError } from "../base/errors.js";
import { CHUNKS_HEADER_BYTES } from "../block/block-format.js";
import { readMeta } from "../block/block-meta.js";
import { openBlock } from "../block/block-reader.js";
import { ChunkReader } from "../block/chunk-reader.js";
import { ChunkList, IndexReader } from "../block/index-reader.js";
import { PageCache } from "../block/page-cache.js";
import { readTombstones } from "../block/tombstones.js";
import { compileMatchers } from "../index/matcher.js";
import { selectPostings } from "../index/select-postings.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import type { Histogram } from "../model/histogram.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import { SampleColumns } from "../storage/columns.js";
import type { InspectView } from "./inspect-view.js";
import type { Output } from "./output.js";
import { printBytes, printRange, printTime } from "./print-values.js";

const CACHE_BYTES: number = 16 * 1024 * 1024;
const ENCODINGS: Readonly<Record<number, string>> = {
  1: "float (XOR)",
  2: "histogram",
  3: "float histogram",
};

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end);
}

export async function inspectMeta(path: string, out: Output): Promise<number> {
  const { ulid, minTime, maxTime, stats, compaction } = readMeta(fs, folderOf(path));
  await out.line(`block ${ulid}`);
  await out.line(`  ${printRange(minTime, maxTime - 1)} (${minTime} to ${maxTime}, the end exclusive)`);
  for (const [name, count] of Object.entries(stats)) await out.line(`  ${name} ${count}`);
  await out.line(`  level ${compaction.level}, sources ${compaction.sources.join(" ")}`);
  for (const parent of compaction.parents) {
    await out.line(`  replaces ${parent.ulid}: ${printRange(parent.minTime, parent.maxTime - 1)}`);
  }
  if (compaction.hints.length > 0) await out.line(`  hints ${compaction.hints.join(" ")}`);
  if (compaction.failed) await out.line("  its compaction failed");
  return 0;
}

export async function inspectBlock(path: string, view: InspectView, out: Output): Promise<number> {
  await inspectMeta(`${path}/meta.json`, out);
  const block = openBlock(fs, path, new PageCache(CACHE_BYTES));
  try {
    await out.line(`  ${printBytes(block.fileBytes)} of index and chunks`);
    const deleted = [...block.tombstones.values()].reduce((sum, intervals) => sum + intervals.length, 0);
    await out.line(`  ${deleted} deleted intervals`);
    await printSeries(block.index, view, out, async (ref, list) => {
      const columns = new SampleColumns();
      for (let i = 0; i < list.count; i++) {
        columns.clear();
        const chunk = list.refs[i] ?? 0;
        block.chunks.decode(chunk, columns, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
        const kind = ENCODINGS[block.chunks.encoding] ?? "unknown";
        await out.line(
          `    chunk ${chunk}: ${kind}, ${columns.count} samples, ${block.chunks.bytes.length} bytes`,
        );
        await out.line(`      ${printRange(list.mint[i] ?? 0, list.maxt[i] ?? 0)}`);
        if (view.match !== "") await printSamples(columns, view.limit, out);
      }
      for (const { mint, maxt } of block.deletedIntervals(ref))
        await out.line(`    deleted ${printRange(mint, maxt)}`);
    });
  } finally {
    block.close();
  }
  return 0;
}

export async function inspectIndex(path: string, view: InspectView, out: Output): Promise<number> {
  const index = new IndexReader(fs, path, new PageCache(CACHE_BYTES));
  try {
    await out.line(`index: ${printBytes(fs.stat(path).bytes)}, ${index.symbols.count} symbols`);
    for (const name of index.table.labelNames()) {
      await out.line(`  label ${name}: ${index.table.valueCount(name)} values`);
    }
    await printSeries(index, view, out, async (_ref, list) => {
      for (let i = 0; i < list.count; i++) {
        await out.line(`    chunk ${list.refs[i]}: ${printRange(list.mint[i] ?? 0, list.maxt[i] ?? 0)}`);
      }
    });
  } finally {
    index.close();
  }
  return 0;
}

async function printSeries(
  index: IndexReader,
  { match, limit }: InspectView,
  out: Output,
  more: (ref: number, list: ChunkList) => Promise<void>,
): Promise<void> {
  const matchers = match === "" ? null : parseMetricSelector(match);
  const refs = matchers === null ? index.allPostings() : selectPostings(index, compileMatchers(matchers));
  await out.line(`${refs.length} series`);
  const list = new ChunkList();
  const symbols = new Map<number, string>();
  for (const ref of refs.subarray(0, limit)) {
    index.chunks(ref, list);
    await out.line(`  series ${ref}: ${index.labels(ref, symbols)}, ${list.count} chunks`);
    await more(ref, list);
  }
  if (refs.length > limit) await out.line(`… and ${refs.length - limit} more (--limit, --match)`);
}

export async function inspectChunks(
  path: string,
  { limit, offset }: InspectView,
  out: Output,
): Promise<number> {
  const segment = Number(path.slice(path.lastIndexOf("/") + 1)) - 1;
  if (!(segment >= 0)) throw new RefusalError("bad_data", "a file of chunks has a number for a name");
  const chunks = new ChunkReader(fs, folderOf(path), new PageCache(CACHE_BYTES));
  const { bytes } = fs.stat(path);
  await out.line(`chunks: ${printBytes(bytes)}`);
  try {
    const columns = new SampleColumns();
    let at = Math.max(CHUNKS_HEADER_BYTES, offset);
    let shown = 0;
    for (; at < bytes && shown < limit; shown++) {
      columns.clear();
      const ref = segment * 2 ** 32 + at;
      chunks.decode(ref, columns, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      const kind = ENCODINGS[chunks.encoding] ?? "unknown";
      const [first = 0, last = 0] = [columns.timestamps[0], columns.timestamps[columns.count - 1]];
      await out.line(`  at ${at}: ${kind}, ${columns.count} samples, ${chunks.bytes.length} bytes`);
      await out.line(`    ${printRange(first, last)}`);
      if (offset > 0) await printSamples(columns, limit, out);
      const length = chunks.bytes.length;
      at += lengthBytes(length) + 1 + length + 4;
    }
    if (at < bytes) await out.line(`… and more from ${at} on (--limit, --offset)`);
  } finally {
    chunks.close();
  }
  return 0;
}

/** Bytes of a chunk's length as uvarint. */
function lengthBytes(length: number): number {
  let count = 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) count++;
  return count;
}

export async function inspectTombstones(path: string, out: Output): Promise<number> {
  const tombstones = readTombstones(fs, folderOf(path));
  await out.line(`tombstones of ${tombstones.size} series`);
  for (const [ref, intervals] of tombstones) {
    for (const { mint, maxt } of intervals) await out.line(`  series ${ref}: ${printRange(mint, maxt)}`);
  }
  return 0;
}

async function printSamples(columns: SampleColumns, limit: number, out: Output): Promise<void> {
  for (let i = 0; i < Math.min(columns.count, limit); i++) {
    const histogram = columns.histograms?.[i];
    const value = histogram === undefined ? String(columns.values[i]) : printHistogram(histogram);
    await out.line(`      ${printTime(columns.timestamps[i] ?? 0)} ${value}`);
  }
  if (columns.count > limit) await out.line(`      … and ${columns.count - limit} more`);
}

function printHistogram({
  schema,
  count,
  sum,
  zeroCount,
  positiveBuckets,
  negativeBuckets,
}: Histogram): string {
  const buckets = [...Array.from(negativeBuckets), ...Array.from(positiveBuckets)].join(" ");
  return `histogram of schema ${schema}: count ${count}, sum ${sum}, zero ${zeroCount}, buckets ${buckets}`;
}
