/** Takes what an extension prints that is a script: to stdout, and to stderr. The bytes are lent. */
export interface ScriptPrinter {
  out(bytes: Uint8Array): void;
  error(bytes: Uint8Array): void;
}
