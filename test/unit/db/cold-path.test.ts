import * as assert from "node:assert/strict";
import { test } from "node:test";
import { EXEMPLARS_MAX } from "../../../dist/db/side-stores.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import type { WireSeries } from "../../support/remote-write.js";

const NOW = Date.UTC(2026, 10, 22, 14);

function series(rest: Omit<WireSeries, "labels">): WireSeries {
  return { labels: [["__name__", "m"]], ...rest };
}

test("a refused histogram is told with what is wrong with it, and the good sample beside it is stored", async () => {
  const database = new LocalDatabase(new MemFileSystem(), new FakeClock(NOW));
  const histograms = [{ countInt: 5, zeroCountInt: 4, schema: 0, sum: 1, timestamp: NOW }];
  const { status, message } = await database.writeSeries([
    series({ samples: [{ value: 1, timestamp: NOW }], histograms }),
  ]);
  assert.equal(status, 400);
  assert.match(message, /^refused 1 of 2 samples: 1 invalid native histogram; first: m: the buckets hold 4 /);
  assert.equal(database.contents().get("m")?.size, 1);
  await database.close();
});

test("more exemplars in one request than are kept at all are refused", async () => {
  const database = new LocalDatabase(new MemFileSystem(), new FakeClock(NOW));
  const exemplar = { labels: [], value: 1, timestamp: NOW };
  const full = await database.writeSeries([series({ exemplars: new Array(EXEMPLARS_MAX).fill(exemplar) })]);
  assert.equal(full.status, 204, full.message);
  const over = await database.writeSeries([
    series({ exemplars: new Array(EXEMPLARS_MAX + 1).fill(exemplar) }),
  ]);
  assert.equal(over.status, 400);
  assert.match(over.message, /more than 100000 exemplars in one request/);
  await database.close();
});
