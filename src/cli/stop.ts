/** Being asked to end. */
import { constants } from 'node:os';
import { setImmediate as immediate } from 'node:timers/promises';
import { exitAtOnce, ignoreSignal } from '../capture/process.js';
import { STATUS_INTERRUPTED } from './exit-status.js';

/** Those that a person sends. Others may come in numbers: a terminal that goes sends SIGHUP twice, timers go on. */
const INSISTING = ['SIGINT', 'SIGTERM', 'SIGQUIT'];
/** `SIGRTMIN` and `SIGRTMAX`, but for those that the C library keeps for itself. */
const REAL_TIME = { first: 35, last: 64 };

/** What bin/ipft.js does with the signals that would end the process. */
export interface Signals {
  /** Those that were ignored when the process began: by nohup, or by the shell for what runs behind its back. */
  readonly ignored: readonly string[];
  /**
   * Gives signals to `handler` from now on; without one, each does what it does by itself.
   * @returns whether one has come before
   */
  take(handler: ((name: string) => void) | undefined): boolean;
}

export const NO_SIGNALS: Signals = { ignored: [], take: () => false };

/** Has the kernel ignore what nobody wants to know, so that no system call is interrupted by it. */
export function ignoreSignals({ ignored }: Signals): void {
  const numbers: Partial<Record<string, number>> = constants.signals;
  for (const name of ignored) ignoreSignal(numbers[name] ?? 0);
  for (let number = REAL_TIME.first; number <= REAL_TIME.last; number++) ignoreSignal(number);
}

/**
 * The first signal asks to stop; the second that a person sends ends the process at once, and so does the first one
 * when the result is out.
 */
export class StopSignal {
  readonly #controller = new AbortController();
  #insisting = 0;
  /** The status to end with at once when the result is out. */
  #status: number | undefined;
  /** Resolves at the first signal. */
  readonly happened: Promise<void>;

  constructor(signals: Signals) {
    this.happened = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (!signals.take((name) => this.#take(name))) return;
    this.#insisting = 1;
    this.#controller.abort();
  }

  #take(name: string): void {
    if (INSISTING.includes(name)) this.#insisting++;
    if (this.#insisting > 1) exitAtOnce(STATUS_INTERRUPTED);
    if (this.#status !== undefined) exitAtOnce(this.#status);
    this.#controller.abort();
  }

  /** The result is out: from now on nothing is worth waiting for. @param status what the process ends with */
  endAtOnce(status: number): void {
    this.#status = status;
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
}
