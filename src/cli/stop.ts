/** Being asked to end. */
import { setImmediate as immediate } from 'node:timers/promises';
import { exitAtOnce } from '../internal.js';

const SECOND_SIGNAL_STATUS = 130;

/** The first SIGINT or SIGTERM asks to stop; the second ends the process at once. */
export class StopSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #handler = () => {
    if (this.#controller.signal.aborted) exitAtOnce(SECOND_SIGNAL_STATUS);
    this.#controller.abort();
  };
  /** Resolves at the first signal. */
  readonly happened: Promise<void>;

  constructor() {
    this.happened = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    process.on('SIGINT', this.#handler);
    process.on('SIGTERM', this.#handler);
  }

  /** As the first signal does. */
  stop(): void {
    this.#controller.abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives signals their turn, which lies between two rounds of the event loop; returns whether to stop. */
  async hasHappened(): Promise<boolean> {
    await immediate();
    await immediate();
    return this.signal.aborted;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
  }
}
