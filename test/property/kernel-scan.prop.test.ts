/** The kernel's snappy and its scan of both protocols, held against snappy's own library and against protobufjs. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compressSync } from "snappy";
import * as L from "../../dist/kernel/assembly/layout.js";
import { LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { checkOutcome, checkSame } from "../support/head-operations.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { NaiveDb } from "../support/naive-db.js";
import { oddRequest1, oddRequest2 } from "../support/odd-protobuf.js";
import { readReference } from "../support/protobuf-reference.js";
import { randomBelow, seededRandom } from "../support/random.js";
import {
  CAPTURES,
  protocolOf,
  readCapture,
  snappyCompress,
  snappyUncompress,
} from "../support/remote-write.js";

const RUNS = Number(process.env["RUNS"] ?? 100);
const SEED = Number(process.env["SEED"] ?? 22);
const PARAMETERS = { numRuns: RUNS, seed: SEED, includeErrorInReport: true };
const START_MS = new FakeClock().nowMs();
const ODD = { 1: oddRequest1(START_MS), 2: oddRequest2(START_MS) };
const PROTOCOLS = [1, 2] as const;
const ROOMY = { labelsPerSeriesMax: 64, labelNameBytesMax: 1024, labelValueBytesMax: 4096 };
const HOUR_MS = 3_600_000;

for (const protocol of PROTOCOLS) {
  test(`${protocol}.0 in any spelling means what protobufjs reads in it`, () =>
    fc.assert(
      fc.asyncProperty(ODD[protocol], async (message) => {
        const clock = new FakeClock();
        const local = new LocalDatabase(new MemFileSystem(), clock, ROOMY);
        const reference = readReference(message, protocol);
        assert.ok(reference, "the generator writes messages");
        const model = new NaiveDb({
          windowMs: 24 * HOUR_MS,
          retentionMs: 15 * 24 * HOUR_MS,
          seriesMax: 1000,
          labelsMax: 64,
          nameBytesMax: 1024,
          valueBytesMax: 4096,
        });
        const series = reference.series.filter((one) => one !== null);
        assert.equal(series.length, reference.series.length);
        const expected = model.write(series, clock.nowMs());
        const started = local.start(snappyCompress(message), protocol);
        checkOutcome(started, expected);
        checkSame(local.queryable(), model);
        // once more, now that the series are known and predicted
        const again = model.write(series, clock.nowMs());
        checkOutcome(local.start(snappyCompress(message), protocol, 0), again);
        checkSame(local.queryable(), model);
        await local.close();
      }),
      PARAMETERS,
    ));
}

/** One database for many requests, of which only the verdict and the number of samples are asked. */
class Judge {
  private readonly local = new LocalDatabase(new MemFileSystem(), new FakeClock(), ROOMY);

  /** Samples that the scan found, refused ones included; null where the request was refused whole. */
  scan(message: Uint8Array, protocol: 1 | 2): { samples: number; refused: boolean } | null {
    const { kernel, shared } = this.local.database;
    const { at, bytes } = shared.slotRegions[1];
    const body = compressSync(Buffer.from(message)) as unknown as Uint8Array;
    assert.ok(body.length <= bytes);
    kernel.u8().set(body, at);
    const { exports } = kernel;
    const [scratch] = shared.ingestScratch;
    const failure = exports.ingest(scratch, at, body.length, protocol, 0, START_MS);
    if (failure < 0) {
      assert.ok([L.ERR_PROTOBUF, L.ERR_SYMBOLS].includes(failure), `failure ${failure}`);
      return null;
    }
    const samples = kernel.u32()[(scratch + L.RES_TOTAL) >>> 2];
    const refused = kernel.u32()[(scratch + L.RES_REFUSED) >>> 2] > 0;
    assert.equal(exports.finish(scratch, at, bytes), 0);
    return { samples, refused };
  }
}

