/**
 * The writer of the log. Everything that waits when the disk becomes free goes out as one group: one writev
 * that syncs, then every submitter of the group is told. Lives on the main thread; the only file of the
 * engine with promises, some for a group and none for a submission.
 *
 * Invariants:
 * G1 `done` hears of success only after the group's bytes, the segment's header and its name are as durable as
 *    the durability asks.
 * G2 A segment that saw a failed write or sync is never written again: after a failed fsync the kernel may have
 *    dropped the very pages it could not write, and a second fsync would then report success (the PostgreSQL
 *    "fsyncgate" of 2018). It is truncated to its last durable byte, best effort; what remains behind it was
 *    refused, and replaying it is harmless because every record may be replayed twice.
 * G3 Segment numbers only grow: a failed attempt uses its number up, and a restart begins behind the last file.
 *
 * The queue has no bound of its own: a submission holds a slot of the shared memory until `done`, so there are
 * never more than there are slots.
 */
import { dirname } from "node:path";
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { FileSystem } from "../io/file-system.js";
import { encodeSegmentHeader, RECORD_ALIGNMENT, SEGMENT_HEADER_BYTES } from "./record-format.js";
import { type LogPlace, listSegments, SEGMENT_NUMBER_MAX, segmentPath } from "./segments.js";

/** What a 2xx waits for: the disk, the operating system, nothing (then nothing is written at all). */
export type Durability = "fsync" | "write" | "memory";

/** Records that go in front of a group, such as the series which its sample records refer to. */
export interface Prologue {
  /**
   * Called once for each group, when it is put together. The bytes stay unchanged until the verdict. Where it
   * throws, the group is refused and `failed` follows.
   */
  take(): readonly Uint8Array[];
  /** What the last `take` gave is durable. Called before the group's submitters are told. */
  durable(): void;
  /** It is not: the next `take` must give it again. Called before the group's submitters are told. */
  failed(): void;
}

export interface GroupCommitOptions {
  readonly durability: Durability;
  readonly clock: Clock;
  readonly prologue?: Prologue;
  /** A segment that would grow beyond this is closed first; a larger group gets a segment of its own. */
  readonly segmentBytesMax?: number;
  /** No segment gets a smaller number: those are covered by a checkpoint. Default 1. */
  readonly firstSegment?: number;
  /** Time between two attempts while the disk fails. */
  readonly retryIntervalMs?: number;
  /** Hears of each change between "ok" and "degraded". */
  readonly onStatus?: (status: LogStatus) => void;
}

export type LogStatus =
  | { readonly state: "ok" }
  | { readonly state: "degraded"; readonly reason: string }
  | { readonly state: "closed" };

/** `place` is where the first byte of the submission lies; null with durability "memory" and with an error. */
export type CommitDone = (place: LogPlace | null, error: Error | null) => void;

const SEGMENT_BYTES_MAX_DEFAULT: number = 128 * 1024 * 1024;
const RETRY_INTERVAL_MS_DEFAULT = 1000;

/** Upper bounds of the buckets of `syncMsCounts`; one more bucket holds what is slower. */
export const SYNC_MS_BOUNDS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
];

/** What goes out together. `dones[i]` submitted the `sizes[i]` bytes that follow those of `dones[i - 1]`. */
interface Group {
  buffers: Uint8Array[];
  dones: CommitDone[];
  sizes: number[];
  bytes: number;
}

interface OpenSegment {
  readonly segment: number;
  readonly fd: number;
  /** Everything before it is durable; the next group is written here. 0 until the header is. */
  durableBytes: number;
}

export class GroupCommit {
  /** Groups that became durable. */
  commits = 0;
  /** Submissions that became durable. */
  submissions = 0;
  /** Bytes that became durable, segment headers not counted. */
  bytes = 0;
  /** Groups that failed. */
  failures = 0;
  /** Submissions answered with an error, whether tried or not. */
  refused = 0;
  /** Groups by the duration of their write and sync; see SYNC_MS_BOUNDS. Only groups that became durable. */
  readonly syncMsCounts: Float64Array = new Float64Array(SYNC_MS_BOUNDS.length + 1);
  syncMsSum = 0;

  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly durability: Durability;
  private readonly clock: Clock;
  private readonly prologue: Prologue | undefined;
  private readonly segmentBytesMax: number;
  private readonly retryIntervalMs: number;
  private readonly onStatus: (status: LogStatus) => void;

  private current: OpenSegment | null = null;
  private nextSegment: number;
  private waiting: Group = emptyGroup();
  private running = false;
  private probing = false;
  private retryAtMs = 0;
  private statusNow: LogStatus = { state: "ok" };
  private whenIdle: (() => void)[] = [];
  private cleanup: Promise<void> = Promise.resolve();

