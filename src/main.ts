#!/usr/bin/env node
import { main } from "./cli/main.js";
import { openEngine } from "./workers/engine.js";

process.exitCode = await main(process.argv.slice(2), openEngine);
