/** A recording as a source of records. */
import {
  BEGIN_SIZE,
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
  MOVED_SIZE,
  RETURN_SIZE,
} from '../abi/layout.js';
import { NoticeDecoder } from '../abi/notices.js';
import { RecordDecoder } from '../abi/records.js';
import { ParseError } from '../base/errors.js';
import type { SymbolWriter } from '../base/event.js';
import type { TraceLosses } from '../base/losses.js';
import { Places } from '../base/places.js';
import type {
  Reading,
  RecordSource,
  SourceCoverage,
  SourceEnd,
  SourceTaker,
  TraceHeader,
} from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { createSymbolWriter } from '../kernel/symbols.js';
import { type Chunk, ChunkReader, describeCut } from './chunk-reader.js';
import { parseEnd, parseLosses, type RecordedEnd } from './end.js';
import {
  CHUNK_CARRIED,
  CHUNK_END,
  CHUNK_HEADER,
  CHUNK_LOSSES,
  CHUNK_NAMES,
  CHUNK_RECORDS,
  CHUNK_SYMBOLS,
  FILE_HEADER_BYTES,
  GIVEN_UP,
  LENGTH_MASK,
  paddedBytes,
  RECORD_HEADER_BYTES,
  STEP_HEADER_BYTES,
  WINDOW_BYTES,
} from './format.js';
import { parseHeader, parseTargets, type RecordingFacts } from './header.js';
import { JsonObject } from './json-object.js';

/** The most symbols, in bytes. */
const MAX_SYMBOLS_BYTES = 32 << 20;

const NO_LOSSES: TraceLosses = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};

/** Why a recording ends before its end. */
export interface EndedEarly {
  readonly why: 'cut' | 'damaged';
  readonly problem: string;
}

