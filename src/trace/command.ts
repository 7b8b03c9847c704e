/** A command whose packets are traced: it is started when tracing is ready, and over when all that it left is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, causedBy, SystemCallError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { settles } from '../base/settles.js';
import { findCaller } from '../sys/caller.js';
import { CapturedOutput } from '../sys/captured-output.js';
import { EAGAIN, ENOENT, ENOMEM } from '../sys/errno.js';
import { hasProgram, type Program, type ProgramEnd, type ProgramOptions, startProgram } from '../sys/program.js';

export interface CommandPlan {
  /** Its name and its arguments. */
  readonly argv: readonly string[];
  /** How long packets that are on the way are waited for when it has ended, in milliseconds. */
  readonly settleMs: number;
  /** Whether it runs as this process's user, where sudo would tell another. */
  readonly asRoot: boolean;
}

/**
 * As long as the kernel delays an acknowledgement at most, and as it waits at least before it sends a segment again
 * (TCP_DELACK_MAX, TCP_RTO_MIN).
 */
export const DEFAULT_SETTLE_MS = 200;
/** How often it is looked whether processes are left, in milliseconds. */
const LOOK_MS = 50;

/** What follows the command's processes: the session of a trace, when it is attached. */
export interface ProcessFollower {
  /** The next process that this thread starts is followed, with all that it starts. */
  expectCommand(): void;
  /** The number of its processes that live. */
  countCommand(): number;
}

/** @throws CommandError if there is no such program, so that nobody waits for tracing to be ready before that is told */
export function checkCommand({ argv: [name = ''] }: CommandPlan): void {
  if (!hasProgram(name)) throw refuse(name, ENOENT, 'there is no such program');
}

/** How a command is started: with `output` what it writes is kept, up to so many bytes of each stream. */
export type CommandStart = Pick<ProgramOptions, 'environment' | 'ignoredSignals'> & {
  readonly output?: { readonly maxBytes: number };
};

/** A command that runs. */
export class RunningCommand {
  readonly program: Program;
  readonly #output: CapturedOutput | undefined;
  readonly #follower: ProcessFollower;
  readonly #settleMs: number;
  #end: ProgramEnd | undefined;

  /**
   * Starts it.
   * @throws CommandError if it is not there or can't be executed; SystemCallError where nothing can be
   */
  constructor(plan: CommandPlan, follower: ProcessFollower, { output, ...options }: CommandStart) {
    const user = plan.asRoot ? undefined : findCaller();
    this.#follower = follower;
    this.#settleMs = plan.settleMs;
    const captured = output && new CapturedOutput(output.maxBytes);
    this.#output = captured;
    follower.expectCommand();
    try {
      this.program = startProgram(plan.argv, { ...options, ...captured?.descriptors, user });
    } catch (error) {
      captured?.[Symbol.dispose]();
      throw explain(plan.argv[0] ?? '', error);
    }
    captured?.begin();
    this.program.ended.then((end) => {
      this.#end = end;
    });
  }

  /** How it has ended; undefined while it runs. */
  get end(): ProgramEnd | undefined {
    return this.#end;
  }

  /** Resolves when it has ended; or at the signal, with nothing if it has not. */
  async whenEnded(signal: AbortSignal): Promise<ProgramEnd | undefined> {
    await settles(this.program.ended, { signal });
    return this.#end;
  }

  /** Resolves when it has ended, all processes that it left have, and packets had their time; or at the signal. */
  async whenOver(signal: AbortSignal): Promise<void> {
    await this.whenEnded(signal);
    while (!signal.aborted && this.#follower.countCommand() > 0) await pause(LOOK_MS, signal);
    await pause(this.#settleMs, signal);
    this.#output?.[Symbol.dispose]();
  }

  /** What it has written so far, where that is kept. */
  get output(): Pick<CapturedOutput, 'stdout' | 'stderr' | 'isCut'> {
    const { stdout = '', stderr = '', isCut = false } = this.#output ?? {};
    return { stdout, stderr, isCut };
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** What keeps any program from being started, as opposed to this one. */
const OF_THE_SYSTEM = [EAGAIN, ENOMEM];
const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'there is no such program, or not what its first line names',
  EACCES: 'it is no file that may be executed',
  ENOEXEC: 'it is no program',
};
const HINTS: Partial<Record<string, string>> = {
  ENOEXEC: 'a script begins with a line like #!/bin/sh; without one: ipft -- sh FILE',
};

function explain(name: string, error: unknown): unknown {
  if (!(error instanceof SystemCallError) || error.call !== 'posix_spawn') return error;
  const { errno, errnoName } = error;
  if (OF_THE_SYSTEM.includes(errno)) return error;
  return causedBy(refuse(name, errno, REASONS[errnoName] ?? errnoName, HINTS[errnoName]), error);
}

function refuse(name: string, errno: number, problem: string, hint?: string): CommandError {
  return new CommandError(`starting ${printable(name) || "''"}: ${problem}`, errno === ENOENT, hint);
}
