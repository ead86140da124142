import * as assert from "node:assert/strict";
import { test } from "node:test";
import { allLoaded, closePool, openPool } from "../../../dist/workers/thread-pool.js";

const filename = new URL("../../support/slow-entry.js", import.meta.url).href;

for (const minThreads of [0, 1]) {
  test(`a thread is not ended while it loads: ${minThreads} at first`, async () => {
    const loaded = new Int32Array(new SharedArrayBuffer(4));
    const pool = openPool({ filename, minThreads, maxThreads: 1, workerData: loaded.buffer });
    const ended = (pool.run(undefined, { name: "work" }) as Promise<number>).catch(() => 0);
    await allLoaded();
    assert.equal(loaded[0], 1, "waited for before the process exits");
    Atomics.store(loaded, 0, 0);
    await ended;
    await closePool(pool);

    const again = openPool({ filename, minThreads, maxThreads: 1, workerData: loaded.buffer });
    const cut = (again.run(undefined, { name: "work" }) as Promise<number>).catch(() => 0);
    await closePool(again);
    assert.equal(loaded[0], 1, "waited for before the pool is closed");
    await cut;
  });
}
