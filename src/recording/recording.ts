/** A recording as a source of records. */
import {
  BEGIN_SIZE,
  END_SIZE,
  END_SYMBOL,
  EVENT_FLAGS,
  EVENT_SIZE,
  EVENT_TARGET,
  IPFT_EVENT_NO_FIELDS,
  IPFT_EVENT_NOTICE,
  IPFT_EVENT_RETURN,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  IPFT_NOTICE_PROCESS,
  IPFT_NOTICE_SNAPSHOT,
  MOVED_SIZE,
  RETURN_SIZE,
  SNAPSHOT_SIZE,
  WHOSE_SIZE,
} from '../abi/layout.js';
import { NoticeDecoder } from '../abi/notices.js';
import { RecordDecoder } from '../abi/records.js';
import { ParseError } from '../base/errors.js';
import type { SymbolWriter } from '../base/event.js';
import type { TraceLosses } from '../base/losses.js';
import { Places } from '../base/places.js';
import { printable } from '../base/printable.js';
import type {
  Reading,
  RecordSource,
  SourceCoverage,
  SourceEnd,
  SourceTaker,
  TraceHeader,
} from '../base/record-source.js';
import { createSymbolWriter } from '../base/symbol-writer.js';
import { ChunkChain } from './chunk-chain.js';
import type { Chunk } from './chunk-reader.js';
import { parseEnd, parseLosses, type RecordedEnd } from './end.js';
import {
  CHUNK_CARRIED,
  CHUNK_END,
  CHUNK_LOSSES,
  CHUNK_NAMES,
  CHUNK_RECORDS,
  CHUNK_SYMBOLS,
  FILE_HEADER_BYTES,
  GIVEN_UP,
  LENGTH_MASK,
  MAX_STEP_BYTES,
  paddedBytes,
  RECORD_HEADER_BYTES,
  STEP_HEADER_BYTES,
  WINDOW_BYTES,
} from './format.js';
import type { RecordingFacts } from './header.js';
import { JsonObject } from './json-object.js';
import { describeProblem, RecordingError } from './problem.js';
import { RecordedNames } from './recorded-names.js';

/** The most symbols, in bytes. */
const MAX_SYMBOLS_BYTES = 24 << 20;

const CUT = 'the recorder is still writing, or was killed, or found no room';

const NO_LOSSES: TraceLosses = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};

/** Why a recording ends before its end. */
export interface EndedEarly {
  readonly why: 'cut' | 'damaged';
  /** Names the file. */
  readonly problem: string;
}

export interface RecordingOptions {
  /** Whether to wait for more where the last file ends, until its recorder ends it. */
  readonly grows?: boolean;
}

/** Steps of a chunk that is being read. */
interface Steps {
  readonly chunk: Chunk;
  readonly view: DataView<ArrayBuffer>;
  readonly decoder: RecordDecoder;
  at: number;
}

export class Recording implements RecordSource, Disposable {
  readonly header: TraceHeader;
  readonly facts: RecordingFacts;
  readonly places = new Places();
  readonly #chunks: ChunkChain;
  readonly #grows: boolean;
  readonly #dataBytes: number;
  readonly #names = new RecordedNames();
  readonly #notices = new NoticeDecoder(this.#names.lookUp.findGroup);
  #symbols: SymbolWriter = () => {};
  /** Pieces of symbols that have come, until the first records. */
  #symbolTexts: string[] = [];
  #steps: Steps | undefined;
  #losses = NO_LOSSES;
  /** As it was when the part began that is being read. */
  #coverage: SourceCoverage;
  #end: RecordedEnd | undefined;
  #upToNs = 0n;
  /** How many journeys began before this file, of those that live where its records begin. */
  carried = 0;
  isOver = false;
  /** Whether all has been read that there is. */
  isRead = false;
  /** Set when all has been read that there is, and the end is not among it. */
  endedEarly: EndedEarly | undefined;

  private constructor(chunks: ChunkChain, grows: boolean) {
    const { facts } = chunks;
    const { targets, fields, version, kernel, tracer, backend, beganNs, realtimeOffsetNs, hostNames } = facts;
    this.#chunks = chunks;
    this.#grows = grows;
    this.#names.setTargets(targets, FILE_HEADER_BYTES);
    this.#dataBytes = fields?.dataBytes ?? 0;
    this.facts = facts;
    this.#coverage = facts.coverage;
    this.header = {
      ...{
        version,
        kernel,
        tracer,
        backend,
        beganNs,
        realtimeOffsetNs,
        hostNames,
        fields,
        targets: this.#names.targets,
      },
      ...this.#names.lookUp,
      symbols: (out, low, high) => this.#symbols(out, low, high),
    };
  }

