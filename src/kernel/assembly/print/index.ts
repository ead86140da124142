// Prints samples as the values of Prometheus' JSON (src/kernel/sample-printer.ts has the signatures).
import { P_TEXT, P_TIMES, P_VALUES } from "./layout";
import { digits, findShortest, power } from "./shortest-decimal";

const COMMA: u8 = 0x2c;
const BRACKET: u8 = 0x5b;
const BRACKET_END: u8 = 0x5d;
const QUOTE: u8 = 0x22;
const MINUS: u8 = 0x2d;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;
/** Whole numbers below it are printed as such. */
const WHOLE_MAX: f64 = 1e15;

/** "00" to "99". */
const PAIRS: usize = memory.data(200);
/** 10^0 to 10^19. */
const TENS: usize = memory.data(160, 8);

/** To be called once, before anything is printed. */
export function init(): void {
  for (let i: u32 = 0; i < 100; i++) {
    store<u8>(PAIRS + (i << 1), ZERO + <u8>(i / 10));
    store<u8>(PAIRS + (i << 1), ZERO + <u8>(i % 10), 1);
  }
  let power: u64 = 1;
  for (let i: usize = 0; i < 20; i++) {
    store<u64>(TENS + (i << 3), power);
    power *= 10;
  }
}

/** `,[seconds,"value"]` for each of the first `count` samples. Returns the bytes written. */
export function printSamples(count: u32): u32 {
  let at = P_TEXT;
  for (let i: u32 = 0; i < count; i++) {
    store<u8>(at++, COMMA);
    store<u8>(at++, BRACKET);
    at = printSeconds(at, load<f64>(P_TIMES + (<usize>i << 3)));
    store<u8>(at++, COMMA);
    store<u8>(at++, QUOTE);
    at = printFloat(at, load<f64>(P_VALUES + (<usize>i << 3)));
    store<u8>(at++, QUOTE);
    store<u8>(at++, BRACKET_END);
  }
  return <u32>(at - P_TEXT);
}

/** Milliseconds (a whole number, at most 2^53) as seconds, with three decimals unless they are all zero. */
function printSeconds(at: usize, ms: f64): usize {
  let rest = <i64>ms;
  if (rest < 0) {
    store<u8>(at++, MINUS);
    rest = -rest;
  }
  const seconds = <u64>rest / 1000;
  const fraction = <u32>(<u64>rest - seconds * 1000);
  at = printWhole(at, seconds);
  if (fraction == 0) return at;
  store<u8>(at, POINT);
  store<u8>(at, ZERO + <u8>(fraction / 100), 1);
  store<u8>(at, ZERO + <u8>((fraction / 10) % 10), 2);
  store<u8>(at, ZERO + <u8>(fraction % 10), 3);
  return at + 4;
}

/** As Go prints with 'f', and with 'e' below 1e-6 and from 1e21 on. */
function printFloat(at: usize, value: f64): usize {
  const bits = reinterpret<u64>(value);
  const magnitude = bits & 0x7fffffffffffffff;
  if (magnitude > 0x7ff0000000000000) return printWord(at, 0x4e614e, 3); // NaN
  if (magnitude == 0x7ff0000000000000) {
    return bits == magnitude ? printWord(at, 0x666e492b, 4) : printWord(at, 0x666e492d, 4); // +Inf, -Inf
  }
  if (bits != magnitude) store<u8>(at++, MINUS);
  const absolute = abs(value);
  if (absolute < WHOLE_MAX && trunc(absolute) == absolute) return printWhole(at, <u64>absolute);
  findShortest(magnitude);
  const count = digitCount(digits);
  /** Digits before the point. */
  const point = <i32>count + power;
  if (point > 21 || point <= -6) return printScientific(at, count, point - 1);
  if (power >= 0) {
    at = printWhole(at, digits);
    for (let i = 0; i < power; i++) store<u8>(at++, ZERO);
    return at;
  }
  if (point > 0) {
    printDigits(at + 1, digits, count);
    for (let i: usize = 0; i < <usize>point; i++) store<u8>(at + i, load<u8>(at + i, 1));
    store<u8>(at + <usize>point, POINT);
    return at + count + 1;
  }
  store<u8>(at++, ZERO);
  store<u8>(at++, POINT);
  for (let i = point; i < 0; i++) store<u8>(at++, ZERO);
  printDigits(at, digits, count);
  return at + count;
}

/** `d.ddde-07`: at least two digits of exponent. */
function printScientific(at: usize, count: u32, exponent: i32): usize {
  printDigits(at + 1, digits, count);
  store<u8>(at, load<u8>(at + 1));
  if (count > 1) {
    store<u8>(at + 1, POINT);
    at += count + 1;
  } else at++;
  store<u8>(at++, 0x65);
  store<u8>(at++, exponent < 0 ? MINUS : 0x2b);
  const size = <u32>abs<i32>(exponent);
  if (size >= 100) store<u8>(at++, ZERO + <u8>(size / 100));
  store<u8>(at, ZERO + <u8>((size / 10) % 10));
  store<u8>(at, ZERO + <u8>(size % 10), 1);
  return at + 2;
}

function printWord(at: usize, word: u32, length: usize): usize {
  store<u32>(at, word);
  return at + length;
}

function printWhole(at: usize, value: u64): usize {
  const count = digitCount(value);
  printDigits(at, value, count);
  return at + count;
}

/** Exactly `count` digits, the last ones of `value`; words of 32 bits as long as possible, which divide faster. */
function printDigits(at: usize, value: u64, count: u32): void {
  let end = at + count;
  while (value > 0xffffffff) {
    const rest = value / 100000000;
    let low = <u32>(value - rest * 100000000);
    value = rest;
    for (let i = 0; i < 4; i++) {
      const hundreds = low / 100;
      end -= 2;
      store<u16>(end, load<u16>(PAIRS + ((low - hundreds * 100) << 1)));
      low = hundreds;
    }
  }
  let low = <u32>value;
  while (end >= at + 2) {
    const hundreds = low / 100;
    end -= 2;
    store<u16>(end, load<u16>(PAIRS + ((low - hundreds * 100) << 1)));
    low = hundreds;
  }
  if (end > at) store<u8>(at, ZERO + <u8>low);
}

/** Decimal digits of `value`; 1 of zero. */
function digitCount(value: u64): u32 {
  // log10 from log2, which is one too small at most.
  const guess = ((64 - <u32>clz<u64>(value | 1)) * 1233) >> 12;
  return guess + u32(value >= load<u64>(TENS + (<usize>guess << 3))) + u32(value == 0);
}
