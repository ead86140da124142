/**
 * Label bytes as the kernel keeps them: `0a len { 0a len name 12 len value }` for each label, sorted
 * (src/kernel/assembly/labels.ts), and the keys of names and pairs, which are the bodies of such messages.
 */
import { Labels } from "../model/labels.js";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const SHORT_TEXT_BYTES = 64;
/** ASCII texts that were decoded before, each at its hash: most label text is that of other series, too. */
const known: string[] = new Array<string>(1 << 14).fill("");

/** Decodes canonical bytes of `length` bytes at `at`. */
export function decodeLabels(bytes: Uint8Array, at: number, length: number): Labels {
  const pairs: string[] = [];
  const end = at + length;
  let p = at;
  while (p < end) {
    p = skipVarint(bytes, p + 1) + 1; // 0a, length of the label; 0a
    for (let part = 0; part < 2; part++) {
      let size = bytes[p++];
      if (size >= 128) {
        size &= 127;
        for (let shift = 7; ; shift += 7) {
          const byte = bytes[p++];
          size |= (byte & 127) << shift;
          if (byte < 128) break;
        }
      }
      pairs.push(decodeText(bytes, p, size));
      p += size + (part === 0 ? 1 : 0);
    }
  }
  return new Labels(pairs);
}

function skipVarint(bytes: Uint8Array, at: number): number {
  let p = at;
  while (bytes[p] >= 128) p++;
  return p + 1;
}

/** The text of `length` bytes at `at`; short ASCII, as nearly all label text is, is the same string each time. */
export function decodeText(bytes: Uint8Array, at: number, length: number): string {
  if (length > SHORT_TEXT_BYTES) return utf8.decode(bytes.slice(at, at + length));
  let hash = 0;
  let all = 0;
  for (let i = at; i < at + length; i++) {
    hash = (Math.imul(hash, 31) + bytes[i]) | 0;
    all |= bytes[i];
  }
  if (all >= 128) return utf8.decode(bytes.slice(at, at + length));
  const slot = (hash ^ (hash >>> 14)) & (known.length - 1);
  if (!isText(known[slot], bytes, at, length)) {
    known[slot] = String.fromCharCode(...bytes.subarray(at, at + length));
  }
  return known[slot];
}

function isText(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}

function pushVarint(target: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    target.push((rest & 127) | 128);
    rest >>>= 7;
  }
  target.push(rest);
}

function pushText(target: number[], tag: number, text: string): void {
  const bytes = encoder.encode(text);
  target.push(tag);
  pushVarint(target, bytes.length);
  for (const byte of bytes) target.push(byte);
}

/** The key of a label name, or with `value` of a pair. */
export function encodeKey(name: string, value?: string): Uint8Array {
  const key: number[] = [];
  pushText(key, 0x0a, name);
  if (value !== undefined) pushText(key, 0x12, value);
  return Uint8Array.from(key);
}

/** Canonical bytes of a label set, as the kernel makes them. */
export function encodeLabels(labels: Labels): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of labels) {
    const key = encodeKey(name, value);
    bytes.push(0x0a);
    pushVarint(bytes, key.length);
    for (const byte of key) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
