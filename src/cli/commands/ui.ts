/** `ipft ui`: a page in the browser that shows a trace while it runs, or a recording. */
import { resolve } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { causedBy, IpftError } from '../../base/errors.js';
import { checkJsonNames } from '../../fields/event-struct.js';
import { outputKind } from '../../output/outputs.js';
import { checkExpressions } from '../../page-server/expressions.js';
import { type Problem, problemOf } from '../../page-server/messages.js';
import { type RunningServer, startPageServer } from '../../page-server/start.js';
import { STATUS_DONE } from '../exit-status.js';
import { type LiveOptions, traceLive } from '../live.js';
import { parsePageWords, type UiRequest } from '../options.js';
import { PageTaker } from '../page-taker.js';
import { OneStop, type StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import type { Writer } from '../writer.js';

/** @returns the exit status */
export async function ui(request: UiRequest, terminal: Terminal, out: Writer, stop: StopSignal): Promise<number> {
  const { port, file, trace, words } = request;
  if (trace) checkPackets(trace);
  const canTrace = process.geteuid?.() === 0;
  if (trace && !canTrace)
    throw new IpftError('NO_PRIVILEGES', 'tracing needs root', 'run it with sudo; ipft ui alone opens recordings');
  // The server's process is elsewhere.
  const recording = file === undefined ? {} : { file: resolve(file) };
  const server = await startPageServer({ port, canTrace, words, ...recording });
  const traces = new PageTraces(server, terminal, stop.ignored);
  try {
    await out.write(Buffer.from(`${server.address}\n`));
    await out.flush();
    if (out.failure) {
      const problem = `writing the address of the page to ${out.name}: ${out.failure.message}`;
      throw causedBy(new IpftError('OUTPUT_FILE', problem, 'without it nobody can open the page'), out.failure);
    }
    terminal.line(
      'Open this address in a browser on this machine: whoever knows it sees the traces; Ctrl-C ends the page',
    );
    if (trace) traces.begin(trace, words);
    const ending = stop.happened.then(() => server.close());
    await Promise.race([traces.answer(), traces.failed]);
    if (stop.signal.aborted) await ending;
  } finally {
    await traces.end();
    await server.close();
  }
  return STATUS_DONE;
}

/** The traces that the page shows, one at a time. */
class PageTraces {
  readonly #server: RunningServer;
  readonly #terminal: Terminal;
  readonly #ignored: readonly string[];
  #running: { readonly stop: OneStop; readonly ended: Promise<void> } | undefined;
  #fail: (error: unknown) => void = () => {};
  /** Rejects at an error that is a bug. */
  readonly failed = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  constructor(server: RunningServer, terminal: Terminal, ignored: readonly string[]) {
    this.#server = server;
    this.#terminal = terminal;
    this.#ignored = ignored;
    this.failed.catch(() => {});
  }

  /** Does what the page asks for, until its server ends. */
  async answer(): Promise<void> {
    for await (const asked of this.#server.requests()) {
      if (asked.type === 'stop') this.#stop();
      else this.#server.out.send({ type: 'answer', id: asked.id, problem: this.#start(asked.words) });
    }
  }

  /** @returns why there is no trace */
  #start(words: readonly string[]): Problem | undefined {
    if (this.#running) return { message: 'a trace is running', hint: 'stop it first' };
    try {
      const options = parsePageWords(words);
      checkPackets(options);
      this.begin(options, words);
      return undefined;
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      return problem;
    }
  }

  begin(options: LiveOptions, words: readonly string[]): void {
    const stop = new OneStop(this.#ignored);
    const ended = this.#trace(options, words, stop).then(() => (this.#running = undefined), this.#fail);
    this.#running = { stop, ended };
  }

  #stop(): void {
    if (!this.#running || this.#running.stop.signal.aborted) return;
    this.#server.out.send({ type: 'state', state: 'stopping' });
    this.#running.stop.stop();
  }

  /** Ends the trace that runs. */
  async end(): Promise<void> {
    this.#running?.stop.stop();
    await this.#running?.ended;
  }

  /** What goes wrong, the page is told. */
  async #trace(options: LiveOptions, words: readonly string[], stop: OneStop): Promise<void> {
    const { out } = this.#server;
    const terminal = this.#terminal;
    out.send({ type: 'begin', title: options.plan.packets.expression ?? words.join(' '), words });
    terminal.onWarning = (text) => out.send({ type: 'warning', text });
    const { additions } = outputKind('html');
    try {
      await traceLive(
        { ...options, checkFields: (layout) => checkJsonNames(layout, additions) },
        terminal,
        stop,
        (live, source) => {
          if (!stop.signal.aborted) out.send({ type: 'state', state: 'tracing' });
          return new PageTaker(source, live.plan, PART_OF_HEAP * getHeapStatistics().heap_size_limit, out, terminal);
        },
      );
      out.send({ type: 'state', state: 'ended' });
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      if (error instanceof IpftError) terminal.error(error);
      out.send({ type: 'state', state: 'ended', problem });
    } finally {
      terminal.onWarning = undefined;
    }
  }
}

/** The part of the engine's heap that journeys may take. */
const PART_OF_HEAP = 0.5;

/** @throws UsageError before anything is begun */
function checkPackets({ plan: { packets } }: LiveOptions): void {
  checkExpressions(packets.expression, packets.inner);
}
