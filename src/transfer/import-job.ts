/**
 * One import into a data folder, from its first byte to its last block, such that it may be cut off anywhere and begun
 * again: the same command goes on where the last one ended, and ends in the same data.
 *
 * The working folder `import/KEY` in the data folder holds the runs and `state.json`, which is replaced durably:
 * 1 "reading": these runs hold all samples up to a place in the input;
 * 2 "writing": the input is read; these blocks, named in advance, are to be written out of the runs.
 * A block of the second list that is there, or that went into another block since, is not written again.
 * When all are written the folder goes.
 */
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import { CorruptionError } from "../base/errors.js";
import { listBlocks, removeLeftovers } from "../block/block-folder.js";
import { TMP_FOR_DELETION } from "../block/block-format.js";
import { newBlockUlid } from "../block/block-ulid.js";
import { writeFileDurably } from "../io/durable-file.js";
import type { FileSystem } from "../io/file-system.js";
import { type BlockRange, BlockSpool } from "./block-spool.js";
import { planRanges } from "./import-ranges.js";

/** In the data folder; no reader of blocks looks into it. */
export const IMPORT_FOLDER = "import";
const STATE_FILE = "state.json";

/** How far the input is read: what the reader needs to go on. All plain data. */
export type InputPlace = Readonly<Record<string, number>>;

interface PlannedBlock extends BlockRange {
  readonly ulid: string;
  readonly level: number;
}

interface State {
  readonly phase: "reading" | "writing";
  readonly runs: readonly string[];
  readonly place: InputPlace;
  readonly samples: number;
  readonly blocks: readonly PlannedBlock[];
  /** Of `blocks`, so many are written. */
  readonly written: number;
}

export interface ImportJobOptions {
  readonly fs: FileSystem;
  readonly clock: Clock;
  /** The data folder, whose lock the caller holds. */
  readonly dir: string;
  /** Tells this import from others: a letter or digit at least, no slash. */
  readonly key: string;
  readonly memoryBytesMax: number;
  /** Span of the head's blocks. */
  readonly blockRangeMs: number;
}

export interface WrittenBlock extends BlockRange {
  readonly ulid: string;
}

export class ImportJob {
  readonly spool: BlockSpool;
  /** Where reading goes on; empty at the beginning. */
  place: InputPlace;
  /** True if an earlier, interrupted run of this import is continued. */
  readonly resumed: boolean;
  /** Samples that the runs of an earlier attempt hold. */
  readonly samplesBefore: number;
  private readonly options: ImportJobOptions;
  /** On the disk of the data folder; whatever is in it goes with the import. */
  readonly workFolder: string;
  private state: State;

  constructor(options: ImportJobOptions) {
    this.options = options;
    const { fs, dir, key, clock, memoryBytesMax } = options;
    assert(/^[0-9a-z]+$/.test(key), "an import's key is letters and digits");
    removeLeftovers(fs, dir);
    this.workFolder = `${dir}/${IMPORT_FOLDER}/${key}`;
    fs.removeTree(`${this.workFolder}${TMP_FOR_DELETION}`);
    const found = readState(fs, this.workFolder);
    this.resumed = found !== null;
    this.state = found ?? { phase: "reading", runs: [], place: {}, samples: 0, blocks: [], written: 0 };
    fs.mkdir(this.workFolder);
    this.dropUnknownRuns();
    this.place = this.state.place;
    this.samplesBefore = this.state.samples;
    const newUlid = (): string => newBlockUlid(clock);
    this.spool = new BlockSpool({ fs, dir: this.workFolder, newUlid, memoryBytesMax }, this.state.runs);
  }

  /** True if the input was read to its end before. */
  get isRead(): boolean {
    return this.state.phase === "writing";
  }

  /** Makes everything that came so far durable; reading may go on from `place` after a crash. */
  checkpoint(place: InputPlace): void {
    this.spool.spill();
    this.place = place;
    this.save({ ...this.state, runs: this.spool.runNames, place, samples: this.totalSamples });
  }

  get totalSamples(): number {
    return this.samplesBefore + this.spool.samples;
  }

  /** The input is read: writes the blocks. `progress` hears of each. Returns those that hold samples. */
  finish(progress: (done: number, total: number) => void): WrittenBlock[] {
    const { dir, blockRangeMs, clock } = this.options;
    if (this.state.phase === "reading") {
      this.spool.spill();
      const { ranges, level } = planRanges(this.spool.runRanges(), blockRangeMs);
      const blocks = ranges.map((range) => ({ ...range, level, ulid: newBlockUlid(clock) }));
      const samples = this.totalSamples;
      this.save({
        phase: "writing",
        runs: this.spool.runNames,
        place: this.place,
        samples,
        blocks,
        written: 0,
      });
    }
    const { blocks } = this.state;
    const there = this.knownBlocks();
    for (let i = this.state.written; i < blocks.length; i++) {
      progress(i, blocks.length);
      const { ulid, minTime, maxTime, level } = blocks[i];
      if (!there.has(ulid)) this.spool.writeRange({ minTime, maxTime }, ulid, dir, level);
      this.save({ ...this.state, written: i + 1 });
    }
    progress(blocks.length, blocks.length);
    this.discard();
    const now = this.knownBlocks();
    return blocks.filter(({ ulid }) => now.has(ulid));
  }

  /** Removes the working folder: nothing is left of the import but its blocks. */
  discard(): void {
    const { fs, dir } = this.options;
    // Gone as a whole: what is left of it must not be taken for an import that has just begun.
    const doomed = `${this.workFolder}${TMP_FOR_DELETION}`;
    fs.removeTree(doomed);
    fs.rename(this.workFolder, doomed);
    fs.removeTree(doomed);
    const parent = `${dir}/${IMPORT_FOLDER}`;
    if (fs.exists(parent) && fs.list(parent).length === 0) fs.removeTree(parent);
    fs.fsyncDirectory(dir);
  }

  /** Blocks of the data folder, and those that went into them. */
  private knownBlocks(): Set<string> {
    const { fs, dir } = this.options;
    const known = new Set<string>();
    for (const { ulid, compaction } of listBlocks(fs, dir).metas) {
      known.add(ulid);
      for (const source of compaction.sources) known.add(source);
      for (const parent of compaction.parents) known.add(parent.ulid);
    }
    return known;
  }

  /** Runs that were written but not yet noted are read again from the input. */
  private dropUnknownRuns(): void {
    const { fs } = this.options;
    const known = new Set([...this.state.runs, STATE_FILE]);
    for (const name of fs.list(this.workFolder)) {
      if (!known.has(name)) fs.removeTree(`${this.workFolder}/${name}`);
    }
  }

  private save(state: State): void {
    this.state = state;
    const bytes = new TextEncoder().encode(`${JSON.stringify(state)}\n`);
    writeFileDurably(this.options.fs, this.workFolder, STATE_FILE, bytes);
  }
}

function readState(fs: FileSystem, folder: string): State | null {
  const file = `${folder}/${STATE_FILE}`;
  if (!fs.exists(file)) return null;
  try {
    return JSON.parse(new TextDecoder().decode(fs.readFile(file))) as State;
  } catch {
    // It is replaced as a whole: what cannot be read was damaged by something else.
    throw new CorruptionError(file, 0, "not the state of an import; remove the folder to begin anew");
  }
}
