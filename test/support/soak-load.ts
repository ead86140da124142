/**
 * The load of a soak: one sample of every slot at each tick. A request's message is laid out once; from tick to tick
 * only times, values and generations are written over it, so that sending costs less than receiving.
 */
import { compress, compressedBytesMax } from "../../dist/encoding/snappy.js";
import {
  generationAt,
  generationLabel,
  groupLabel,
  groupOf,
  halfOf,
  SLOTS,
  type SoakModel,
  slotLabel,
} from "./soak-model.js";
import { HEADERS_V1 } from "./write-client.js";

const REQUESTS = 10;
const SLOTS_PER_REQUEST = SLOTS / REQUESTS;
const TIME_BYTES = 6;
/** Prometheus' stale marker: a NaN of its own. */
const STALE_BITS = 0x7ff0000000000002n;
const encoder = new TextEncoder();

interface Body {
  readonly message: Uint8Array;
  readonly view: DataView;
  readonly firstSlot: number;
  readonly generationAt: Uint32Array;
  readonly valueAt: Uint32Array;
  readonly generations: Int32Array;
}

function lengthPrefixed(tag: number, content: readonly number[]): number[] {
  const { length } = content;
  return length < 128 ? [tag, length, ...content] : [tag, (length & 127) | 128, length >> 7, ...content];
}

function label(name: string, value: string): number[] {
  const pair = [
    ...lengthPrefixed(0x0a, [...encoder.encode(name)]),
    ...lengthPrefixed(0x12, [...encoder.encode(value)]),
  ];
  return lengthPrefixed(0x0a, pair);
}

function layOut(firstSlot: number): Body {
  const bytes: number[] = [];
  const generations = new Uint32Array(SLOTS_PER_REQUEST);
  const values = new Uint32Array(SLOTS_PER_REQUEST);
  for (let i = 0; i < SLOTS_PER_REQUEST; i++) {
    const slot = firstSlot + i;
    const before = [...label("__name__", "soak"), ...label("gen", generationLabel(0))];
    const labels = [
      ...before,
      ...label("group", groupLabel(groupOf(slot))),
      ...label("half", String(halfOf(slot))),
      ...label("instance", "host-0000.example.com:9100"),
      ...label("job", "soak"),
      ...label("slot", slotLabel(slot)),
    ];
    const sample = [0x09, ...new Array<number>(8).fill(0), 0x10, ...new Array<number>(TIME_BYTES).fill(0)];
    const series = lengthPrefixed(0x0a, [...labels, ...lengthPrefixed(0x12, sample)]);
    const end = bytes.length + series.length;
    values[i] = end - sample.length + 1;
    generations[i] = end - sample.length - 2 - (labels.length - before.length) - generationLabel(0).length;
    for (const byte of series) bytes.push(byte);
  }
  const message = Uint8Array.from(bytes);
  return {
    message,
    view: new DataView(message.buffer),
    firstSlot,
    generationAt: generations,
    valueAt: values,
    generations: new Int32Array(SLOTS_PER_REQUEST),
  };
}

export class SoakLoad {
  requests = 0;
  samples = 0;
  /** Answers other than 2xx, the first few. */
  readonly refusals: string[] = [];
  latencyMsMax = 0;
  private readonly url: string;
  private readonly model: SoakModel;
  private readonly bodies: readonly Body[];

  constructor(url: string, model: SoakModel) {
    this.url = url;
    this.model = model;
    this.bodies = Array.from({ length: REQUESTS }, (_, i) => layOut(i * SLOTS_PER_REQUEST));
  }

  /** Sends the next tick and counts it in the model once all of it is acknowledged. False: something was refused. */
  async tick(): Promise<boolean> {
    const { ticks } = this.model;
    const taken = await Promise.all(this.bodies.map((body) => this.send(body, ticks)));
    if (taken.includes(false)) return false;
    this.model.ticks = ticks + 1;
    return true;
  }

  private async send(body: Body, tick: number): Promise<boolean> {
    this.fill(body, tick);
    const packed = new Uint8Array(compressedBytesMax(body.message.length));
    const bytes = compress(body.message, packed);
    const startedAt = performance.now();
    const answer = await fetch(`${this.url}/api/v1/write`, {
      method: "POST",
      headers: HEADERS_V1,
      body: packed.subarray(0, bytes),
    });
    const text = await answer.text();
    this.latencyMsMax = Math.max(this.latencyMsMax, performance.now() - startedAt);
    this.requests++;
    if (answer.status === 204) {
      this.samples += SLOTS_PER_REQUEST;
      return true;
    }
    if (this.refusals.length < 10) this.refusals.push(`${answer.status} ${text.slice(0, 300)}`);
    return false;
  }

  private fill(body: Body, tick: number): void {
    const { message, view, firstSlot } = body;
    for (let i = 0; i < SLOTS_PER_REQUEST; i++) {
      const slot = firstSlot + i;
      const sent = this.model.sentTick(slot, tick);
      const generation = generationAt(slot, sent);
      if (generation !== body.generations[i]) {
        body.generations[i] = generation;
        message.set(encoder.encode(generationLabel(generation)), body.generationAt[i]);
      }
      const { timestampMs, value, stale } = this.model.sampleAt(slot, sent);
      const at = body.valueAt[i]!;
      if (stale) view.setBigUint64(at, STALE_BITS, true);
      else view.setFloat64(at, value, true);
      let rest = timestampMs;
      for (let k = 0; k < TIME_BYTES; k++) {
        message[at + 9 + k] = (rest % 128) | (k < TIME_BYTES - 1 ? 128 : 0);
        rest = Math.floor(rest / 128);
      }
    }
  }
}
