/** What a script prints: to where the text of the trace goes, in the order in which it was made, or to stderr. */
import type { ScriptPrinter } from '../fields/printer.js';
import type { Terminal } from './terminal.js';

/** More than this is not kept until there is room: the rest is dropped, and the user is told. */
const MAX_PENDING = 1 << 24;

export class ScriptPrints implements ScriptPrinter {
  readonly #terminal: Pick<Terminal, 'write' | 'clearStatus' | 'warn'>;
  readonly #isWithText: boolean;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #dropped = 0;

  /** @param isWithText whether it goes to where the text goes; otherwise to stderr */
  constructor(terminal: Pick<Terminal, 'write' | 'clearStatus' | 'warn'>, isWithText: boolean) {
    this.#terminal = terminal;
    this.#isWithText = isWithText;
  }

  out(bytes: Uint8Array): void {
    if (!this.#isWithText) {
      this.error(bytes);
      return;
    }
    if (this.#pendingBytes + bytes.length > MAX_PENDING) {
      this.#dropped += bytes.length;
      return;
    }
    this.#pending.push(Buffer.from(bytes));
    this.#pendingBytes += bytes.length;
  }

  error(bytes: Uint8Array): void {
    this.#terminal.clearStatus();
    this.#terminal.write(Buffer.from(bytes).toString());
  }

  /** What was printed since the last call. */
  take(): Uint8Array {
    const taken = this.#pending.length === 0 ? NOTHING : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#dropped > 0) this.#terminal.warn(`the script printed ${this.#dropped} bytes more than can be kept`);
    this.#dropped = 0;
    return taken;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
