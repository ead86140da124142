// What JavaScript calls (src/kernel/kernel.ts has the signatures). One instance a thread, one memory for all.
import { CTRL, C_CRC, C_CREATE_LOCK, SNAPPY_TABLE } from "./layout";
import { initSnappy } from "./snappy";
import { initCrc } from "./crc32c";
import { beginIndex } from "./index-memory";
import { initMemory, settleLiveBytes, spinLock, spinUnlock } from "./memory";

export { alloc, free, settleLiveBytes } from "./memory";
export { crc32c } from "./crc32c";
export { snappyDecode } from "./snappy";
export { beginRows, countDistinct, fillCells, groupRows } from "./cells";
export { countLive, countPairs, listPairs } from "./count-pairs";
export { appendMerged, finish, ingest, probe, settleLate } from "./ingest";
export { forgetMetadata } from "./metadata";
export { refuse } from "./resolve";
export { beginRules, freeSpellings, initRules } from "./rules";
export { chunksLogged, evict, sweepEvictionQueue } from "./evict";
export {
  beginDeletion, deleteFromChunk, deleteSamples, finishDeletion, removeChunk, settleHistograms, settleNewest, settleNewestFrom,
} from "./delete";
export { buildWithout, buryEnded, freeEnded, markEnded, replaceIndex } from "./collect-ended";
export { dropCollected, oldestChunk, sealSeries, sortRefs } from "./compact";
export { encodedSeriesBytes, encodeSeries, mapRef, replayChunk, replaySamples, replaySeries } from "./replay";
export { findKey, readPostings } from "./index-postings";
export { measureSeries } from "./measure";
export { reuseRefs } from "./series";
export { collectChunks, decodeFloats, filterOverlapping, readFloats, snapshot } from "./read";
export { decodeChunk } from "./chunk-read";
export { decodeChecked } from "./block-chunk";
export { encodeTightly } from "./tight-chunk";
export {
  addHistogram, addHistogramChunk, dropHistograms, firstHistogram, lockRef, unlockRef, waitingHistograms,
} from "./histograms";

/** Fills what the first thread fills, once JavaScript has written the control block. False: the memory is too small. */
export function initShared(): bool {
  initCrc(load<u32>(CTRL, C_CRC));
  initSnappy(load<u32>(CTRL, C_CRC) + <u32>SNAPPY_TABLE);
  const ok = beginIndex(0);
  settleLiveBytes();
  return ok;
}

/** `lists`:  words of this thread's scratch. `shares`: what this thread frees is for the others. */
export function initThread(lists: usize, shares: bool): void {
  initMemory(lists, shares);
}

/** While it is held no series is made. Held for a few words only. */
export function lockCreation(): void {
  spinLock(CTRL + C_CREATE_LOCK);
}
export function unlockCreation(): void {
  spinUnlock(CTRL + C_CREATE_LOCK);
}
