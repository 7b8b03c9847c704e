/** A trace of the packets of a program that it runs. */
import { constants } from 'node:os';
import type { RecordSource } from '../base/record-source.js';
import { type CommandPlan, RunningCommand } from '../trace/command.js';
import type { LiveTrace } from '../trace/live-trace.js';
import type { CommandResult } from './api.js';
import type { AnyEvent, Collector } from './collector.js';
import { RunningTrace, type TraceFacts } from './running-trace.js';

/** The most that is kept of what a program writes, in bytes. */
const MAX_OUTPUT_BYTES = 16 << 20;
/** How long a program has to end when its session is disposed of, in milliseconds. */
const TERMINATING_MS = 1000;

export class CommandTrace extends RunningTrace {
  readonly #command: RunningCommand;
  readonly #over: Promise<void>;
  readonly #stopped = new AbortController();

  private constructor(
    live: LiveTrace,
    source: RecordSource,
    collector: Collector,
    facts: TraceFacts,
    command: RunningCommand,
  ) {
    super(live, source, collector, facts);
    this.#command = command;
    this.#over = command.whenOver(this.#stopped.signal).then(() => this.stop());
    // `result` and `stop` get the error.
    this.#over.catch(() => {});
  }

  /**
   * Starts the program, and takes what it writes.
   * @param live attached
   * @throws as `RunningCommand`
   */
  static start(
    live: LiveTrace,
    source: RecordSource,
    collector: Collector,
    facts: TraceFacts,
    { plan, environment }: { plan: CommandPlan; environment: NodeJS.ProcessEnv },
  ): CommandTrace {
    const output = { maxBytes: MAX_OUTPUT_BYTES };
    const command = new RunningCommand(plan, live.session, { environment, output });
    return new CommandTrace(live, source, collector, facts, command);
  }

  get pid(): number {
    return this.#command.program.pid;
  }

  override stop(): Promise<void> {
    this.#stopped.abort();
    return super.stop();
  }

  async result(): Promise<CommandResult<AnyEvent>> {
    await this.#over;
    const journeys = await this.allJourneys();
    const { end, output } = this.#command;
    return {
      ...{ exitCode: end?.exitCode, signal: nameOf(end?.signal), journeys },
      ...{ stdout: output.stdout, stderr: output.stderr, outputIsCut: output.isCut },
    };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    const { program } = this.#command;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (this.#command.end) break;
      program.kill(signal);
      await this.#command.whenEnded(AbortSignal.timeout(TERMINATING_MS));
    }
    await super[Symbol.asyncDispose]();
  }
}

function nameOf(signal: number | undefined): string | undefined {
  if (signal === undefined) return undefined;
  const [name] = Object.entries(constants.signals).find(([, number]) => number === signal) ?? [`SIG${signal}`];
  return name;
}