export interface RecordingOptions {
  /** Whether to wait for more where it ends, until its recorder ends it. */
  readonly grows?: boolean;
  /** Whether the part before it has been read by the same taker: then journeys that it carries have begun. */
  readonly follows?: boolean;
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
  readonly #chunks: ChunkReader;
  readonly #grows: boolean;
  readonly #follows: boolean;
  readonly #targets: Target[];
  readonly #dataBytes: number;
  readonly #names = {
    reasons: new Map<number, string>(),
    symbols: new Map<bigint, string>(),
    netns: new Map<number, string>(),
  };
  readonly #notices = new NoticeDecoder();
  #symbols: SymbolWriter = () => {};
  /** Pieces of symbols that have come, until the first records. */
  #symbolTexts: string[] = [];
  #steps: Steps | undefined;
  #losses = NO_LOSSES;
  #end: RecordedEnd | undefined;
  #upToNs = 0n;
  /** How many journeys began before this file, of those that live where its records begin. */
  carried = 0;
  isOver = false;
  /** Set when all has been read that there is, and the end is not among it. */
  endedEarly: EndedEarly | undefined;

  private constructor(chunks: ChunkReader, facts: RecordingFacts, options: RecordingOptions) {
    const { targets, fields, version, kernel, tracer, backend, beganNs, realtimeOffsetNs } = facts;
    this.#chunks = chunks;
    this.#grows = options.grows ?? false;
    this.#follows = options.follows ?? false;
    this.#targets = [...targets];
    this.#dataBytes = fields?.dataBytes ?? 0;
    this.facts = facts;
    const names = this.#names;
    this.header = {
      ...{ version, kernel, tracer, backend, beganNs, realtimeOffsetNs, fields, targets: this.#targets },
      names: { reason: (reason) => names.reasons.get(reason), symbol: (address) => names.symbols.get(address) },
      symbols: (out, low, high) => this.#symbols(out, low, high),
      netnsName: (netns) => names.netns.get(netns),
    };
  }

  /**
   * Opens a recording.
   * @throws IpftError `RECORDING` for a file that can't be read, ParseError for one that is no recording, or damaged
   * within its header
   */
  static open(path: string, options: RecordingOptions = {}): Recording {
    const chunks = new ChunkReader(path);
    try {
      const first = chunks.next();
      if (first === undefined || first === 'cut') {
        throw new ParseError('recording', FILE_HEADER_BYTES, 'it is cut within its header');
      }
      if (first.type !== CHUNK_HEADER) throw new ParseError('recording', first.at, 'it has no header');
      return new Recording(chunks, parseHeader(JsonObject.parse(first.content, first.at), first.at), options);
    } catch (error) {
      chunks[Symbol.dispose]();
      throw error;
    }
  }

  get coverage(): SourceCoverage {
    return this.#end?.coverage ?? this.facts.coverage;
  }

  losses(): TraceLosses {
    return this.#end?.losses ?? this.#losses;
  }

  countUnreadEnds(): number {
    return 0;
  }

  /** What is left is not read. Of a recording without its end, all journeys live that have not ended. */
  end(): SourceEnd {
    this.isOver = true;
    return this.#end?.end ?? { atNs: 0n, living: [] };
  }

  /** Hands on one step, which is what was taken from the rings at once, of whatever number of records. */
  read(taker: SourceTaker): Reading {
    let events = 0;
    let moved = false;
    if (!this.isOver) {
      try {
        this.#steps ??= this.#nextSteps();
        if (this.#steps) {
          moved = true;
          events =
            this.#steps.chunk.type === CHUNK_CARRIED ? this.#carry(this.#steps, taker) : this.#step(this.#steps, taker);
        }
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        this.isOver = true;
        this.endedEarly = { why: 'damaged', problem: error.message };
      }
    }
    return { events, moved, drained: this.isOver || !moved, upToNs: this.#upToNs };
  }

  /** Tells of journeys that began before. @throws ParseError */
  #carry({ view, chunk }: Steps, taker: SourceTaker): number {
    for (let at = 0; at < view.byteLength; this.carried++) {
      const length = view.getUint32(at, true);
      const next = at + paddedBytes(length + RECORD_HEADER_BYTES);
      if (length < BEGIN_SIZE || next > view.byteLength) {
        throw new ParseError('recording', chunk.at, 'a chunk of carried journeys is damaged');
      }
      taker.began({ ...this.#notices.began(view, at + RECORD_HEADER_BYTES), isCarried: true });
      at = next;
    }
    this.#steps = this.#nextSteps();
    return 0;
  }

  #step(steps: Steps, taker: SourceTaker): number {
    const { view, chunk } = steps;
    const begin = steps.at;
    const fail = (problem: string) =>
      new ParseError('recording', chunk.at, `a chunk of records is damaged: ${problem}`);
    if (begin + STEP_HEADER_BYTES > view.byteLength) throw fail('a step is cut');
    const eventsBytes = view.getUint32(begin + 8, true);
    const endsBytes = view.getUint32(begin + 12, true);
    const records = begin + STEP_HEADER_BYTES;
    const after = records + eventsBytes + endsBytes;
    const end = after + view.getUint32(begin + 16, true) * WINDOW_BYTES;
    if (end > view.byteLength || (eventsBytes | endsBytes) & 7) throw fail('a step is longer than its chunk');
    for (let at = after; at < end; at += WINDOW_BYTES) {
      taker.missed(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
    }
    let events = 0;
    for (let at = records; at < after; ) {
      const header = view.getUint32(at, true);
      const length = header & LENGTH_MASK;
      const next = at + paddedBytes(length + RECORD_HEADER_BYTES);
      if (next > after) throw fail('a record is longer than its step');
      if (!(header & GIVEN_UP)) {
        if (length < EVENT_SIZE || length < this.#leastBytes(view, at + RECORD_HEADER_BYTES)) {
          throw fail('a record is too short');
        }
        if (steps.decoder.decode(taker, at + RECORD_HEADER_BYTES, length)) events++;
      }
      at = next;
    }
    const upToNs = view.getBigUint64(begin, true);
    if (upToNs > this.#upToNs) this.#upToNs = upToNs;
    steps.at = end;
    if (end === view.byteLength) this.#steps = this.#nextSteps();
    return events;
  }

  /** How many bytes a record must have at least. */
  #leastBytes(view: DataView, at: number): number {
    const flags = view.getUint8(at + EVENT_FLAGS);
    if (flags & IPFT_EVENT_NOTICE) {
      switch (view.getUint32(at + EVENT_TARGET, true)) {
        case IPFT_NOTICE_BEGIN:
          return BEGIN_SIZE;
        case IPFT_NOTICE_PLACE:
          return MOVED_SIZE;
        case IPFT_NOTICE_END:
          return END_SYMBOL;
        default:
          return EVENT_SIZE;
      }
    }
    const own = flags & IPFT_EVENT_RETURN ? RETURN_SIZE : EVENT_SIZE;
    return own + (flags & IPFT_EVENT_NO_FIELDS ? 0 : this.#dataBytes);
  }

  /** Reads chunks up to the next records. @throws ParseError */
  #nextSteps(): Steps | undefined {
    for (let chunk = this.#chunks.next(); ; chunk = this.#chunks.next()) {
      if (chunk === 'cut') {
        if (this.#grows) return undefined;
        this.isOver = true;
        this.endedEarly = { why: 'cut', problem: describeCut(this.#chunks.at) };
        return undefined;
      }
      if (chunk === undefined) {
        this.isOver = true;
        return undefined;
      }
      if (chunk.type === CHUNK_CARRIED && !this.#follows) return this.#open(chunk);
      if (chunk.type === CHUNK_RECORDS) {
        this.#joinSymbols();
        if (chunk.content.length > 0) return this.#open(chunk);
      } else this.#learn(chunk);
    }
  }

  #open(chunk: Chunk): Steps {
    const { buffer, byteOffset, byteLength } = chunk.content;
    const view = new DataView(buffer, byteOffset, byteLength);
    return { chunk, view, decoder: new RecordDecoder(view, this.#notices), at: 0 };
  }

  #learn({ type, content, at }: Chunk): void {
    switch (type) {
      case CHUNK_NAMES:
        this.#learnNames(JsonObject.parse(content, at));
        break;
      case CHUNK_SYMBOLS:
        if (this.#symbolTexts.reduce((sum, { length }) => sum + length, content.length) > MAX_SYMBOLS_BYTES) {
          throw new ParseError('recording', at, 'it has too many symbols');
        }
        this.#symbolTexts.push(Buffer.from(content.buffer).toString('latin1'));
        break;
      case CHUNK_LOSSES:
        this.#losses = parseLosses(JsonObject.parse(content, at));
        break;
      case CHUNK_END:
        this.#end = parseEnd(JsonObject.parse(content, at));
        break;
    }
  }

  #learnNames(json: JsonObject): void {
    const { reasons, symbols, netns } = this.#names;
    for (const [reason, name] of json.named('reasons')) reasons.set(Number(reason), name);
    for (const [inode, name] of json.named('netns')) netns.set(Number(inode), name);
    for (const [address, name] of json.named('symbols')) symbols.set(address, name);
    this.#targets.push(...parseTargets(json));
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
