// Offsets of everything that lies in the shared memory; the drawing is docs/format/shared-memory.md.
// One truth for both sides: AssemblyScript compiles this file into the kernel, TypeScript for those who look at
// the memory from JavaScript. So it holds constants only, in the syntax that both have.

// ---- control block: one, at a fixed address; written at creation unless a line says otherwise ----
export const CTRL: usize = 0x1000;
export const C_MAGIC: usize = 0x00; // u32 "VRVH"
export const C_SERIES_MAX: usize = 0x08; // u32 room in the series table
export const C_SERIES: usize = 0x0c; // u32 address of the series table
export const C_LOCKS: usize = 0x10; // u32 address of the stripe locks
export const C_CRC: usize = 0x14; // u32 address of the CRC32C tables, 16 KiB, …
export const SNAPPY_TABLE: usize = 0x4000; // … and behind them of the snappy tags, 512 bytes
export const C_HEAP_END: usize = 0x1c; // u32 the heap never grows past this address
export const C_SEED: usize = 0x20; // u64 hash seed of this process
export const C_CHUNK_SAMPLES: usize = 0x28; // u32 samples in a full chunk
export const C_RANGE_SECONDS: usize = 0x2c; // u32 a chunk never crosses a multiple of this
export const C_WINDOW_MS: usize = 0x30; // i64 out-of-order window
export const C_LABELS_MAX: usize = 0x38; // u32 labels per series
export const C_NAME_MAX: usize = 0x3c; // u32 bytes of a label name
export const C_VALUE_MAX: usize = 0x40; // u32 bytes of a label value
export const C_SERIES_LIMIT: usize = 0x44; // u32 live series
export const C_MEMORY_LIMIT: usize = 0x48; // i64 live heap bytes above which new series are refused
export const C_RULES: usize = 0x50; // u32 atomic: rules for label sets on their way in (RULES_*), 0 none
export const C_BUDGETS: usize = 0x54; // u32 atomic: budgets of series (BUDGET_*), 0 none
// under the create lock; the count is published by an atomic store
export const C_SERIES_COUNT: usize = 0x80; // u32 series refs given out
export const C_CREATE_LOCK: usize = 0x84; // u32 0 | 1
// the index: INDEX_WORDS from here are one root, which is replaced as a whole when ended series leave
export const C_TABLE: usize = 0x88; // u64 {address u32, mask u32} of the series hash table, one atomic word
export const C_TABLE_USED: usize = 0x90; // u32 entries, aliases included
export const C_PAIRS_USED: usize = 0x94; // u32
export const C_PAIRS: usize = 0x98; // u64 {address u32, mask u32} of the label pair table, one atomic word
export const C_NAMES: usize = 0xa0; // u32 first label name, 0 none
export const C_NAMES_LAST: usize = 0xa4; // u32
export const C_META_AT: usize = 0xa8; // u32 bump arena of the index
export const C_META_END: usize = 0xac; // u32
export const C_META_BLOCKS: usize = 0xb0; // u32 newest of the heap blocks that the index is made of
export const INDEX_ROOT_BYTES: u32 = 0xb8; // room for a root of its own, at the same offsets
export const C_DEAD: usize = 0xb8; // u32 refs that are no series now
export const C_GENERATION: usize = 0xbc; // u32 rises when refs have lost their series
// heap
export const C_HEAP_TOP: usize = 0xc0; // u32 atomic: first address never handed out
export const C_FREE_LOCK: usize = 0xc4; // u32 guards the shared free lists
export const C_LIVE_BYTES: usize = 0xc8; // i64 atomic: handed out minus given back, settled once a request
export const C_EVICT: usize = 0xd0; // u32 oldest chunk node that is in the log and may leave memory; one thread at a time
export const C_EVICT_LAST: usize = 0xd4; // u32
export const C_SEEN: usize = 0xd8; // u32 address of the hashes of known metadata: u64[SEEN_SLOTS]
export const SEEN_SLOTS: u32 = 1 << 16;
// refs of ended series that new series may have, under the create lock; positions count on and wrap
export const C_REUSE: usize = 0xdc; // u32 address of refs (u32 each), 0 none
export const C_REUSE_BASE: usize = 0xe0; // u32 position of the first of them
export const C_REUSE_NEXT: usize = 0xe4; // u32 position of the next to be given out, published by an atomic store
export const C_REUSE_END: usize = 0xe8; // u32 position behind the last
export const C_DAMAGED_CHUNKS: usize = 0xec; // u32 atomic: chunks that lay only in the log and could not be read from it
export const C_FREE: usize = 0x100; // u32[FREE_CLASSES] heads of the shared free lists
export const FREE_CLASSES: u32 = 160;

