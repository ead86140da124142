import { encodeColumns } from "../chunk/encode-columns.js";
import { dropSamples } from "../chunk/merge-columns.js";
import type { ChunkSeries, ChunkSeriesSource, EncodedChunk } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { ChunkReader } from "./chunk-reader.js";
import { ChunkList, type IndexReader } from "./index-reader.js";
import { covers, overlapsAny, type Tombstones } from "./tombstones.js";

/** What is left of a chunk of any size goes into one chunk again. */
const RECODE_LIMITS = { floatSamplesMax: 0xffff, histogramSamplesMax: 0xffff };

/** The strings that the label cache of one pass may hold. */
const SYMBOL_CACHE_MAX = 100_000;

/** A block's series in order, with their chunks as they are; only chunks with deleted samples are re-coded. */
export class BlockChunkSource implements ChunkSeriesSource {
  private readonly index: IndexReader;
  private readonly chunks: ChunkReader;
  private readonly tombstones: Tombstones;

  private readonly mint: number;
  private readonly maxt: number;

  constructor(index: IndexReader, chunks: ChunkReader, tombstones: Tombstones, mint: number, maxt: number) {
    this.mint = mint;
    this.maxt = maxt;
    this.index = index;
    this.chunks = chunks;
    this.tombstones = tombstones;
  }

  symbols(): Iterable<string> {
    return this.index.symbols;
  }

  *series(): IterableIterator<ChunkSeries> {
    const symbols = new Map<number, string>();
    const list = new ChunkList();
    for (const ref of this.index.allPostings()) {
      if (symbols.size > SYMBOL_CACHE_MAX) symbols.clear();
      this.index.chunks(ref, list);
      const chunks = this.loadChunks(ref, list);
      if (chunks.length > 0) yield { labels: this.index.labels(ref, symbols), chunks };
    }
  }

  private loadChunks(ref: number, list: ChunkList): EncodedChunk[] {
    const deleted = this.tombstones.get(ref) ?? [];
    const chunks: EncodedChunk[] = [];
    for (let i = 0; i < list.count; i++) {
      const mint = list.mint[i];
      const maxt = list.maxt[i];
      if (mint > this.maxt || maxt < this.mint || covers(deleted, mint, maxt)) continue;
      if (overlapsAny(deleted, mint, maxt)) {
        const columns = new SampleColumns(256);
        this.chunks.decode(list.refs[i], columns, mint, maxt);
        dropSamples(columns, (timestamp) => covers(deleted, timestamp, timestamp));
        chunks.push(...encodeColumns(columns, RECODE_LIMITS));
        continue;
      }
      this.chunks.load(list.refs[i]);
      chunks.push({ mint, maxt, encoding: this.chunks.encoding, bytes: this.chunks.bytes });
    }
    return chunks;
  }
}