  /**
   * Opens a recording.
   * @param paths a file, or consecutive parts of a recording in their order
   * @throws RecordingError for a first file that can't be read, is no recording, or is damaged within its header
   */
  static open(paths: string | readonly string[], { grows = false }: RecordingOptions = {}): Recording {
    return new Recording(new ChunkChain(typeof paths === 'string' ? [paths] : paths, grows), grows);
  }

  /** The files, in their order. */
  get paths(): readonly string[] {
    return this.#chunks.paths;
  }

  /** The files whose reading has not begun. */
  get unread(): readonly string[] {
    return this.#chunks.unread;
  }

  /** The size of the files in bytes. */
  get sizeBytes(): number {
    return this.#chunks.sizeBytes;
  }

  /** The number of chunks that have been read. */
  get chunks(): number {
    return this.#chunks.count;
  }

  get coverage(): SourceCoverage {
    return this.#end?.coverage ?? this.#coverage;
  }

  losses(): TraceLosses {
    return this.#end?.losses ?? this.#losses;
  }

  /** Whether another part of the recording follows; known at the end. */
  get continues(): boolean {
    return this.#end?.continues ?? false;
  }

  countUnreadEnds(): number {
    return 0;
  }

  /** What is left is not read. Of a recording without its end, all journeys live that have not ended. */
  end(): SourceEnd {
    this.isOver = true;
    return this.#end?.end ?? { atNs: 0n, living: [] };
  }

