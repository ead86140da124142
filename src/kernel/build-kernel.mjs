// Compiles src/kernel/assembly to dist/kernel. The flags live here and nowhere else.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("../..", import.meta.url));
const OPTIMIZED = ["-O3", "--converge", "--noAssert", "--uncheckedBehavior", "always", "--runtime", "stub"];
/** One memory of all threads, given from outside. */
const SHARED = [
  "--enable",
  "threads",
  "--sharedMemory",
  "--importMemory",
  "--initialMemory",
  "16",
  "--maximumMemory",
  "65536",
];

async function compile(entry, target, flags) {
  const { error, stderr } = await asc.main([
    `src/kernel/assembly/${entry}`,
    "--outFile",
    `dist/kernel/${target}`,
    ...OPTIMIZED,
    "--enable",
    "simd",
    "--enable",
    "bulk-memory",
    "--baseDir",
    root,
    ...flags,
  ]);
  if (!error) return;
  process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
  process.exit(1);
}

mkdirSync(`${root}dist/kernel`, { recursive: true });
await compile("index.ts", "kernel.wasm", SHARED);
await compile("print/index.ts", "print.wasm", ["--importMemory"]);