/** Malformed is never accepted, well-formed never called malformed, and no sample is passed over. */
function judge(
  scanned: ReturnType<Judge["scan"]>,
  reference: ReturnType<typeof readReference>,
  hint: () => string,
): void {
  if (reference === undefined) return;
  if (reference === null)
    assert.ok(scanned === null || scanned.refused, `malformed, yet accepted: ${hint()}`);
  else if (reference.badSymbols) assert.equal(scanned, null, hint());
  else {
    assert.ok(scanned !== null, `well-formed, yet refused whole: ${hint()}`);
    assert.equal(scanned.samples, reference.samples, hint());
    if (reference.series.includes(null)) assert.ok(scanned.refused, `references lead nowhere: ${hint()}`);
  }
}

for (const protocol of PROTOCOLS) {
  test(`${protocol}.0 cut at every byte, with every bit flipped, with hostile lengths`, () => {
    const judging = new Judge();
    const check = (message: Uint8Array): void =>
      judge(judging.scan(message, protocol), readReference(message, protocol), () =>
        Buffer.from(message).toString("hex"),
      );
    return fc.assert(
      fc.property(ODD[protocol], fc.nat(), (whole, seed) => {
        check(whole);
        for (let end = 0; end < whole.length; end++) check(whole.subarray(0, end));
        const random = seededRandom(seed);
        for (let i = 0; i < 8 * whole.length; i += 1 + randomBelow(random, 4)) {
          const flipped = whole.slice();
          flipped[i >>> 3] ^= 1 << (i & 7);
          check(flipped);
        }
        for (const hostile of [0x7f, 0x80, 0xff]) {
          const lying = whole.slice();
          const at = randomBelow(random, whole.length);
          for (let i = at; i < Math.min(at + 5, whole.length); i++) lying[i] = hostile;
          check(lying);
        }
      }),
      { ...PARAMETERS, numRuns: Math.ceil(RUNS / 4) },
    );
  });
}

test("the recorded requests, with single bits flipped, are read as protobufjs reads them", () => {
  const judging = new Judge();
  const random = seededRandom(SEED);
  for (const name of CAPTURES) {
    const requests = readCapture(name);
    for (const { body, headers } of requests.slice(0, 3)) {
      const protocol = protocolOf(headers);
      const message = snappyUncompress(body);
      for (let i = 0; i < 20; i++) {
        const flipped = message.slice();
        const bit = randomBelow(random, 8 * message.length);
        if (i > 0) flipped[bit >>> 3] ^= 1 << (bit & 7);
        judge(judging.scan(flipped, protocol), readReference(flipped, protocol), () => `${name}, bit ${bit}`);
      }
    }
  }
});

test("snappy blocks are decoded as snappy's own library decodes them, hostile ones refused", () => {
  const local = new LocalDatabase(new MemFileSystem(), new FakeClock());
  const { kernel, shared } = local.database;
  const source = shared.slotRegions[1].at;
  const target = shared.slotRegions[2].at;
  const max = 1 << 20;
  const decode = (block: Uint8Array): Uint8Array | null => {
    kernel.u8().set(block, source);
    const length = kernel.exports.snappyDecode(source, block.length, target, max);
    return length < 0 ? null : kernel.u8().slice(target, target + length);
  };
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom("abc", "abcabcabd", "x", "0123456789abcdef"), { maxLength: 200 })
      .map((words) => new TextEncoder().encode(words.join(""))),
  );
  return fc.assert(
    fc.property(content, fc.nat(), (bytes, seed) => {
      for (const block of [
        snappyCompress(bytes),
        new Uint8Array(compressSync(Buffer.from(bytes)) as unknown as Uint8Array),
      ]) {
        assert.deepEqual(decode(block), bytes);
        for (let end = 0; end < block.length; end++) assert.equal(decode(block.subarray(0, end)), null);
        const random = seededRandom(seed);
        for (let i = 0; i < 50; i++) {
          const flipped = block.slice();
          flipped[randomBelow(random, flipped.length)] ^= 1 << randomBelow(random, 8);
          const expected = uncompressOrNull(flipped);
          const decoded = decode(flipped);
          if (expected === null || decoded === null)
            assert.equal(decoded, expected, Buffer.from(flipped).toString("hex"));
          else assert.deepEqual(decoded, expected);
        }
      }
    }),
    PARAMETERS,
  );
});

function uncompressOrNull(block: Uint8Array): Uint8Array | null {
  try {
    return snappyUncompress(block);
  } catch {
    return null;
  }
}
