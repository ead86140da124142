/** `varve analyze`. */
import { RefusalError } from "../base/errors.js";
import { analyzeBlock, type BlockAnalysis, type NamedCount } from "../block/analyze-block.js";
import type { BlockMeta } from "../block/block-meta.js";
import { BlockSet } from "../block/block-set.js";
import { PageCache } from "../block/page-cache.js";
import { nodeFileSystem as fs } from "../io/node-file-system.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import type { CommandCall } from "./command.js";
import type { Output } from "./output.js";
import { printBytes, printDuration, printTable } from "./print-values.js";

const CACHE_BYTES: number = 64 * 1024 * 1024;

/** As promtool does, of one block: the newest, or the one that is named. */
export async function runAnalyze({ options, operands, out }: CommandCall): Promise<number> {
  const [dir = ""] = operands;
  if (!fs.exists(dir) || !fs.stat(dir).directory) throw new RefusalError("bad_data", `${dir} is no folder`);
  const set = new BlockSet(fs, dir, new PageCache(CACHE_BYTES));
  try {
    const wanted = options.text("block");
    const block = wanted === "" ? set.blocks.at(-1) : set.blocks.find(({ meta }) => meta.ulid === wanted);
    if (block === undefined) {
      throw new RefusalError(
        "bad_data",
        wanted === "" ? `${dir} has no blocks` : `${dir} has no block ${wanted}`,
      );
    }
    const match = options.text("match");
    const analysis = analyzeBlock(block, match === "" ? [] : parseMetricSelector(match));
    const limit = options.number("limit");
    await printLikePromtool(block.meta, analysis, match, limit, out);
    await printCosts(analysis, limit, block.fileBytes, out);
    return 0;
  } finally {
    set.close();
  }
}

async function printLikePromtool(
  meta: BlockMeta,
  analysis: BlockAnalysis,
  match: string,
  limit: number,
  out: Output,
): Promise<void> {
  await out.line(`Block ID: ${meta.ulid}`);
  await out.line(`Duration: ${printDuration(meta.maxTime - meta.minTime)}`);
  await out.line(`Total Series: ${meta.stats.numSeries}`);
  if (match !== "") await out.line(`Matcher: ${match}`);
  await out.line(`Label names: ${analysis.labelNames}`);
  if (match !== "") await out.line(`Matched series: ${analysis.series}`);
  await out.line(`Postings (unique label pairs): ${analysis.labelPairs}`);
  await out.line(`Postings entries (total label pairs): ${analysis.postingEntries}`);
  const lists: [string, readonly NamedCount[]][] = [
    ["Label pairs most involved in churning:", analysis.churningPairs],
    ["Label names most involved in churning:", analysis.churningNames],
    ["Most common label pairs:", analysis.commonPairs],
    ["Label names with highest cumulative label value length:", analysis.valueBytes],
    ["Highest cardinality labels:", analysis.cardinality],
    ["Highest cardinality metric names:", analysis.metricNames],
  ];
  for (const [title, entries] of lists) {
    await out.line(`\n${title}`);
    for (const { name, count } of entries.slice(0, limit)) await out.line(`${count} ${name}`);
  }
}

async function printCosts(
  analysis: BlockAnalysis,
  limit: number,
  fileBytes: number,
  out: Output,
): Promise<void> {
  await out.line("\nWhat each label costs, those first without which fewest series would be left:");
  const rows = analysis.labels
    .slice(0, limit)
    .map((label) => [
      label.name,
      String(label.values),
      String(label.series),
      String(label.seriesWithout),
      `${Math.round(100 * (1 - label.seriesWithout / Math.max(1, analysis.series)))}%`,
      printBytes(label.indexBytes),
      printBytes(label.chunkBytes),
      String(label.churn),
    ]);
  const head = [
    "label",
    "values",
    "series",
    "series without",
    "saved",
    "index",
    "chunks of its series",
    "churn",
  ];
  for (const line of printTable([head, ...rows])) await out.line(line);
  await out.line(`\n${printBytes(fileBytes)} of index and chunks in all`);
}
