// Offsets in the memory of the printer, which is a module of its own: each thread has one, and shares nothing.

export const P_POWERS: usize = 0x1000; // u64[2 * POWERS]: high and low word of each power of ten
export const P_TIMES: usize = 0x4000; // f64[PRINT_BATCH]: milliseconds
export const P_VALUES: usize = 0x6000; // f64[PRINT_BATCH]
export const P_TEXT: usize = 0x8000; // what was printed: at most PRINT_BATCH * PRINTED_BYTES_MAX
export const PRINT_BATCH: u32 = 1024;
/** `,[-9007199254740.991,"-0.0000012345678901234567"]` and to spare. */
export const PRINTED_BYTES_MAX: u32 = 64;
/** 32 KiB below the text, 64 KiB of text. */
export const PRINT_PAGES: u32 = 2;

/** Powers of ten from 10^POWER_MIN on: all that shortest decimals of doubles need. */
export const POWER_MIN: i32 = -292;
export const POWERS: u32 = 617;
