/**
 * What a soak's server must hold, by definition instead of by memory: every sample follows from its slot and tick,
 * so that hundreds of millions of them need no storage here. A slot is a place in the load that always has one
 * series; in every fourth slot the series ends after `LIFE_TICKS` and another generation begins.
 */

export const SLOTS = 20_000;
export const TICK_MS = 100;
const GROUPS = 50;
/** Every `LATE_EACH`-th tick of the slots of this group arrives `LATE_TICKS` ticks late. */
export const LATE_GROUP = 1;
const LATE_EACH = 10;
const LATE_PHASE = 3;
export const LATE_TICKS = 900;
const CHURN_EACH = 4;
const LIFE_TICKS = 600;
/** Ticks of a slot lie this far apart from its neighbours': at most a tick. */
const OFFSETS = 97;
const STALE = Number.NaN;

export interface DeletedRange {
  readonly group: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** A sample as the load sends it. `stale`: it is the marker that ends its series. */
export interface SoakSample {
  readonly timestampMs: number;
  readonly value: number;
  readonly stale: boolean;
}

export const groupOf = (slot: number): number => slot % GROUPS;
export const halfOf = (slot: number): number => (Math.floor(slot / GROUPS) % 2 === 0 ? 0 : 1);
export const slotLabel = (slot: number): string => String(slot).padStart(5, "0");
export const groupLabel = (group: number): string => String(group).padStart(2, "0");
export const generationLabel = (generation: number): string => String(generation).padStart(4, "0");

function churns(slot: number): boolean {
  return slot % CHURN_EACH === 0;
}

/** Which of its series a slot has at a tick. */
export function generationAt(slot: number, tick: number): number {
  return churns(slot) ? Math.floor((tick + ((slot * 7) % LIFE_TICKS)) / LIFE_TICKS) : 0;
}

function firstTick(slot: number, generation: number): number {
  return churns(slot) ? Math.max(0, generation * LIFE_TICKS - ((slot * 7) % LIFE_TICKS)) : 0;
}

export class SoakModel {
  /** Time of tick 0. */
  readonly startMs: number;
  /** Ticks whose samples were all acknowledged: those below. */
  ticks = 0;
  readonly deleted: DeletedRange[] = [];

  constructor(startMs: number) {
    this.startMs = startMs;
  }

  timeOf(slot: number, tick: number): number {
    return this.startMs + tick * TICK_MS + (slot % OFFSETS);
  }

  sampleAt(slot: number, tick: number): SoakSample {
    // Half of the series that end say so.
    const ends = slot % (2 * CHURN_EACH) === 0 && generationAt(slot, tick + 1) !== generationAt(slot, tick);
    const value = slot % 2 === 1 ? ((slot * 31 + tick * 17) % 1000) / 4 : tick + slot;
    return { timestampMs: this.timeOf(slot, tick), value: ends ? STALE : value, stale: ends };
  }

  /** Of which tick a slot sends its sample at `tick`: late ones make up for it later, and repeat one meanwhile. */
  sentTick(slot: number, tick: number): number {
    if (groupOf(slot) !== LATE_GROUP || tick % LATE_EACH !== LATE_PHASE) return tick;
    return tick >= LATE_TICKS ? tick - LATE_TICKS : tick - 1;
  }

  /** Time below which nothing more arrives for a group. */
  settledMs(group: number): number {
    const ticks = group === LATE_GROUP ? this.ticks - LATE_TICKS - LATE_EACH : this.ticks;
    return this.startMs + Math.max(0, ticks) * TICK_MS;
  }

  slotsOf(group: number): number[] {
    return Array.from({ length: SLOTS / GROUPS }, (_, i) => group + i * GROUPS);
  }

  /**
   * The samples of a slot in (fromMs, toMs], by generation, without stale markers and deleted ones. `toMs` lies
   * below `settledMs` of its group.
   */
  samples(slot: number, fromMs: number, toMs: number): Map<number, SoakSample[]> {
    const found = new Map<number, SoakSample[]>();
    const { startMs } = this;
    const first = Math.max(0, Math.floor((fromMs - startMs) / TICK_MS) - 1);
    const last = Math.floor((toMs - startMs) / TICK_MS);
    for (let tick = first; tick <= last; tick++) {
      const sample = this.sampleAt(slot, tick);
      if (sample.timestampMs <= fromMs || sample.timestampMs > toMs || sample.stale) continue;
      if (this.isDeleted(slot, sample.timestampMs)) continue;
      const generation = generationAt(slot, tick);
      const list = found.get(generation);
      if (list === undefined) found.set(generation, [sample]);
      else list.push(sample);
    }
    return found;
  }

  /** The values that the series of a slot show at a time: the newest not older than the lookback. */
  valuesAt(slot: number, timeMs: number, lookbackMs: number): number[] {
    const values: number[] = [];
    const newest = Math.floor((timeMs - this.startMs) / TICK_MS);
    const oldest = Math.max(0, Math.floor((timeMs - lookbackMs - this.startMs) / TICK_MS) - 1);
    for (let generation = generationAt(slot, newest); generation >= 0; generation--) {
      const last = Math.min(newest, firstTick(slot, generation + 1) - 1);
      const end = churns(slot) ? last : newest;
      if (end < oldest) break;
      const value = this.newestValue(
        slot,
        Math.max(oldest, firstTick(slot, generation)),
        end,
        timeMs,
        lookbackMs,
      );
      if (value !== null) values.push(value);
    }
    return values;
  }

  private newestValue(
    slot: number,
    from: number,
    end: number,
    timeMs: number,
    lookbackMs: number,
  ): number | null {
    for (let tick = end; tick >= from; tick--) {
      const { timestampMs, value, stale } = this.sampleAt(slot, tick);
      if (timestampMs > timeMs || this.isDeleted(slot, timestampMs)) continue;
      if (timestampMs <= timeMs - lookbackMs || stale) return null;
      return value;
    }
    return null;
  }

  private isDeleted(slot: number, timestampMs: number): boolean {
    const group = groupOf(slot);
    return this.deleted.some(
      (range) => range.group === group && timestampMs >= range.startMs && timestampMs <= range.endMs,
    );
  }
}