  /**
   * Hands on one step, which is what was taken from the rings at once, of whatever number of records: journeys end, and
   * text is made, between two steps, as when the trace was made.
   */
  read(taker: SourceTaker): Reading {
    let events = 0;
    if (!this.isOver) this.#steps ??= this.#nextSteps();
    const steps = this.#steps;
    try {
      if (steps) events = steps.chunk.type === CHUNK_CARRIED ? this.#carry(steps, taker) : this.#step(steps, taker);
    } catch (error) {
      // Any other error comes from the taker.
      if (!(error instanceof ParseError)) throw error;
      this.#endEarly(error);
    }
    if (steps && !this.isOver && steps.at === steps.view.byteLength) this.#steps = this.#nextSteps();
    const moved = steps !== undefined;
    return { events, moved, drained: this.isOver || !moved, upToNs: this.#upToNs };
  }

  /** Tells of journeys that began before. @throws ParseError */
  #carry(steps: Steps, taker: SourceTaker): number {
    const { view, chunk } = steps;
    for (let at = 0; at < view.byteLength; this.carried++) {
      const length = view.getUint32(at, true);
      const next = at + paddedBytes(length + RECORD_HEADER_BYTES);
      if (length < BEGIN_SIZE || next > view.byteLength) {
        throw new ParseError('recording', chunk.at, 'a chunk of carried journeys is damaged');
      }
      taker.began({ ...this.#notices.began(view, at + RECORD_HEADER_BYTES), isCarried: true });
      at = next;
    }
    steps.at = view.byteLength;
    return 0;
  }

  /** @throws an error that does not come from what the file holds */
  #endEarly(error: unknown): void {
    const problem = describeProblem(error);
    if (problem === undefined) throw error;
    this.isOver = true;
    this.isRead = true;
    this.#steps = undefined;
    const about = `the recording ${printable(this.#chunks.path)} is damaged: `;
    this.endedEarly = { why: 'damaged', problem: error instanceof RecordingError ? error.message : about + problem };
  }

  /** Hands on what was taken from the rings at once. @throws ParseError */
  #step(steps: Steps, taker: SourceTaker): number {
    const { view } = steps;
    const begin = steps.at;
    if (begin + STEP_HEADER_BYTES > view.byteLength) throw damaged(steps, 'a step is cut');
    const eventsBytes = view.getUint32(begin + 8, true);
    const endsBytes = view.getUint32(begin + 12, true);
    const records = begin + STEP_HEADER_BYTES;
    const after = records + eventsBytes + endsBytes;
    const end = after + view.getUint32(begin + 16, true) * WINDOW_BYTES;
    if (end > view.byteLength || (eventsBytes | endsBytes) & 7) throw damaged(steps, 'a step is longer than its chunk');
    if (after - records > MAX_STEP_BYTES) throw damaged(steps, 'a step has too many bytes');
    for (let at = after; at < end; at += WINDOW_BYTES) {
      taker.missed(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
    }
    let events = 0;
    for (let at = records; at < after; ) {
      const header = view.getUint32(at, true);
      const length = header & LENGTH_MASK;
      const next = at + paddedBytes(length + RECORD_HEADER_BYTES);
      if (next > after) throw damaged(steps, 'a record is longer than its step');
      if (!(header & GIVEN_UP)) {
        if (length < EVENT_SIZE || length < this.#leastBytes(view, at + RECORD_HEADER_BYTES, length)) {
          throw damaged(steps, 'a record is too short');
        }
        if (steps.decoder.decode(taker, at + RECORD_HEADER_BYTES, length)) events++;
      }
      at = next;
    }
    const upToNs = view.getBigUint64(begin, true);
    if (upToNs > this.#upToNs) this.#upToNs = upToNs;
    steps.at = end;
    return events;
  }

  /** How many bytes a record must have at least. */
  #leastBytes(view: DataView, at: number, length: number): number {
    const flags = view.getUint8(at + EVENT_FLAGS);
    if (flags & IPFT_EVENT_NOTICE) {
      switch (view.getUint32(at + EVENT_TARGET, true)) {
        case IPFT_NOTICE_BEGIN:
          return BEGIN_SIZE;
        case IPFT_NOTICE_PLACE:
          return MOVED_SIZE;
        case IPFT_NOTICE_SNAPSHOT:
          return EVENT_SIZE + SNAPSHOT_SIZE;
        case IPFT_NOTICE_PROCESS:
          return WHOSE_SIZE;
        case IPFT_NOTICE_END:
          return length > END_SYMBOL ? END_SIZE : END_SYMBOL;
        default:
          return EVENT_SIZE;
      }
    }
    const own = flags & IPFT_EVENT_RETURN ? RETURN_SIZE : EVENT_SIZE;
    return own + (flags & IPFT_EVENT_NO_FIELDS ? 0 : this.#dataBytes);
  }

  /** Reads chunks up to the next records. @returns undefined where there are none, or not yet */
  #nextSteps(): Steps | undefined {
    try {
      return this.#readChunks();
    } catch (error) {
      this.#endEarly(error);
      return undefined;
    }
  }

  #readChunks(): Steps | undefined {
    for (let chunk = this.#chunks.next(); ; chunk = this.#chunks.next()) {
      if (chunk === 'cut') {
        if (this.#grows) return undefined;
        this.isOver = true;
        this.isRead = true;
        this.endedEarly = {
          why: 'cut',
          problem: `the recording ${printable(this.#chunks.path)} is cut short: ${CUT}; up to byte ${this.#chunks.at} it is whole`,
        };
        return undefined;
      }
      if (chunk === undefined) {
        const part = this.#beginPart();
        if (part === 'later') return undefined;
        if (part) continue;
        this.isOver = true;
        this.isRead = true;
        return undefined;
      }
      if (chunk.type === CHUNK_CARRIED && !this.#chunks.isContinued) return this.#open(chunk);
      if (chunk.type === CHUNK_RECORDS) {
        this.#joinSymbols();
        if (chunk.content.length > 0) return this.#open(chunk);
      } else this.#learn(chunk);
    }
  }

  /** Goes on with the next part. @returns whether there is one */
  #beginPart(): boolean | 'later' {
    if (!this.continues) return false;
    const facts = this.#chunks.nextPart();
    if (!facts || facts === 'later') return facts ?? false;
    // A part tells all functions again. Losses are counted on, and its end is to come.
    this.#names.setTargets(facts.targets, FILE_HEADER_BYTES);
    this.#coverage = facts.coverage;
    this.#losses = this.losses();
    this.#end = undefined;
    return true;
  }

  #open(chunk: Chunk): Steps {
    const { buffer, byteOffset, byteLength } = chunk.content;
    const view = new DataView(buffer, byteOffset, byteLength);
    return { chunk, view, decoder: new RecordDecoder(view, this.#notices), at: 0 };
  }

  #learn({ type, content, at }: Chunk): void {
    switch (type) {
      case CHUNK_NAMES:
        this.#names.learn(JsonObject.parse(content, at), at);
        break;
      case CHUNK_SYMBOLS:
        // A part tells them again.
        if (this.#chunks.isContinued) break;
        if (this.#symbolTexts.reduce((sum, { length }) => sum + length, content.length) > MAX_SYMBOLS_BYTES) {
          throw new ParseError('recording', at, 'it has too many symbols');
        }
        this.#symbolTexts.push(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1'));
        break;
      case CHUNK_LOSSES:
        this.#losses = parseLosses(JsonObject.parse(content, at));
        break;
      case CHUNK_END:
        this.#end = parseEnd(JsonObject.parse(content, at));
        break;
    }
  }

  #joinSymbols(): void {
    if (this.#symbolTexts.length === 0) return;
    this.#symbols = createSymbolWriter(this.#symbolTexts.join(''));
    this.#symbolTexts = [];
  }

  [Symbol.dispose](): void {
    this.#chunks[Symbol.dispose]();
  }
}

function damaged({ chunk }: Steps, problem: string): ParseError {
  return new ParseError('recording', chunk.at, `a chunk of records is damaged: ${problem}`);
}
