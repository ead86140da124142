/**
 * What the main thread and the query threads tell each other about the queries under way, in shared memory: one
 * place for each. The main thread gives places out and cancels; the thread that evaluates counts samples.
 */
export class QueryBoard {
  readonly buffer: SharedArrayBuffer;
  private readonly canceled: Int32Array;
  private readonly samples: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    const places = buffer.byteLength / PLACE_BYTES;
    this.buffer = buffer;
    this.samples = new Float64Array(buffer, 0, places);
    this.canceled = new Int32Array(buffer, 8 * places, places);
  }

  static create(places: number): QueryBoard {
    return new QueryBoard(new SharedArrayBuffer(places * PLACE_BYTES));
  }

  /** For the next query that gets this place. */
  clear(place: number): void {
    Atomics.store(this.canceled, place, 0);
    this.samples[place] = 0;
  }

  cancel(place: number): void {
    Atomics.store(this.canceled, place, 1);
  }

  isCanceled(place: number): boolean {
    return Atomics.load(this.canceled, place) !== 0;
  }

  /** Samples that the query has read so far. */
  setSamples(place: number, count: number): void {
    this.samples[place] = count;
  }

  samplesOf(place: number): number {
    return this.samples[place] as number;
  }
}

/** A count of samples and a word that is not zero once nobody waits. */
const PLACE_BYTES = 12;
