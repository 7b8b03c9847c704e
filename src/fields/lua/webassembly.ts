/** The parts of WebAssembly that are used here: the types of Node's own interface are those of browsers, which are not wanted. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface WasmTable {
  get(index: number): unknown;
  /** @returns the length before */
  grow(count: number, value: unknown): number;
}

/** Functions, by module and name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** A compiled module. */
export type WasmModule = object;

interface WasmInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  readonly RuntimeError: new () => Error;
}

export const Wasm = (globalThis as unknown as { readonly WebAssembly: WasmInterface }).WebAssembly;
