// AssemblyScript's number types, as far as assembly/layout.ts and assembly/print/layout.ts use them.
declare type usize = number;
declare type u32 = number;
declare type i32 = number;

// What the kernel uses of the WebAssembly JavaScript interface; the Node types of this version lack it.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: { readonly env: Readonly<Record<string, unknown>> });
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared?: boolean });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
}
