import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

let compiled: WebAssembly.Module | undefined;

/** The compiled kernel; once a thread. A worker should get the main thread's as a message instead. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(fileURLToPath(new URL("kernel.wasm", import.meta.url))));
  return compiled;
}