// ---- series: 64 bytes; written under the stripe's lock, labels before the ref is published ----
export const SERIES_SHIFT: u32 = 6;
export const STRIPE_SHIFT: u32 = 6;
export const S_T: usize = 0; // i64 newest timestamp
export const S_V: usize = 8; // u64 bits of its value
export const S_ACC: usize = 16; // u64 bits not yet stored, from the top
export const S_DELTA: usize = 24; // i64 newest timestamp delta
export const S_CHUNK: usize = 32; // u32 address of the open chunk's bytes
export const S_WP: usize = 36; // u16 bytes stored
export const S_NB: usize = 38; // u8 bits in S_ACC
export const S_LEAD: usize = 39; // u8 leading zeros of the XOR window, 0xff none
export const S_TRAIL: usize = 40; // u8 trailing zeros
export const S_CAP: usize = 41; // u8 room of the open chunk in 32-byte units
export const S_NUM: usize = 42; // u16 samples in the open chunk
export const S_NEXT: usize = 44; // u32 hint: the ref that followed this one in the last request
export const S_LABELS: usize = 48; // u32 address of the label bytes
export const S_LABELS_LEN: usize = 52; // u32; 0: the ref is dead
export const S_EXT: usize = 56; // u32 address of the extension, 0 none
export const S_END_SECONDS: usize = 60; // u32 the open chunk takes timestamps below this many seconds

// A dead ref with S_LABELS == FORWARD stands for the series S_NEXT (replay of a log that names a series twice).
export const FORWARD: u32 = 1;

// ---- extension of a series: what most appends never touch ----
export const EXT_BYTES: u32 = 64;
export const X_CHUNKS: usize = 0; // u32 oldest chunk node
export const X_CHUNKS_LAST: usize = 4; // u32
export const X_OOO: usize = 8; // u32 address of the out-of-order buffer: {i64 t, u64 v}[], sorted
export const X_OOO_COUNT: usize = 12; // u16
export const X_OOO_CAP: usize = 14; // u16
export const X_HIST: usize = 16; // u32 oldest histogram not yet in a chunk
export const X_HIST_LAST: usize = 20; // u32
export const X_HIST_COUNT: usize = 24; // u32
export const X_HIST_T: usize = 32; // i64 newest histogram timestamp

// ---- chunk node ----
export const NODE_BYTES: u32 = 48;
export const N_NEXT: usize = 0; // u32
export const N_DATA: usize = 4; // u32 address of the bytes, 0: only in the log
export const N_LEN: usize = 8; // u32 bytes
export const N_ENC: usize = 12; // u8 encoding (1 XOR, 2 histogram, 3 float histogram)
export const N_OOO: usize = 13; // u8 NF_*
export const NF_OUT_OF_ORDER: u32 = 1;
export const NF_COLLECTED: u32 = 2; // its samples are in the block that is being written
export const NF_UNQUEUED: u32 = 4; // it left the eviction queue
export const N_NUM: usize = 14; // u16 samples
export const N_MINT: usize = 16; // i64
export const N_MAXT: usize = 24; // i64
export const N_SEGMENT: usize = 32; // u32 log segment, 0: not in the log yet
export const N_OFFSET: usize = 36; // u32 byte offset of the record in the segment
export const N_OLDER: usize = 40; // u32 next node of the eviction queue (main thread only)
export const N_REF: usize = 44; // u32 series ref

// ---- histogram sample waiting for its chunk ----
export const H_NEXT: usize = 0; // u32
export const H_LEN: usize = 4; // u32
export const H_T: usize = 8; // i64
export const H_BYTES: usize = 16;

