// Heap over the one shared memory, and the two kinds of lock.
//
// Size classes: multiples of 16 bytes up to 1 KiB, of 256 up to 16 KiB, then powers of two up to 64 MiB.
// Each thread bumps through regions of its own and keeps what it frees; what main frees goes to shared lists
// that a thread takes whole when its own list is empty. Nothing is given back to the operating system.
import { CTRL, C_FREE, C_FREE_LOCK, C_HEAP_END, C_HEAP_TOP, C_LIVE_BYTES, C_LOCKS, FREE_CLASSES, STRIPE_SHIFT } from "./layout";

const REGION_BYTES: u32 = 256 << 10;
let regionAt: usize = 0;
let regionEnd: usize = 0;
let ownFree: usize = 0; // u32[FREE_CLASSES] heads, in this thread's scratch
let sharesFrees: bool = false; // this thread's frees go to the shared lists
let liveDelta: i64 = 0;

export function initMemory(ownLists: usize, shares: bool): void {
  ownFree = ownLists;
  sharesFrees = shares;
  memory.fill(ownLists, 0, 4 * FREE_CLASSES);
}

// Waits while the word at `at` is `seen`, at most so many microseconds. Not `atomic.wait`: V8's baseline code (Node 20)
// was seen to lose a local that lived across it (the tag of a new series, which was never found again), which a call cannot.
// @ts-ignore: decorator
@external("env", "pause")
export declare function pause(at: usize, seen: u32, us: u32): void;

// @ts-ignore: decorator
@inline
export function spinLock(at: usize): void {
  let spins = 0;
  while (atomic.cmpxchg<u32>(at, 0, 1) != 0) {
    if (++spins > 500) pause(at, 1, 50); // nobody notifies
  }
}
// @ts-ignore: decorator
@inline
export function spinUnlock(at: usize): void {
  atomic.store<u32>(at, 0);
}

// A stripe is a sequence lock: odd while a writer is inside, one higher after each writer.
// @ts-ignore: decorator
@inline
export function stripeOf(ref: u32): usize {
  return <usize>load<u32>(CTRL, C_LOCKS) + ((ref >>> STRIPE_SHIFT) << 2);
}
export function lockStripe(at: usize): void {
  let spins = 0;
  while (true) {
    const seen = atomic.load<u32>(at);
    if (!(seen & 1) && atomic.cmpxchg<u32>(at, seen, seen + 1) == seen) return;
    if (++spins > 500) pause(at, seen | 1, 50);
  }
}
// @ts-ignore: decorator
@inline
export function unlockStripe(at: usize): void {
  atomic.store<u32>(at, load<u32>(at) + 1);
}

/** Grows the memory so that `bytes` from the shared bump pointer are usable. 0: the heap is full. */
function reserve(bytes: u32): usize {
  const limit = load<u32>(CTRL, C_HEAP_END);
  let at: u32;
  while (true) {
    at = atomic.load<u32>(CTRL, C_HEAP_TOP);
    if (at > limit || limit - at < bytes) return 0;
    if (atomic.cmpxchg<u32>(CTRL, at, at + bytes, C_HEAP_TOP) == at) break;
  }
  const pages = <u32>((<u64>at + bytes + 65535) >>> 16);
  // Another thread may grow in between; then this one grows a little too far, which costs address space only.
  while (<u32>memory.size() < pages) {
    if (memory.grow(<i32>(pages - <u32>memory.size())) < 0 && <u32>memory.size() < pages) return 0;
  }
  return at;
}

// @ts-ignore: decorator
@inline
function classOf(bytes: u32): u32 {
  if (bytes <= 1024) return (bytes + 15) >>> 4;
  if (bytes <= 16384) return 64 + ((bytes + 255) >>> 8);
  return 129 + (32 - clz(bytes - 1)) - 15; // 32 KiB is class 129
}
// @ts-ignore: decorator
@inline
function classBytes(cls: u32): u32 {
  if (cls <= 64) return cls << 4;
  if (cls <= 128) return (cls - 64) << 8;
  return 32768 << (cls - 129);
}

/** At least `bytes` bytes at a multiple of 16, content undefined; 0 where the heap is full. */
export function alloc(bytes: u32): usize {
  const cls = classOf(bytes);
  const size = classBytes(cls);
  const own = ownFree + (cls << 2);
  let at: usize = load<u32>(own);
  if (!at && load<u32>(CTRL + (cls << 2), C_FREE)) {
    spinLock(CTRL + C_FREE_LOCK);
    at = load<u32>(CTRL + (cls << 2), C_FREE);
    store<u32>(CTRL + (cls << 2), 0, C_FREE);
    spinUnlock(CTRL + C_FREE_LOCK);
  }
  if (at) {
    store<u32>(own, load<u32>(at));
  } else if (size >= REGION_BYTES >>> 2) {
    at = reserve(size);
    if (!at) return 0;
  } else {
    if (regionAt + size > regionEnd) {
      const region = reserve(REGION_BYTES);
      if (!region) return 0;
      regionAt = region;
      regionEnd = region + REGION_BYTES;
    }
    at = regionAt;
    regionAt += size;
  }
  liveDelta += size;
  return at;
}

/** `bytes` as given to `alloc`. */
export function free(at: usize, bytes: u32): void {
  const cls = classOf(bytes);
  liveDelta -= classBytes(cls);
  if (sharesFrees) {
    spinLock(CTRL + C_FREE_LOCK);
    store<u32>(at, load<u32>(CTRL + (cls << 2), C_FREE));
    store<u32>(CTRL + (cls << 2), <u32>at, C_FREE);
    spinUnlock(CTRL + C_FREE_LOCK);
    return;
  }
  store<u32>(at, load<u32>(ownFree + (cls << 2)));
  store<u32>(ownFree + (cls << 2), <u32>at);
}

/** Makes this thread's allocations visible in C_LIVE_BYTES. */
export function settleLiveBytes(): void {
  if (liveDelta) atomic.add<i64>(CTRL, liveDelta, C_LIVE_BYTES);
  liveDelta = 0;
}
export function liveBytes(): i64 {
  return atomic.load<i64>(CTRL, C_LIVE_BYTES) + liveDelta;
}
