/** What a program writes, kept in memory. */
import { closeSync, openSync } from 'node:fs';
import { OutputPipe } from './output-pipe.js';
import type { ProgramOptions } from './program.js';

/** How often it is taken, in milliseconds: a full pipe makes the program wait. */
const DRAIN_MS = 10;

/** What a program writes to its stdout and stderr; there is nothing to read for it. */
export class CapturedOutput implements Disposable {
  readonly #pipes: readonly [OutputPipe, OutputPipe];
  readonly #stdin = openSync('/dev/null', 'r');
  #timer: NodeJS.Timeout | undefined;

  /** @param maxBytes the most that is kept of each */
  constructor(maxBytes: number) {
    this.#pipes = [new OutputPipe(maxBytes), new OutputPipe(maxBytes)];
  }

  /** What the program is started with. */
  get descriptors(): Pick<ProgramOptions, 'stdin' | 'stdout' | 'stderr'> {
    const [stdout, stderr] = this.#pipes;
    return { stdin: this.#stdin, stdout: stdout.writeFd, stderr: stderr.writeFd };
  }

  /** The program has its ends: takes what it writes from now on. */
  begin(): void {
    for (const pipe of this.#pipes) pipe.closeEnd();
    this.#timer = setInterval(() => this.#drain(), DRAIN_MS);
  }

  #drain(): void {
    for (const pipe of this.#pipes) pipe.drain();
  }

  get stdout(): string {
    return this.#pipes[0].text;
  }

  get stderr(): string {
    return this.#pipes[1].text;
  }

  /** Whether it has written more than is kept. */
  get isCut(): boolean {
    return this.#pipes.some(({ isCut }) => isCut);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#timer) this.#drain();
    closeSync(this.#stdin);
    for (const pipe of this.#pipes) pipe[Symbol.dispose]();
  }
}
