/** `ipft -m …`: from a command line to a trace. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import {
  AggregateOutput,
  checkKernel,
  type Extension,
  exitAtOnce,
  JsonOutput,
  loadExtension,
  loadSymbolWriter,
  loadTargets,
  type Output,
  printable,
  raiseLimits,
  Session,
  setDebugLog,
  type Target,
} from '../index.js';
import type { CommonOptions, TraceOptions } from './options.js';
import { prepareReadyFile, startProbeServer, writeReadyFile } from './readiness.js';
import { reportFailures, reportLosses, reportSelection } from './report.js';
import type { StdoutWriter } from './stdout.js';
import type { Terminal } from './terminal.js';

/** Events handled before other things get their turn. */
const BATCH_EVENTS = 1 << 16;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
const SECOND_SIGNAL_STATUS = 130;

/** Traces until SIGINT or SIGTERM, or until nobody reads the output. */
export async function trace(
  options: CommonOptions & TraceOptions,
  terminal: Terminal,
  stdout: StdoutWriter,
): Promise<void> {
  using stop = new StopSignal();
  if ((options.mark & ~options.mask) !== 0) {
    terminal.warn('--mark has bits that --mask leaves out; they are ignored');
  }
  if (options.readyFile !== undefined) prepareReadyFile(options.readyFile);
  checkKernel();
  if (options.verbose) setDebugLog((text) => terminal.line(printable(text, { multiline: true }).trimEnd()));
  if (options.setLimits) for (const warning of raiseLimits()) terminal.warn(warning);
  const selection = loadTargets(options);
  const extension = await load(options, terminal, stop.signal).catch((error: unknown) => {
    // What was cut short fails for that.
    if (stop.signal.aborted) return undefined;
    throw error;
  });
  if (stop.signal.aborted) return terminal.line('nothing was traced');
  const output = createOutput(options, selection.targets, extension);
  const total = selection.targets.length + selection.filtered;
  const counts = (succeeded: number, failed: number) =>
    `Attaching program (total ${total}, succeeded ${succeeded}, failed ${failed}, filtered: ${selection.filtered})`;
  using session = Session.open({
    ...{ ...options, targets: selection.targets, extension },
    onProgress: (succeeded, failed) => terminal.status(counts(succeeded, failed)),
  });
  terminal.endStatus(counts(session.succeeded, session.failed.length));
  reportSelection(selection, options.verbose, terminal);
  reportFailures(session, options.verbose, terminal);
  const follower = new Follower(session, output);
  // Attaching keeps signals waiting: now they get their turn, which lies between two rounds of the event loop.
  await immediate();
  await immediate();
  if (!stop.signal.aborted) await announce(options, terminal, () => follower.run(options, terminal, stdout, stop));
  session.detach();
  while (follower.read() > 0);
  if (options.output === 'aggregate') terminal.line(follower.progress);
  const losses = session.losses();
  for (const piece of output.finish()) await stdout.write(piece);
  await stdout.flush();
  reportLosses(losses, terminal);
}

async function load(options: TraceOptions, terminal: Terminal, signal: AbortSignal): Promise<Extension | undefined> {
  if (options.extension.length === 0) return undefined;
  const extension = await loadExtension(options.extension, {
    timeoutSeconds: options.compileTimeoutSeconds,
    color: terminal.isTerminal,
    onOutput: (text) => process.stderr.write(text),
    signal,
  });
  for (const warning of extension.eventStruct.warnings) terminal.warn(warning);
  return extension;
}

function createOutput({ output }: TraceOptions, targets: readonly Target[], extension: Extension | undefined): Output {
  const struct = extension?.eventStruct;
  const symbols = struct?.usesSymbols ? loadSymbolWriter() : () => {};
  const context = { targets, fields: struct?.createWriter(symbols), dataSize: struct?.sizeBytes ?? 0 };
  return output === 'json' ? new JsonOutput(context) : new AggregateOutput(context);
}

/** Tells all who wait that tracing is ready, and runs `body` meanwhile. */
async function announce(options: TraceOptions, terminal: Terminal, body: () => Promise<void>): Promise<void> {
  const server = options.probePort === undefined ? undefined : await startProbeServer(options.probePort);
  try {
    if (options.readyFile !== undefined) writeReadyFile(options.readyFile);
    terminal.line('Trace ready!');
    await body();
  } finally {
    server?.close();
  }
}

/** Takes events in and hands text out until it is time to stop. */
class Follower {
  readonly #session: Session;
  readonly #output: Output;
  readonly #take: Output['take'];
  #count = 0;

  constructor(session: Session, output: Output) {
    this.#session = session;
    this.#output = output;
    this.#take = output.take.bind(output);
  }

  get progress(): string {
    return `Got ${this.#count} traces`;
  }

  /** Takes in what is there; returns how many events that were. */
  read(): number {
    const events = this.#session.read(this.#take, BATCH_EVENTS);
    this.#count += events;
    return events;
  }

  /** A reader of stdout that is slow makes the ring fill, not memory: nothing is read while text waits. */
  async run({ output }: TraceOptions, terminal: Terminal, stdout: StdoutWriter, stop: StopSignal): Promise<void> {
    let wait = SHORTEST_WAIT_MS;
    while (!stop.signal.aborted && !stdout.closed) {
      const events = this.read();
      if (output === 'aggregate') terminal.status(this.progress);
      if (this.#output.pendingBytes > 0) await Promise.race([stdout.write(this.#output.text()), stop.happened]);
      wait = events > 0 ? SHORTEST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
      await sleep(events >= BATCH_EVENTS ? 0 : wait, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
}

/** The first SIGINT or SIGTERM asks to stop; the second ends the process at once. */
class StopSignal implements Disposable {
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

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
  }
}
