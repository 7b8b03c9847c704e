/** stdout with back pressure: whoever writes waits until the reader has room, or has gone away. */
import { hasReader } from '../sys/libc.js';
import type { Writer } from './writer.js';

const STDOUT = 1;

export class StdoutWriter implements Writer {
  readonly name = 'stdout';
  readonly isTerminal = process.stdout.isTTY === true;
  readonly columns = process.stdout.columns || undefined;
  #closed = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true;
      // A reader that has seen enough (`| head`) is no failure.
      if (error.code !== 'EPIPE') this.#failure = error;
      this.#wake();
    });
  }

  /** Whether nobody reads any more; also before the next write would fail of it. */
  get closed(): boolean {
    this.#closed ||= !hasReader(STDOUT);
    return this.#closed;
  }

  /** Why writing failed, if it was not that the reader left. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Writes, and waits until there is room for more. After `closed` it does nothing.
   * @returns whether the bytes are no longer needed
   */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#closed || bytes.length === 0) return false;
    if (process.stdout.write(bytes)) return process.stdout.writableLength === 0;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      process.stdout.once('drain', resolve);
    });
    return process.stdout.writableLength === 0;
  }

  /** Waits until all has been handed to the system. */
  async flush(): Promise<void> {
    if (this.#closed || process.stdout.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      process.stdout.write('', () => resolve());
    });
  }
}