// ---- label name, label pair, postings block: append-only, published by atomic stores ----
// A key is the body of a Label message: `0a len name` for a name, `0a len name 12 len value` for a pair.
export const KEY_LEN: usize = 28; // u32 bytes of the key
export const KEY_TEXT: usize = 32; // u32 bytes of the name or the value, which ends the key
export const KEY_BYTES: usize = 36;
export const NAME_NEXT: usize = 0; // u32 next name
export const NAME_PAIRS: usize = 4; // u32 first pair
export const NAME_PAIRS_LAST: usize = 8; // u32
export const NAME_COUNT: usize = 12; // u32 pairs
export const PAIR_NEXT: usize = 0; // u32 next pair of the same name
export const PAIR_NAME: usize = 4; // u32 its name
export const PAIR_COUNT: usize = 8; // u32 postings, published last
export const PAIR_BLOCK: usize = 12; // u32 first further block
export const PAIR_LAST: usize = 16; // u32 last block
export const PAIR_REFS: usize = 20; // u32[2] the first two refs
export const BLOCK_NEXT: usize = 0; // u32
export const BLOCK_CAP: usize = 4; // u32 refs it has room for
export const BLOCK_USED: usize = 8; // u32
export const BLOCK_REFS: usize = 12;

// ---- heap block that the index is made of; at the head of an arena region, or in one for a table ----
export const META_NEXT: usize = 0; // u32 the block made before
export const META_ADDRESS: usize = 4; // u32
export const META_BYTES: usize = 8; // u32
export const META_HEAD: u32 = 16;

// ---- label bytes and aliases that wait until no query reads them ----
export const ENDED_REF: usize = 0; // u32, NONE for an alias
export const ENDED_ADDRESS: usize = 4; // u32
export const ENDED_LEN: usize = 8; // u32
export const ENDED_BYTES: u32 = 12;

// ---- alias: another spelling of a known label set ----
export const ALIAS_REF: usize = 0; // u32
export const ALIAS_LEN: usize = 4; // u32
export const ALIAS_BYTES: usize = 8;
export const ALIAS_FLAG: u32 = 0x80000000;

// ---- what a block of rules or budgets begins with; none of it ever changes ----
export const POLICY_TEXT: usize = 0; // u32 address of its rules or budgets as JSON
export const POLICY_TEXT_LEN: usize = 4; // u32
export const POLICY_VERSION: usize = 8; // u32: a later block may lie where an earlier one lay

// ---- rules: a heap block made by the main thread; ingest threads remember there what came of each spelling ----
export const RULES_APPROVED: usize = 12; // u32 address: a bit for each ref whose label set the rules leave as it is
export const RULES_TABLE: usize = 16; // u64 {address u32, mask u32} of the spellings that they change, one atomic word
export const RULES_REFS: usize = 24; // u32 bits of RULES_APPROVED
export const RULES_USED: usize = 28; // u32 spellings
export const RULES_SPELLING_BYTES: usize = 32; // u32 bytes of them and of the table
export const RULES_SPELLING_BYTES_MAX: usize = 36; // u32 beyond, a spelling is judged each time
export const RULES_BYTES: u32 = 40;
// a table of spellings: u64[slots], and behind them {address u32, slots u32} of the smaller one before it
export const SPELLING_REF: usize = 0; // u32 ref, or DROPPED
export const SPELLING_TAG: usize = 4; // u32 hash of the ref's label set: refs are used again
export const SPELLING_SOURCE: usize = 8; // u32 place in the merge table plus one, 0: appended like any series
export const SPELLING_LEN: usize = 12; // u32
export const SPELLING_TEXT: usize = 16;

// ---- budgets: a heap block made by the main thread ----
export const BUDGET_ENTRIES: usize = 12; // {series u32, most u32} each; under the create lock

