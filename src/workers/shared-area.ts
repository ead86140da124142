/**
 * Memory that a thread and the main thread both see: the bytes of an answer are left there by the one and sent from
 * there by the other. They are not handed over, as V8 compiles as if no buffer ever lost its memory, until one of the
 * thread does; from then on all code that reads arrays looks first whether they are still there, and a loop over a
 * column takes half as long again. Nor are they copied: fresh memory for each answer costs as much as its making.
 */

/** Larger bodies are handed over after all: nobody keeps as much memory for each thread. */
export const AREA_BYTES_MAX: number = 8 << 20;
const AREA_BYTES_MIN = 256 << 10;

/** What `AreaWriter` tells `AreaReader`. */
export interface LeftBody {
  /** How much of the area it is. */
  readonly bytes: number;
  /** The area from now on; absent: the same as before. */
  readonly area?: SharedArrayBuffer;
}

/** On the thread. */
export class AreaWriter {
  private bytes: Uint8Array = NO_BYTES;

  /** Null: too large. `isTaken`: what was left before is still read, so this goes elsewhere. */
  leave(body: Uint8Array, isTaken: boolean): LeftBody | null {
    if (body.length > AREA_BYTES_MAX) return null;
    const isNew = isTaken || body.length > this.bytes.length;
    if (isNew) this.bytes = new Uint8Array(new SharedArrayBuffer(capacityFor(body.length)));
    this.bytes.set(body);
    const left = { bytes: body.length };
    return isNew ? { ...left, area: this.bytes.buffer as SharedArrayBuffer } : left;
  }
}

/** On the main thread. */
export class AreaReader {
  private bytes: Uint8Array = NO_BYTES;
  /** Of the body that lies there. */
  private reader: object | null = null;

  /** Somebody still reads the area. */
  get isTaken(): boolean {
    return this.reader !== null;
  }

  /** `release` is to be called once nobody reads `body` any more; uncalled, it costs a new area. */
  take({ bytes, area }: LeftBody): { readonly body: Uint8Array; readonly release: () => void } {
    if (area !== undefined) this.bytes = new Uint8Array(area);
    const reader = {};
    this.reader = reader;
    const release = (): void => {
      if (this.reader === reader) this.reader = null;
    };
    return { body: this.bytes.subarray(0, bytes), release };
  }
}

const NO_BYTES = new Uint8Array();

/** A power of two. */
function capacityFor(bytes: number): number {
  return Math.max(AREA_BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)));
}
