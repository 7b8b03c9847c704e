/** Writes in the background, one piece after the other: the recorder reads on meanwhile. */
import { IpftError } from '../base/errors.js';
import { settles } from '../base/settles.js';

interface Job {
  readonly bytes: number;
  readonly run: () => Promise<void> | void;
  readonly done?: (() => void) | undefined;
  /** Whether it runs after an error, too. */
  readonly always?: true;
}

export class WriteQueue {
  readonly #jobs: Job[] = [];
  #working = Promise.resolve();
  #isWorking = false;
  /** Called when a job is done. */
  #wake = () => {};
  /** The bytes that wait to be written. */
  pendingBytes = 0;
  /** The bytes that have been written. */
  writtenBytes = 0;
  /** The first error. What waited then, and what comes later, is not written. */
  problem: IpftError | undefined;

  /** Adds a job. @param bytes that it writes @param done called when it is done, or left out */
  add(bytes: number, run: Job['run'], done?: () => void): void {
    this.pendingBytes += bytes;
    this.#push({ bytes, run, done });
  }

  /** Adds a job that is done after an error, too: the end of a file. */
  addLast(run: Job['run']): void {
    this.#push({ bytes: 0, run, always: true });
  }

  #push(job: Job): void {
    this.#jobs.push(job);
    if (!this.#isWorking) this.#working = this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      try {
        if (!this.problem || job.always) {
          // What is done at once is not waited for.
          const running = job.run();
          if (running) await running;
          this.writtenBytes += job.bytes;
        }
      } catch (error) {
        if (!(error instanceof IpftError)) throw error;
        this.problem ??= error;
      }
      this.pendingBytes -= job.bytes;
      job.done?.();
      this.#wake();
    }
    this.#isWorking = false;
  }

  /** Waits until no more than so many bytes wait, or for the signal. */
  async room(mostBytes: number, signal?: AbortSignal): Promise<void> {
    await this.until(() => this.pendingBytes <= mostBytes, signal);
  }

  /** Waits until a condition holds, which is asked after each job; until all is done; or for the signal. */
  async until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    while (this.#isWorking && !condition() && !signal?.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await settles(woken, signal ? { signal } : {});
    }
  }

  /** Waits until all is done. */
  async idle(): Promise<void> {
    await this.#working;
  }
}
