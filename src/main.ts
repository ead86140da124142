#!/usr/bin/env node
import { RefusalError } from "./base/errors.js";
import { main } from "./cli/main.js";

const status = await main(process.argv.slice(2), async () => {
  throw new RefusalError("unsupported", "this build has no database");
});
// Threads and timers of an interrupted start must not keep the process.
process.exit(status);
