#!/usr/bin/env node
import { main } from "./cli/main.js";
import { openEngine } from "./workers/engine.js";

/** As `--storage.tsdb.retention.time` has it by default. */
const RETENTION_MS: number = 365 * 24 * 60 * 60 * 1000;
const EXIT_FATAL = 70;

process.exitCode = await main(process.argv.slice(2), (config, log, progress) =>
  openEngine(
    {
      ...config,
      retentionMs: RETENTION_MS,
      onFatal: (error) => {
        log.error("a thread failed: only a restart is sure to be right", {
          err: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
        process.exit(EXIT_FATAL);
      },
    },
    log,
    progress,
  ),
);
