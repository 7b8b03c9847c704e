/** Signals that end a trace. */
import { constants } from 'node:os';
import { setImmediate as immediate } from 'node:timers/promises';
import { exitAtOnce, ignoreSignal } from '../capture/process.js';
import { isInForeground, type Program } from '../sys/program.js';
import { STATUS_INTERRUPTED } from './exit-status.js';

/** Signals that a person sends. Others may come repeatedly: a terminal that goes sends SIGHUP twice, timers go on. */
const INSISTING = ['SIGINT', 'SIGTERM', 'SIGQUIT'];
/** Signals that a terminal sends to all processes in its foreground. */
const TYPED = ['SIGINT', 'SIGQUIT'];
/** `SIGRTMIN` and `SIGRTMAX`, without the signals that the C library uses itself. */
const REAL_TIME = { first: 35, last: 64 };

/** The handlers of bin/ipft.js for the signals that would end the process. */
export interface Signals {
  /** The names of signals that were ignored when the process began: by nohup, or by a shell for background commands. */
  readonly ignored: readonly string[];
  /**
   * Hands signals to `handler` from now on; without a handler, signals have their default effect again.
   * @returns whether a signal has come before
   */
  take(handler: ((name: string) => void) | undefined): boolean;
}

export const NO_SIGNALS: Signals = { ignored: [], take: () => false };

/** Has the kernel ignore signals without an effect here, so that they interrupt no system call. */
export function ignoreSignals({ ignored }: Signals): void {
  const numbers: Partial<Record<string, number>> = constants.signals;
  for (const name of ignored) ignoreSignal(numbers[name] ?? 0);
  for (let number = REAL_TIME.first; number <= REAL_TIME.last; number++) ignoreSignal(number);
}

/** What ends a trace: signals, or whoever began it. */
export type TraceStop = Pick<StopSignal, 'ignored' | 'signal' | 'happened' | 'hasHappened' | 'endAtOnce' | 'handTo'>;

/** Ends a trace of several that a process makes, one after the other. */
export class OneStop implements TraceStop {
  readonly ignored: readonly string[];
  readonly #controller = new AbortController();
  readonly happened: Promise<void>;

  constructor(ignored: readonly string[]) {
    this.ignored = ignored;
    this.happened = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    this.#controller.abort();
  }

  async hasHappened(): Promise<boolean> {
    await immediate();
    return this.signal.aborted;
  }

  /** The process goes on when the trace has ended. */
  endAtOnce(): void {}

  /** No program is run. */
  handTo(): void {}
}

/**
 * The first signal stops the trace. The second that a person sends ends the process at once; so does the first after
 * the result has been written.
 */
export class StopSignal {
  /** Those that a program of the user is to find ignored, too. */
  readonly ignored: readonly string[];
  readonly #controller = new AbortController();
  #insisting = 0;
  /** Takes SIGUSR1, which then ends nothing. */
  onUser: (() => void) | undefined;
  #program: Pick<Program, 'kill'> | undefined;
  /** Whether the program had a signal of a person. */
  #wasHandedOn = false;
  /** The exit status for a signal after the result has been written. */
  #status: number | undefined;
  /** Resolves at the first signal. */
  readonly happened: Promise<void>;

  constructor(signals: Signals) {
    this.ignored = signals.ignored;
    this.happened = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (!signals.take((name) => this.#take(name))) return;
    this.#insisting = 1;
    this.#controller.abort();
  }

  #take(name: string): void {
    if (name === 'SIGUSR1' && this.onUser) {
      this.onUser();
      return;
    }
    if (this.#program && this.#handsOn(name)) {
      // Of what is typed at the terminal, the program knows already.
      if (!TYPED.includes(name) || !isInForeground()) this.#program.kill(name as NodeJS.Signals);
      return;
    }
    if (INSISTING.includes(name)) this.#insisting++;
    if (this.#insisting > 1) exitAtOnce(STATUS_INTERRUPTED);
    if (this.#status !== undefined) exitAtOnce(this.#status);
    this.#controller.abort();
  }

  #handsOn(name: string): boolean {
    if (!INSISTING.includes(name)) return true;
    const isFirst = !this.#wasHandedOn;
    this.#wasHandedOn = true;
    return isFirst;
  }

  /**
   * From now on signals are for a program, in the same process group, and do not end the trace; but the second one that a
   * person sends does.
   * @param program undefined when it has ended
   */
  handTo(program: Pick<Program, 'kill'> | undefined): void {
    this.#program = program;
  }

  /** The result has been written: from now on a signal ends the process. @param status the exit status */
  endAtOnce(status: number): void {
    this.#status = status;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Lets pending signals be handled, which happens between two turns of the event loop. @returns whether to stop */
  async hasHappened(): Promise<boolean> {
    await immediate();
    await immediate();
    return this.signal.aborted;
  }
}