// ---- scratch of one ingest thread ----
export const REQUEST_BYTES_MAX: u32 = 32 << 20; // uncompressed
export const SAMPLES_MAX: u32 = 2 << 20; // of one request
export const SERIES_PER_REQUEST_MAX: u32 = 1 << 20;
export const COLD_MAX: u32 = 1 << 20;
export const COLD_BYTES: u32 = 16; // {kind, ref, address, length} u32 each
export const SYMBOLS_MAX: u32 = 1 << 20;
export const LABELS_PER_SERIES_HARD_MAX: u32 = 1024;
// the result block (RES_*) lies at 0, 1 KiB
export const R_FREE: usize = 0x400; // u32[FREE_CLASSES] this thread's free lists
export const R_SOURCE: usize = 0x700; // u32 written by `judge`: SPELLING_SOURCE of what it made
export const R_BATCH: usize = 0x800; // u32[2 * BATCH]: hashes and table entries of a batch of lookups
export const R_LABELS: usize = 0x1000; // labels being made canonical: {name, length, value, length} u32 each
export const R_REF: usize = 0x20000;
export const R_T: usize = R_REF + 4 * SAMPLES_MAX;
export const R_V: usize = R_T + 8 * SAMPLES_MAX;
export const R_OPEN: usize = R_V + 8 * SAMPLES_MAX; // series to resolve: 24 bytes each
export const R_COLD: usize = R_OPEN + 24 * SERIES_PER_REQUEST_MAX; // 16 bytes each
export const R_CLOSED: usize = R_COLD + 16 * COLD_MAX; // u32 chunk nodes closed by this request
export const R_CLOSED_MAX: u32 = 1 << 20;
export const R_SYMBOLS: usize = R_CLOSED + 4 * R_CLOSED_MAX; // {address, length} u32 each
export const R_RAW: usize = R_SYMBOLS + 8 * SYMBOLS_MAX;
export const R_CANON: usize = R_RAW + REQUEST_BYTES_MAX + 0x1000; // canonical label bytes
export const CANON_BYTES_MAX: u32 = 1 << 20;
export const R_DECODE_T: usize = R_CANON + CANON_BYTES_MAX + 0x1000; // f64[DECODE_MAX]
export const DECODE_MAX: u32 = 4096;
export const R_DECODE_V: usize = R_DECODE_T + 8 * DECODE_MAX; // u64[DECODE_MAX]
export const R_SPARE: usize = R_DECODE_V + 8 * DECODE_MAX; // a series struct of nobody: closes out-of-order chunks
export const SCRATCH_BYTES: usize = R_SPARE + 0x1000;

// ---- result block of one ingest call (u32 words unless said) ----
export const RES_SAMPLES: usize = 0x00; // accepted, duplicates of what is stored included
export const RES_REFUSED: usize = 0x04; // refused samples
export const RES_CREATED: usize = 0x08; // new series
export const RES_DUPLICATES: usize = 0x0c; // accepted because identical
export const RES_COLD: usize = 0x10; // entries at R_COLD
export const RES_RECORD: usize = 0x14; // address of the log records, 0 none
export const RES_RECORD_BYTES: usize = 0x18;
export const RES_RECORD_CAP: usize = 0x1c; // 0: it lies in the slot; else bytes to give back to the heap
export const RES_CLOSED: usize = 0x20; // {node, offset in the records} pairs behind the records
export const RES_TOTAL: usize = 0x24; // samples in the request
export const RES_OUT_OF_ORDER: usize = 0x28; // accepted out of order
export const RES_DROPPED: usize = 0x2c; // samples that the rules dropped
export const RES_MAXT: usize = 0x30; // i64 newest accepted timestamp
export const RES_MINT: usize = 0x38; // i64 oldest accepted timestamp
export const RES_REASONS: usize = 0x40; // u32[32] by reason
export const RES_FIRST_COUNT: usize = 0xc0; // u32
export const RES_FIRST: usize = 0xc8; // 24 bytes each: {i64 t, u32 reason, u32 ref or NONE, u32 address, u32 length}
export const RES_FIRST_BYTES: u32 = 24;
export const RES_FIRST_MAX: u32 = 8;

export const NONE: u32 = 0xffffffff;
export const DROPPED: u32 = 0xfffffffe; // in place of a ref: the rules drop the series
export const WOULD_BE_NEW: u32 = 0xfffffffd; // in place of a ref, in a dry run

