import * as assert from "node:assert/strict";
import { test } from "node:test";
import { openLogger } from "../../../dist/base/log.js";

test("logfmt lines quote what needs it", () => {
  const lines: string[] = [];
  const log = openLogger("logfmt", "info", (line) => lines.push(line));
  log.info("ready", { after: "1.5s", samples: 3, note: 'a "b"\nc', ok: true });
  log.debug("hidden");
  log.warn("two words");
  assert.equal(lines.length, 2);
  assert.match(
    lines[0],
    /^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg=ready after=1\.5s samples=3 note="a \\"b\\"\\nc" ok=true\n$/,
  );
  assert.match(lines[1], /level=warn msg="two words"\n$/);
});

test("JSON lines parse and carry the same fields", () => {
  const lines: string[] = [];
  openLogger("json", "debug", (line) => lines.push(line)).error("bad", { err: "x\ny" });
  const { time, ...rest } = JSON.parse(lines[0]) as Record<string, unknown>;
  assert.deepEqual(rest, { level: "error", msg: "bad", err: "x\ny" });
  assert.ok(Number.isFinite(Date.parse(String(time))));
});
