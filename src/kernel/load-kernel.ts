import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

let kernel: WebAssembly.Module | undefined;
let printer: WebAssembly.Module | undefined;

/** The compiled kernel; once a thread. A worker should get the main thread's as a message instead. */
export function kernelModule(): WebAssembly.Module {
  kernel ??= compile("kernel.wasm");
  return kernel;
}

/** The compiled printer of samples; once a thread: it is small. */
export function printModule(): WebAssembly.Module {
  printer ??= compile("print.wasm");
  return printer;
}

function compile(name: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(fileURLToPath(new URL(name, import.meta.url))));
}