  /**
   * Creates the folder `dir` where it is absent and begins a new segment behind those that are there, with the
   * first group. Throws Node's error if the folder cannot be made or read.
   */
  constructor(fs: FileSystem, dir: string, options: GroupCommitOptions) {
    this.fs = fs;
    this.dir = dir;
    this.durability = options.durability;
    this.clock = options.clock;
    this.prologue = options.prologue;
    this.segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX_DEFAULT;
    this.retryIntervalMs = options.retryIntervalMs ?? RETRY_INTERVAL_MS_DEFAULT;
    this.onStatus = options.onStatus ?? ((): void => {});
    if (!fs.exists(dir)) fs.mkdir(dir);
    // Also where the folder is there: the process that made it may have been killed before this line.
    fs.fsyncDirectory(dirname(dir));
    this.nextSegment = Math.max((listSegments(fs, dir).at(-1) ?? 0) + 1, options.firstSegment ?? 1);
  }

  get status(): LogStatus {
    return this.statusNow;
  }

  /** The segment being written, or the one that the next group begins. Segments below it never change. */
  get segment(): number {
    return this.current?.segment ?? this.nextSegment;
  }

  /** Durable bytes of the segment being written. */
  get segmentBytes(): number {
    return this.current?.durableBytes ?? 0;
  }

  /** Behind everything that is durable. */
  get end(): LogPlace {
    return { segment: this.segment, offset: this.segmentBytes };
  }

  /**
   * Queues whole records (together a multiple of 8 bytes, none at all for a mere barrier) and calls `done`
   * once: with their place when they and everything submitted before are durable, or with a RefusalError when
   * they are not and never will be. The buffers must not change until then. While degraded `done` is called
   * before `submit` returns, else always later.
   */
  submit(buffers: readonly Uint8Array[], done: CommitDone): void {
    if (this.statusNow.state !== "ok") {
      if (!this.canProbe()) {
        this.refused++;
        done(null, this.refusal());
        return;
      }
      this.probing = true;
    }
    const bytes = totalBytes(buffers);
    assert(bytes % RECORD_ALIGNMENT === 0, `${bytes} bytes submitted to the log are not whole records`);
    const { waiting } = this;
    for (const buffer of buffers) if (buffer.length > 0) waiting.buffers.push(buffer);
    waiting.dones.push(done);
    waiting.sizes.push(bytes);
    waiting.bytes += bytes;
    this.wake();
  }

  /**
   * Tries the disk again if it failed and the retry interval has passed; else does nothing. For a timer, so
   * that the log recovers while no sender tries.
   */
  probe(): void {
    if (this.canProbe()) this.submit([], () => {});
  }

  /** Commits what waits and closes the segment; later submissions are refused. Resolves, never rejects. */
  async close(): Promise<void> {
    if (this.statusNow.state !== "closed") this.setStatus({ state: "closed" });
    if (this.running) await new Promise<void>((resolve) => this.whenIdle.push(resolve));
    await this.cleanup;
    const open = this.current;
    this.current = null;
    if (open === null) return;
    if (this.durability === "write") await this.fs.fdatasyncAsync(open.fd).catch(() => {});
    this.closeQuietly(open.fd);
  }

  private canProbe(): boolean {
    return this.statusNow.state === "degraded" && !this.probing && this.clock.monotonicMs() >= this.retryAtMs;
  }

  /** Starts the loop in the next turn, so that what arrives in this one shares a group. */
  private wake(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    while (this.waiting.dones.length > 0) {
      const group = this.waiting;
      this.waiting = emptyGroup();
      const prologue = this.takePrologue();
      if (prologue instanceof Error) {
        this.probing = false;
        this.refuse(group, prologue.message);
        continue;
      }
      let place: LogPlace | null = null;
      let failure: unknown = null;
      try {
        if (this.durability !== "memory") place = await this.write(group, prologue);
      } catch (error) {
        failure = error;
      }
      if (failure === null) this.succeed(group, place);
      else this.fail(group, failure);
    }
    this.running = false;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }

  /** An error (no memory for the records) fails this group alone: nothing of it was written. */
  private takePrologue(): readonly Uint8Array[] | Error {
    try {
      return this.prologue?.take() ?? [];
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Where the first submission of the group begins. */
  private async write(group: Group, prologue: readonly Uint8Array[]): Promise<LogPlace> {
    const startMs = this.clock.monotonicMs();
    const prologueBytes = totalBytes(prologue);
    assert(prologueBytes % RECORD_ALIGNMENT === 0, "the prologue is not whole records");
    const open = this.segmentFor(prologueBytes + group.bytes);
    const created = open.durableBytes === 0;
    const header = created ? [encodeSegmentHeader(open.segment, this.clock.nowMs())] : [];
    const start = open.durableBytes + (created ? SEGMENT_HEADER_BYTES : 0);
    const buffers = [...header, ...prologue, ...group.buffers];
    if (buffers.length > 0) {
      await this.fs.writevAsync(open.fd, buffers, open.durableBytes);
      if (created && this.durability === "fsync") await this.fs.fsyncDirectoryAsync(this.dir);
    }
    open.durableBytes = start + prologueBytes + group.bytes;
    this.bytes += prologueBytes + group.bytes;
    this.countSync(this.clock.monotonicMs() - startMs);
    return { segment: open.segment, offset: start + prologueBytes };
  }

  /** The open segment, or a new one if there is none or the group would make it too long. */
  private segmentFor(bytes: number): OpenSegment {
    const open = this.current;
    if (open !== null && open.durableBytes + bytes <= this.segmentBytesMax) return open;
    if (open !== null) {
      this.current = null;
      this.closeQuietly(open.fd);
    }
    assert(this.nextSegment <= SEGMENT_NUMBER_MAX, "the log has used up its segment numbers");
    const segment = this.nextSegment++;
    const fd = this.fs.open(segmentPath(this.dir, segment), this.durability === "fsync" ? "wxs" : "wx");
    this.current = { segment, fd, durableBytes: 0 };
    return this.current;
  }

  private succeed(group: Group, first: LogPlace | null): void {
    this.commits++;
    this.submissions += group.dones.length;
    this.probing = false;
    if (this.statusNow.state === "degraded") this.setStatus({ state: "ok" });
    this.prologue?.durable();
    let offset = first?.offset ?? 0;
    for (let i = 0; i < group.dones.length; i++) {
      group.dones[i](first === null ? null : { segment: first.segment, offset }, null);
      offset += group.sizes[i];
    }
  }

  private fail(group: Group, failure: unknown): void {
    this.failures++;
    this.probing = false;
    const reason = failure instanceof Error ? failure.message : String(failure);
    this.retryAtMs = this.clock.monotonicMs() + this.retryIntervalMs;
    const broken = this.current;
    this.current = null;
    if (broken !== null) this.cleanup = Promise.all([this.cleanup, this.abandon(broken)]).then(() => {});
    if (this.statusNow.state !== "closed") this.setStatus({ state: "degraded", reason });
    const late = this.waiting;
    this.waiting = emptyGroup();
    group.dones.push(...late.dones);
    this.refuse(group, reason);
  }

  private refuse(group: Group, reason: string): void {
    this.prologue?.failed();
    this.refused += group.dones.length;
    const refusal = new RefusalError("storage_failed", `the log could not be written: ${reason}`);
    for (const done of group.dones) done(null, refusal);
  }

  /** Takes the refused bytes away again as far as the disk allows, and closes the segment for ever (G2). */
  private async abandon(broken: OpenSegment): Promise<void> {
    const { fs } = this;
    try {
      if (broken.durableBytes > 0) {
        fs.truncate(broken.fd, broken.durableBytes);
        await fs.fdatasyncAsync(broken.fd);
      } else {
        fs.unlink(segmentPath(this.dir, broken.segment));
        await fs.fsyncDirectoryAsync(this.dir);
      }
    } catch {
      // The disk failed a moment ago and fails again: the refused bytes stay, and replaying them is harmless.
    }
    this.closeQuietly(broken.fd);
  }

  private closeQuietly(fd: number): void {
    try {
      this.fs.close(fd);
    } catch {
      // Everything that counts was synced before; close(2) has freed the descriptor whatever it says.
    }
  }

  private countSync(ms: number): void {
    let bucket = 0;
    while (bucket < SYNC_MS_BOUNDS.length && ms > SYNC_MS_BOUNDS[bucket]) bucket++;
    this.syncMsCounts[bucket]++;
    this.syncMsSum += ms;
  }

  private refusal(): RefusalError {
    const status = this.statusNow;
    return status.state === "degraded"
      ? new RefusalError("storage_failed", `the log cannot be written: ${status.reason}`)
      : new RefusalError("unavailable", "the log is closed");
  }

  private setStatus(status: LogStatus): void {
    this.statusNow = status;
    this.onStatus(status);
  }
}

function totalBytes(buffers: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const buffer of buffers) bytes += buffer.length;
  return bytes;
}

function emptyGroup(): Group {
  return { buffers: [], dones: [], sizes: [], bytes: 0 };
}
