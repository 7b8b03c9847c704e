/** `ipft record FILE`: writes the records of a trace to files, as they are. */
import { counted } from '../../base/counted.js';
import { EnvironmentError, IpftError } from '../../base/errors.js';
import type { RecordSource } from '../../base/record-source.js';
import type { EventFields } from '../../fields/field-set.js';
import { Clock } from '../../output/clock.js';
import type { ChunkSink } from '../../recording/chunk-sink.js';
import { type Destinations, FileSink } from '../../recording/file-sink.js';
import { type FlightFile, FlightSink, flightBytes } from '../../recording/flight-sink.js';
import { NumberedFiles } from '../../recording/numbered-files.js';
import type { Origin } from '../../recording/part.js';
import { Recorder } from '../../recording/recorder.js';
import { type Destination, openRecordingFile } from '../../recording/recording-file.js';
import { formatSize } from '../../trace/memory-plan.js';
import { createOrigin, describeRecorded, recordedFields } from '../../trace/record.js';
import type { TraceClient } from '../../trace/run.js';
import { type LiveOptions, type Taker, traceLive } from '../live.js';
import type { RecordOptions } from '../options.js';
import { reportLosses } from '../report.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { describeProgress } from '../text-client.js';
import { explainFailure, isDescriptor, openWriter, type Writer } from '../writer.js';

/** @returns the exit status */
export async function record(
  options: LiveOptions & RecordOptions,
  terminal: Terminal,
  stop: StopSignal,
): Promise<number> {
  const place = openPlace(options);
  if (options.flight) {
    checkMemory(options.flight.lastBytes);
    // Before there is a recorder, the signal means nothing.
    stop.onUser = () => {};
  }
  try {
    const checkFields = (fields: EventFields) => {
      recordedFields(fields);
      for (const line of describeRecorded(fields)) terminal.line(line);
    };
    return await traceLive({ ...options, checkFields }, terminal, stop, (live, source) => {
      const origin = createOrigin(live, source, { deflates: options.deflates });
      const sink = createSink(options, origin, place.files, terminal, stop);
      return new RecordTaker(new Recorder(origin, sink), sink, place, terminal);
    });
  } finally {
    // A new file that nothing was written to goes again.
    await place.leave?.();
  }
}

/** @throws EnvironmentError where the memory of a flight recorder would be taken from what the machine needs */
function checkMemory(lastBytes: number): void {
  const [needed, free] = [flightBytes(lastBytes), process.availableMemory()];
  if (needed <= free) return;
  const problem = `${formatSize(needed)} are needed, and ${formatSize(free)} are free`;
  throw new EnvironmentError('NO_MEMORY', `keeping records in memory: ${problem}`, 'choose a smaller --last');
}

/** Where a recording goes. */
interface Place {
  readonly files: Destinations;
  /** Says where it went. */
  readonly describe: () => string;
  /** Whether the reader has gone. */
  readonly isClosed?: () => boolean;
  readonly leave?: () => Promise<void>;
}

/** @throws IpftError where it can't be written */
function openPlace({ file, rotate, keep, flight }: RecordOptions): Place {
  if (rotate || flight) {
    const files = new NumberedFiles(file, keep);
    return { files, describe: () => describeFiles(files) };
  }
  if (isDescriptor(file)) {
    const out = openWriter(file);
    if (out.isTerminal) {
      const hint = 'name a file, or redirect the output to one';
      throw new IpftError('RECORDING', `writing the recording to ${out.name}: it is a terminal`, hint);
    }
    const destination = new WriterDestination(out);
    return { files: { next: () => destination }, describe: () => out.name, isClosed: () => out.closed };
  }
  const destination = openRecordingFile(file);
  return {
    files: { next: () => destination },
    describe: () => destination.name,
    leave: () => destination.close().catch(() => {}),
  };
}

function describeFiles({ count, first, last }: NumberedFiles): string {
  if (count === 0) return 'no file';
  return count === 1 ? first! : `${count} files, ${first} to ${last}`;
}

function createSink(
  { rotate, flight }: RecordOptions,
  origin: Origin,
  files: Destinations,
  terminal: Terminal,
  stop: StopSignal,
): ChunkSink {
  if (!flight) return new FileSink(origin, files, rotate);
  const sink = new FlightSink(origin, files, {
    ...flight,
    onFile: (file) => terminal.line(describeFlight(file)),
    onShort: (heldNs) => terminal.warn(describeShort(heldNs, flight.lastBytes)),
  });
  stop.onUser = () => sink.trigger('signal');
  return sink;
}

function describeFlight({ name, trigger, triggers, beforeNs }: FlightFile): string {
  const more = triggers > 1 ? ` and ${triggers - 1} more` : '';
  return `${name}: ${trigger.what}${more}, with ${(beforeNs / 1e9).toFixed(1)} s before`;
}

function describeShort(heldNs: number, lastBytes: number): string {
  const mebibytes = Math.ceil((lastBytes / 2 ** 20) * (1e9 / Math.max(1, heldNs)));
  const held = `--last holds ${(heldNs / 1e9).toFixed(2)} s at the present rate`;
  return `${held}, which is all that a file has from before its trigger: --last ${mebibytes}M would hold a second`;
}

/** stdout, or another descriptor that this process was given. */
class WriterDestination implements Destination {
  readonly #out: Writer;

  constructor(out: Writer) {
    this.#out = out;
  }

  get name(): string {
    return this.#out.name;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#out.write(bytes);
    this.#check();
  }

  async close(): Promise<void> {
    await this.#out.end();
    this.#check();
  }

  /** A reader that has gone may have seen enough: see `isClosed`. */
  #check(): void {
    const failure = explainFailure(this.#out);
    if (failure) throw failure;
  }
}

/** Hands a recording to its files. */
class RecordTaker implements Taker, TraceClient {
  readonly isForPrograms = false;
  readonly intake: Recorder;
  readonly client = this;
  readonly #sink: ChunkSink;
  readonly #place: Place;
  readonly #terminal: Terminal;

  constructor(recorder: Recorder, sink: ChunkSink, place: Place, terminal: Terminal) {
    this.intake = recorder;
    this.#sink = sink;
    this.#place = place;
    this.#terminal = terminal;
  }

  get events(): number {
    return this.intake.events;
  }

  get isClosed(): boolean {
    return this.#sink.problem !== undefined || (this.#place.isClosed?.() ?? false);
  }

  onRead(): void {
    this.#terminal.status(() => describeProgress(this));
  }

  async handOn(_idleMs: number, signal?: AbortSignal): Promise<void> {
    await this.#sink.drain(signal);
  }

  async finish(): Promise<void> {
    await this.#sink.close();
  }

  async ending(ending: Promise<void>): Promise<void> {
    await ending;
  }

  report(): void {
    const journeys = `${counted(this.intake.ended, 'journey')} ended; ${counted(this.events, 'event')}`;
    this.#terminal.line(`${journeys}; ${counted(this.#sink.bytes, 'byte')} in ${this.#place.describe()}`);
  }

  async close(): Promise<IpftError | undefined> {
    return this.#sink.problem;
  }

  reportLosses(source: RecordSource, isCut: boolean): boolean {
    const nothing = { late: 0, gaps: 0, lostJourneys: 0 };
    return reportLosses(source.losses(), source.coverage, nothing, Clock.mono(), this.#terminal, isCut);
  }
}
