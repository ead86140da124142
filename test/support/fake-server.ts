// The program with a fake database behind it: what the command line and the signals do can be tested without one.
import { setTimeout as sleep } from "node:timers/promises";
import { main } from "../../dist/cli/main.js";
import { FakeEngine, STORED } from "./fake-engine.js";

const openMs = Number(process.env["FAKE_OPEN_MS"] ?? 0);
const ingestMs = Number(process.env["FAKE_INGEST_MS"] ?? 0);

const status = await main(process.argv.slice(2), async (_config, _log, progress) => {
  progress("replaying the log: 1 of 2 segments");
  await sleep(openMs);
  if (process.env["FAKE_OPEN_ERROR"] !== undefined) throw new Error(process.env["FAKE_OPEN_ERROR"]);
  const bugMs = process.env["FAKE_BUG_MS"];
  if (bugMs !== undefined) {
    setTimeout(() => {
      throw new Error("a planted bug");
    }, Number(bugMs));
  }
  const engine = new FakeEngine();
  engine.onIngest = async () => {
    await sleep(ingestMs);
    return STORED;
  };
  return engine;
});
process.exit(status);
