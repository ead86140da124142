import { IMPORT_LINE_BYTES_MAX } from "../base/limits.js";

export interface LineVisitor {
  /** `text` without its line feed; `number` from 1. */
  line(text: string, number: number): void;
  /** A line that is no text, or too long to be looked at. */
  unreadable(reason: string, number: number): void;
}

const LINE_FEED = 0x0a;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Cuts a stream of bytes into lines. What is left of a line waits for the next bytes; a line over
 * `IMPORT_LINE_BYTES_MAX` is passed over without being kept.
 */
export class TextLines {
  /** Lines visited so far. */
  count: number;
  /** Bytes of those lines, line feeds included. */
  bytes = 0;
  private readonly visitor: LineVisitor;
  private rest: Uint8Array[] = [];
  private restBytes = 0;
  private tooLong = false;

  /** `count`: lines that were read before. */
  constructor(visitor: LineVisitor, count = 0) {
    this.visitor = visitor;
    this.count = count;
  }

  /** Visits the lines that `bytes` ends; it may be reused afterwards. */
  push(bytes: Uint8Array): void {
    const first = bytes.indexOf(LINE_FEED);
    if (first < 0) return this.keep(bytes);
    let start = 0;
    if (this.restBytes > 0 || this.tooLong) {
      this.keep(bytes.subarray(0, first));
      this.endLine(1);
      start = first + 1;
    }
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > start) this.visitAll(bytes.subarray(start, end));
    if (end < bytes.length) this.keep(bytes.subarray(end));
  }

  /** The last line may lack its line feed. */
  finish(): void {
    if (this.restBytes > 0 || this.tooLong) this.endLine(0);
  }

  private keep(bytes: Uint8Array): void {
    this.restBytes += bytes.length;
    if (this.restBytes > IMPORT_LINE_BYTES_MAX) {
      this.tooLong = true;
      this.rest = [];
    } else if (bytes.length > 0) this.rest.push(bytes.slice());
  }

  private endLine(feedBytes: number): void {
    const { rest, restBytes, tooLong } = this;
    this.rest = [];
    this.restBytes = 0;
    this.tooLong = false;
    this.bytes += restBytes + feedBytes;
    this.count++;
    if (tooLong) {
      this.visitor.unreadable(`the line is longer than ${IMPORT_LINE_BYTES_MAX} bytes`, this.count);
      return;
    }
    const line = new Uint8Array(restBytes);
    let at = 0;
    for (const part of rest) {
      line.set(part, at);
      at += part.length;
    }
    this.visitLine(line);
  }

  /** Whole lines, the last with its line feed. */
  private visitAll(bytes: Uint8Array): void {
    let text: string;
    try {
      text = strict.decode(bytes);
    } catch {
      this.visitOneByOne(bytes);
      return;
    }
    this.bytes += bytes.length;
    let start = 0;
    while (start < text.length) {
      const end = text.indexOf("\n", start);
      this.count++;
      this.visitor.line(text.slice(start, end), this.count);
      start = end + 1;
    }
  }

  private visitOneByOne(bytes: Uint8Array): void {
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(LINE_FEED, start);
      this.bytes += end + 1 - start;
      this.count++;
      this.visitLine(bytes.subarray(start, end));
      start = end + 1;
    }
  }

  private visitLine(bytes: Uint8Array): void {
    let text: string;
    try {
      text = strict.decode(bytes);
    } catch {
      this.visitor.unreadable("the line is not UTF-8", this.count);
      return;
    }
    this.visitor.line(text, this.count);
  }
}
