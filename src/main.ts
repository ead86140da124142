#!/usr/bin/env node
import { main } from "./cli/main.js";
import { openEngine } from "./workers/engine.js";
import { allLoaded } from "./workers/thread-pool.js";

const status = await main(process.argv.slice(2), openEngine);
await allLoaded();
// Threads and timers of an interrupted start must not keep the process.
process.exit(status);
