#!/usr/bin/env node
import { RefusalError } from "./base/errors.js";
import { main } from "./cli/main.js";

process.exitCode = await main(process.argv.slice(2), async () => {
  throw new RefusalError("unsupported", "this build has no database");
});
