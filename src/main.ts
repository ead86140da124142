#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";
import { main } from "./cli/main.js";
import { openEngine } from "./workers/engine.js";
import { allLoaded } from "./workers/thread-pool.js";

// What a query runs is asked for every few minutes: collecting garbage in between must not throw its code away.
setFlagsFromString("--no-flush-bytecode");

const status = await main(process.argv.slice(2), openEngine);
await allLoaded();
// Threads and timers of an interrupted start must not keep the process.
process.exit(status);
