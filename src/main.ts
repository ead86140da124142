#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";
import { main } from "./cli/main.js";
import { openEngine } from "./workers/engine.js";
import { allLoaded } from "./workers/thread-pool.js";

// What a query runs is asked for every few minutes: collecting garbage in between must not throw its code away, neither
// for not having run since nor because the shapes of the objects it is made for have no object at the moment.
setFlagsFromString("--no-flush-bytecode");
setFlagsFromString("--retain-maps-for-n-gc=100");
setFlagsFromString("--no-memory-reducer");
// Queries are few and short: by the usual measure, three times this one, code that they run stays slow for dozens.
setFlagsFromString("--interrupt-budget=22000");

const status = await main(process.argv.slice(2), openEngine);
await allLoaded();
// Threads and timers of an interrupted start must not keep the process.
process.exit(status);
