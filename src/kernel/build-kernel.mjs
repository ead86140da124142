// Compiles src/kernel/assembly/*.ts to dist/kernel/kernel.wasm. The flags live here and nowhere else.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("../..", import.meta.url));
mkdirSync(`${root}dist/kernel`, { recursive: true });
const { error, stderr } = await asc.main([
  "src/kernel/assembly/index.ts",
  "--outFile",
  "dist/kernel/kernel.wasm",
  "-O3",
  "--converge",
  "--noAssert",
  "--uncheckedBehavior",
  "always",
  "--runtime",
  "stub",
  "--enable",
  "simd",
  "--enable",
  "threads",
  "--enable",
  "bulk-memory",
  "--sharedMemory",
  "--importMemory",
  "--initialMemory",
  "16",
  "--maximumMemory",
  "65536",
  "--baseDir",
  root,
]);
if (error) {
  process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
  process.exit(1);
}
