// Closed chunks that are in the log may leave memory, oldest first. One thread calls these: the one that
// replays, afterwards the main thread.
import {
  NF_UNQUEUED, N_OOO, CTRL, C_EVICT, C_EVICT_LAST, NODE_BYTES, NONE, N_DATA, N_LEN, N_OFFSET, N_OLDER, N_REF, N_SEGMENT,
} from "./layout";
import { free, liveBytes, lockStripe, settleLiveBytes, stripeOf, unlockStripe } from "./memory";

export function queueForEviction(node: usize): void {
  store<u32>(node, 0, N_OLDER);
  const last = load<u32>(CTRL, C_EVICT_LAST);
  if (last) store<u32>(last, <u32>node, N_OLDER);
  else store<u32>(CTRL, <u32>node, C_EVICT);
  store<u32>(CTRL, <u32>node, C_EVICT_LAST);
}

/** Gives back the nodes of the queue whose chunks are in blocks now. Nobody else holds them. */
export function sweepEvictionQueue(): void {
  let node = <usize>load<u32>(CTRL, C_EVICT);
  store<u32>(CTRL, 0, C_EVICT);
  store<u32>(CTRL, 0, C_EVICT_LAST);
  while (node) {
    const next = <usize>load<u32>(node, N_OLDER);
    if (load<u32>(node, N_REF) == NONE) free(node, NODE_BYTES);
    else queueForEviction(node);
    node = next;
  }
  settleLiveBytes();
}

/** Tells the chunks of {node, offset}[count] at `pairs` where they lie in the log: `base` is the first record's offset. */
export function chunksLogged(pairs: usize, count: u32, segment: u32, base: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const node = <usize>load<u32>(pairs + (i << 3));
    const stripe = stripeOf(load<u32>(node, N_REF));
    lockStripe(stripe);
    store<u32>(node, segment, N_SEGMENT);
    store<u32>(node, base + load<u32>(pairs + (i << 3), 4), N_OFFSET);
    unlockStripe(stripe);
    queueForEviction(node);
  }
}

/** Frees bytes of logged chunks until at most `target` heap bytes are live; returns the bytes freed. */
export function evict(target: f64): f64 {
  let freed: i64 = 0;
  while (liveBytes() > <i64>target) {
    const node = <usize>load<u32>(CTRL, C_EVICT);
    if (!node) break;
    const next = load<u32>(node, N_OLDER);
    store<u32>(CTRL, next, C_EVICT);
    if (!next) store<u32>(CTRL, 0, C_EVICT_LAST);
    const ref = load<u32>(node, N_REF);
    if (ref == NONE) {
      free(node, NODE_BYTES); // its chunk is in a block
      continue;
    }
    const stripe = stripeOf(ref);
    lockStripe(stripe);
    if (load<u32>(node, N_REF) == NONE) {
      unlockStripe(stripe);
      free(node, NODE_BYTES);
      continue;
    }
    store<u8>(node, load<u8>(node, N_OOO) | NF_UNQUEUED, N_OOO);
    const data = load<u32>(node, N_DATA);
    if (data) {
      store<u32>(node, 0, N_DATA);
      free(data, load<u32>(node, N_LEN));
      freed += load<u32>(node, N_LEN);
    }
    unlockStripe(stripe);
  }
  settleLiveBytes();
  return <f64>freed;
}
