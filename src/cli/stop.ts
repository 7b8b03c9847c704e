/** Being asked to end. */
import { setImmediate as immediate } from 'node:timers/promises';
import { exitAtOnce } from '../internal.js';

const SECOND_SIGNAL_STATUS = 130;

/**
 * The first SIGINT or SIGTERM asks to stop; the second ends the process at once, and so does the first one when the
 * result is out.
 */
export class StopSignal implements Disposable {
  readonly #controller = new AbortController();
  #endsAtOnce = false;
  readonly #handler = () => {
    if (this.#endsAtOnce) exitAtOnce(SECOND_SIGNAL_STATUS);
    this.stop();
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
    this.#endsAtOnce = true;
    this.#controller.abort();
  }

  /** It is time to end. A signal that comes at the same moment must not cost the result. */
  expire(): void {
    this.#controller.abort();
  }

  /** The result is out: from now on nothing is worth waiting for. */
  endAtOnce(): void {
    this.#endsAtOnce = true;
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
