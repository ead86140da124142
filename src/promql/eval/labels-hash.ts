import type { Labels } from "../../model/labels.js";

const MASK = 0xffffffffffffffffn;
const P1 = 11400714785074694791n;
const P2 = 14029467366897019727n;
const P3 = 1609587929392839161n;
const P4 = 9650029242287828579n;
const P5 = 2870177450012600261n;
const encoder = new TextEncoder();

/**
 * The hash that Prometheus gives a label set: XXH64 of its names and values, each behind its length (one byte,
 * or 255 and three bytes, low first).
 */
export function labelsHash(labels: Labels): bigint {
  const bytes: number[] = [];
  for (const part of labels.pairs) {
    const text = encoder.encode(part);
    const size = text.length;
    if (size < 255) bytes.push(size);
    else bytes.push(255, size & 0xff, (size >> 8) & 0xff, (size >> 16) & 0xff);
    for (const byte of text) bytes.push(byte);
  }
  return xxh64(Uint8Array.from(bytes));
}

function rotate(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & MASK;
}

function round(acc: bigint, input: bigint): bigint {
  return (rotate((acc + input * P2) & MASK, 31n) * P1) & MASK;
}

function mergeRound(acc: bigint, value: bigint): bigint {
  return ((acc ^ round(0n, value)) * P1 + P4) & MASK;
}

/** XXH64 with seed 0. */
function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash: bigint;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, (MASK - P1 + 1n) & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = round(lanes[lane], view.getBigUint64(at + 8 * lane, true));
      }
    }
    const [a, b, c, d] = lanes;
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK;
    for (const lane of lanes) hash = mergeRound(hash, lane);
  } else {
    hash = P5;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  return avalanche(mixTail(bytes, view, at, hash));
}

function mixTail(bytes: Uint8Array, view: DataView, from: number, start: bigint): bigint {
  let at = from;
  let hash = start;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes[at]) * P5) & MASK), 11n) * P1) & MASK;
  }
  return hash;
}

function avalanche(start: bigint): bigint {
  let hash = start ^ (start >> 33n);
  hash = (hash * P2) & MASK;
  hash ^= hash >> 29n;
  hash = (hash * P3) & MASK;
  return hash ^ (hash >> 32n);
}
