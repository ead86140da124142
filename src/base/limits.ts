/**
 * Every bound that is not a flag, with its unit in its name. What happens at a bound is said where it is used;
 * docs/LIMITS.md has the table.
 */

/** Request line and headers of one request. */
export const HEADER_BYTES_MAX: number = 64 * 1024;
/** Body of a form POST (`/api/v1/query` and its like); Go's net/http has the same bound. */
export const FORM_BYTES_MAX: number = 10 * 1024 * 1024;
/** An over-size body is read and thrown away up to here, so that its sender reads the 413 and not a reset. */
export const DISCARD_BYTES_MAX: number = 64 * 1024 * 1024;
/** When all slots are taken, a body older than this … */
export const SLOW_BODY_MS = 200;
/** … that came at less than this (64 KB/s) loses its slot to the next request. */
export const BODY_BYTES_PER_MS_MIN = 64;
/** Longest wait of a write request for a slot; shorter than the timeout of any sender (k6: 5 s). */
export const SLOT_WAIT_MS_MAX = 2000;
/** How often those who wait are looked at. */
export const SLOT_WAIT_TICK_MS = 50;
/** Bodies of all who wait together. */
export const SLOT_WAIT_BYTES_MAX: number = 32 * 1024 * 1024;
/** Passwords that are compared (bcrypt, tens of milliseconds each) at one time; more are answered 503. */
export const PASSWORD_CHECKS_MAX = 16;
/** Outcomes of such comparisons that are remembered. */
export const PASSWORD_CACHE_MAX = 1000;
/** Answers smaller than this are never compressed: the header would cost more than it saves. */
export const GZIP_BYTES_MIN = 1024;
/** Answers larger than this are handed to the socket piece by piece. */
export const STREAMED_ANSWER_BYTES: number = 256 * 1024;
/** How often the front end looks for bodies that take too long. */
export const LISTEN_SWEEP_MS = 1000;
/** `Retry-After` while the server starts, stops or is short of slots. */
export const RETRY_AFTER_SECONDS = 5;
/** Idle keep-alive connections are closed after this; longer than any sender's usual flush interval. */
export const KEEP_ALIVE_MS: number = 120 * 1000;
/** Warnings and infos of one answer, as Prometheus bounds them. */
export const ANNOTATIONS_MAX = 10;
/** Bytes of the body of one answer. */
export const ANSWER_BYTES_MAX: number = 512 * 1024 * 1024;
/** Body of a remote read, compressed and not; Prometheus has the same bound. */
export const READ_BYTES_MAX: number = 32 * 1024 * 1024;
/** Queries of one remote read. */
export const READ_QUERIES_MAX = 1000;
/** A streamed answer is made in pieces of about this size, the next one when the last is sent. */
export const READ_PIECE_BYTES: number = 4 * 1024 * 1024;
/** Bodies of requests that are not writes, all together, while they are being received. */
export const BODIES_BYTES_MAX: number = 128 * 1024 * 1024;
/** An OTLP request, decompressed. */
export const OTLP_BYTES_MAX: number = 32 * 1024 * 1024;
/** What it becomes is stored in parts of about this size: one request may become several times as long. */
export const OTLP_PART_BYTES: number = 16 * 1024 * 1024;
/** Levels of its messages. */
export const OTLP_DEPTH_MAX = 32;
/** OTLP requests that wait to be translated. */
export const OTLP_REQUESTS_MAX = 64;
/** Points of one series in one range query. */
export const RANGE_POINTS_MAX = 11_000;
/** Levels of a PromQL expression: parsing, checking and evaluating recurse. */
export const EXPRESSION_DEPTH_MAX = 500;
/** Levels of the arithmetic on durations inside one pair of brackets. */
export const DURATION_DEPTH_MAX = 100;
/** Arrays of results in the making of one query, empty cells (9 bytes each) included: what a sparse one may cost. */
export const QUERY_ARRAY_BYTES_MAX: number = 512 * 1024 * 1024;
/** Regular expressions that are kept compiled; the least recently used one leaves. */
export const REGEXP_CACHE_MAX = 1000;
/** Longer regular expressions are compiled each time. */
export const REGEXP_CACHED_LENGTH_MAX = 4096;
/** Entries of each list of `/api/v1/status/tsdb`. */
export const STATUS_ENTRIES_MAX = 10_000;
/** Queries that wait for a thread. */
export const QUERIES_WAITING_MAX = 1000;
/** JavaScript objects of one query thread; the arrays of samples are not among them. */
export const QUERY_THREAD_HEAP_MIB_MAX = 1024;
/** Characters of a query's text in the log and in the list of active queries. */
export const QUERY_TEXT_SHOWN_MAX = 4096;

/** Requests to change what is stored that may wait for each other; further ones are answered 503. */
export const ADMIN_WAITING_MAX = 16;
/** One line of text that is imported. */
export const IMPORT_LINE_BYTES_MAX: number = 32 * 1024 * 1024;
/** Body of one import over HTTP, as it is sent … */
export const IMPORT_BODY_BYTES_MAX: number = 32 * 1024 * 1024;
/** … and unpacked. */
export const IMPORT_UNPACKED_BYTES_MAX: number = 128 * 1024 * 1024;
/** Characters of one piece of an export. */
export const EXPORT_PIECE_CHARACTERS: number = 1024 * 1024;
/** Series that may be merged into others, and series that they become; see docs/CARDINALITY.md. */
export const MERGE_SOURCES_MAX: number = 1 << 20;
export const MERGE_TARGETS_MAX: number = 1 << 18;
/** Values of merged series in one record of the log. */
export const MERGE_ENTRIES_PER_RECORD = 65_536;
/** Bytes of spellings that the rules changed or dropped; then they are forgotten. */
export const RULE_SPELLING_BYTES_MAX: number = 64 * 1024 * 1024;
/** Rules in a relabelling file, and bytes of it. */
export const RELABEL_RULES_MAX = 1000;
export const RELABEL_FILE_BYTES_MAX: number = 1024 * 1024;
/** Budgets of series: each new series is matched against all. */
export const SERIES_BUDGETS_MAX = 100;
/** Labels whose values are counted when a budget is exceeded. */
export const EXPLODING_LABELS_MAX = 64;
/** Newest series of a budget that such counts begin with. */
export const EXPLODING_SERIES_MAX = 2048;
/** How old such counts may be. */
export const EXPLODING_COUNTS_MS: number = 10 * 60 * 1000;
/** Refused series of one request that are counted. */
export const REFUSED_SERIES_COUNTED_MAX = 10_000;
/** New series that a dry run describes. */
export const DRY_RUN_SERIES_MAX = 100_000;
/** Entries of the ledger of refusals; the oldest leaves. */
export const LEDGER_ENTRIES_MAX = 1000;
/** Senders that are counted by themselves; the one that was silent longest leaves. */
export const SENDERS_MAX = 1000;
/** Rows of a list of `/api/v1/admin/cardinality`. */
export const CARDINALITY_ROWS_MAX = 1000;
/** A capture of requests: longest, largest, and how many files are kept. */
export const CAPTURE_MS_MAX: number = 60 * 60 * 1000;
export const CAPTURE_BYTES_MAX: number = 4 * 1024 * 1024 * 1024;
export const CAPTURE_FILES_MAX = 20;
/** Header and body of one request in a capture that is replayed. */
export const CAPTURED_HEADER_BYTES_MAX: number = 64 * 1024;
export const CAPTURED_BODY_BYTES_MAX: number = 64 * 1024 * 1024;