// refusal reasons: src/head/reasons.ts has their texts
export const WHY_TOO_OLD: u32 = 1;
export const WHY_TOO_FAR: u32 = 2;
export const WHY_DUPLICATE: u32 = 3;
export const WHY_NO_NAME: u32 = 4;
export const WHY_UTF8: u32 = 5;
export const WHY_EMPTY_LABEL_NAME: u32 = 6;
export const WHY_REPEATED_LABEL: u32 = 7;
export const WHY_LABELS_LIMIT: u32 = 8;
export const WHY_NAME_LENGTH: u32 = 9;
export const WHY_VALUE_LENGTH: u32 = 10;
export const WHY_SERIES_LIMIT: u32 = 11;
export const WHY_MEMORY: u32 = 12;
export const WHY_SYMBOL: u32 = 13;
export const WHY_BUDGET: u32 = 17;
export const WHY_SOURCES: u32 = 18; // the merge table is full
// given by JavaScript
export const WHY_HISTOGRAM: u32 = 14;
export const WHY_EXEMPLAR: u32 = 15;
export const WHY_METADATA: u32 = 16;
export const WHY_COUNT: u32 = 19;

// cold kinds: what the kernel leaves to JavaScript
export const COLD_HISTOGRAM: u32 = 1;
export const COLD_EXEMPLAR: u32 = 2;
export const COLD_METADATA: u32 = 3;
export const COLD_STALE_HISTOGRAM: u32 = 4; // address, length: the timestamp's low and high word
export const COLD_LATE: u32 = 5; // address of {u64 value, i64 t}: a chunk that lies only in the log may hold t
export const COLD_MERGE: u32 = 6; // address of {u64 value, i64 t}, length: place in the merge table

// whole-request failures (negative results)
export const ERR_SNAPPY: i32 = -1;
export const ERR_TOO_LARGE: i32 = -2;
export const ERR_PROTOBUF: i32 = -3;
export const ERR_TOO_MANY: i32 = -4;
export const ERR_MEMORY: i32 = -5;
export const ERR_SYMBOLS: i32 = -6; // 2.0: the first symbol is not empty

// ---- scratch of one query thread ----
export const Q_COUNT: usize = 0x00; // descriptors
export const Q_MISSING: usize = 0x04; // of them, bytes to be read from the log
export const Q_DATA_BYTES: usize = 0x08;
export const Q_HISTOGRAMS: usize = 0x0c; // descriptors that are histogram chunks or samples
export const Q_FREE: usize = 0x400; // free lists
export const Q_DESC: usize = 0x1000; // 48 bytes each, as chunk nodes; N_DATA is an address in Q_DATA or 0; N_ENC 0: one histogram sample
export const Q_DESC_MAX: u32 = 16384;
export const Q_DATA: usize = Q_DESC + 48 * Q_DESC_MAX;
export const Q_DATA_MAX: u32 = 16 << 20;
export const Q_SAMPLES_MAX: u32 = 1 << 21;
export const Q_T: usize = Q_DATA + Q_DATA_MAX + 0x1000; // f64[]
export const Q_V: usize = Q_T + 8 * Q_SAMPLES_MAX; // u64[]
export const Q_TMP: usize = Q_V + 8 * Q_SAMPLES_MAX; // merging; postings
// many series in one call (cells.ts): behind what merging one chunk takes
export const CELL_ROWS_MAX: u32 = 16384;
export const CELLS_MAX: u32 = 1 << 20;
export const Q_ROW_REFS: usize = Q_TMP + 0x200000; // u32[CELL_ROWS_MAX]
export const Q_ROW_RESULTS: usize = Q_ROW_REFS + 4 * CELL_ROWS_MAX; // i32[CELL_ROWS_MAX]
export const Q_CELL_KINDS: usize = Q_ROW_RESULTS + 4 * CELL_ROWS_MAX; // u8[CELLS_MAX]
export const Q_CELLS: usize = Q_CELL_KINDS + CELLS_MAX; // f64[CELLS_MAX], or a hash table
export const Q_BYTES: usize = Q_TMP + 16 * Q_SAMPLES_MAX + 0x1000;
