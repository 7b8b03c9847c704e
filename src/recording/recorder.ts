/** Makes a recording of what a source reads. Records stay as the kernel wrote them; only notices are looked at. */
import {
  BEGIN_PLACE,
  EVENT_TARGET,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  MOVED_PLACE,
} from '../abi/layout.js';
import type { RingName } from '../base/event.js';
import type { RawSourceTaker, Reading, RecordSource, SourceEnd } from '../base/record-source.js';
import { encodeEnd, encodeLosses } from './end.js';
import { FileEncoder } from './file-encoder.js';
import { CHUNK_END, CHUNK_HEADER, CHUNK_LOSSES, CHUNK_NAMES, CHUNK_RECORDS, CHUNK_SYMBOLS } from './format.js';
import { encodeHeader, type RecordingFacts } from './header.js';
import { NameBook } from './name-book.js';
import { StepBuffer } from './step-buffer.js';

/** Records are in the file so many milliseconds after they came, at the latest. */
const LATEST_MS = 1000;
/** The symbols in a chunk. */
const SYMBOLS_BYTES = 8 << 20;

export interface RecorderOptions {
  /** Whether records are compressed. */
  readonly deflates?: boolean;
  /** The content of /proc/kallsyms, where fields need it. */
  readonly symbols?: string | undefined;
}

export class Recorder implements RawSourceTaker {
  readonly #facts: RecordingFacts;
  readonly #deflates: boolean;
  readonly #symbols: string | undefined;
  readonly #names: NameBook;
  readonly #steps: StepBuffer;
  #file = new FileEncoder();
  #pending: Uint8Array[] = [];
  #eventsBytes = 0;
  /** When the first step came that is not in a chunk yet. */
  #openedAt = 0;
  #losses = '';
  /** How many bytes wait for `take`. */
  pendingBytes = 0;
  /** The number of ended journeys, and of events, so far. */
  ended = 0;
  events = 0;

  /** @param source what is recorded @param facts what its header says */
  constructor({ header }: Pick<RecordSource, 'header'>, facts: RecordingFacts, options: RecorderOptions = {}) {
    this.#facts = facts;
    this.#deflates = options.deflates ?? false;
    this.#symbols = options.symbols;
    this.#names = new NameBook(header);
    this.#steps = new StepBuffer();
    this.#begin();
  }

  get over(): number {
    return this.ended;
  }

  /** The bytes since the last call, in pieces. */
  take(): Uint8Array[] {
    const pieces = this.#pending;
    this.#pending = [];
    this.pendingBytes = 0;
    return pieces;
  }

  /** Takes back the memory of a piece. The caller must not use it afterwards. */
  giveBack(piece: Uint8Array): void {
    this.#steps.giveBack(piece);
  }

  /** Takes what a source has to give, up to `limit` records of each ring. */
  read(source: RecordSource, limit: number): Reading {
    const steps = this.#steps;
    if (!source.readRaw) throw new Error('a source without records as they were written');
    if (steps.isFull) this.#close(source);
    const wasEmpty = steps.isEmpty;
    steps.begin();
    this.#eventsBytes = 0;
    const reading = source.readRaw(this, limit);
    steps.end(reading.upToNs, this.#eventsBytes);
    this.events += reading.events;
    if (wasEmpty) this.#openedAt = performance.now();
    else if (performance.now() - this.#openedAt >= LATEST_MS) this.#close(source);
    return reading;
  }

  missed(fromNs: bigint, untilNs: bigint): void {
    this.#steps.miss(fromNs, untilNs);
  }

  records(ring: RingName, bytes: Uint8Array): void {
    this.#steps.append(bytes);
    if (ring === 'events') this.#eventsBytes += bytes.length;
  }

  notice(data: DataView, at: number, length: number): void {
    switch (data.getUint32(at + EVENT_TARGET, true)) {
      case IPFT_NOTICE_BEGIN:
        this.#names.seePlace(data, at + BEGIN_PLACE);
        break;
      case IPFT_NOTICE_PLACE:
        this.#names.seePlace(data, at + MOVED_PLACE);
        break;
      case IPFT_NOTICE_END:
        this.ended++;
        this.#names.seeEnd(data, at, length);
        break;
    }
  }

  /** All has been read: ends the recording. */
  finish(end: SourceEnd, source: RecordSource): void {
    this.#close(source);
    // A journey without its end may be about to end.
    for (const { freeing } of end.living) if (freeing) this.#names.seeFate(freeing.fate);
    this.#writeNames();
    this.#push(this.#file.json(CHUNK_END, encodeEnd({ end, losses: source.losses(), coverage: source.coverage })));
    this.#push(this.#file.finish());
  }

  #begin(): void {
    const file = this.#file;
    this.#push(file.begin());
    this.#push(file.json(CHUNK_HEADER, encodeHeader(this.#facts), true));
    for (const text of splitLines(this.#symbols ?? '', SYMBOLS_BYTES)) {
      this.#push(file.chunk(CHUNK_SYMBOLS, Buffer.from(text, 'latin1'), true));
    }
  }

  /** Ends the chunk of records, if there is one. What its records need stands before it. */
  #close(source: Pick<RecordSource, 'losses'>): void {
    const steps = this.#steps;
    if (steps.isEmpty) return;
    this.#writeNames();
    this.#writeLosses(source);
    const { upToNs } = steps;
    const content = steps.take();
    const chunk = this.#file.chunkInPlace(CHUNK_RECORDS, content, this.#deflates, upToNs);
    if (chunk !== content) steps.giveBack(content);
    this.#push(chunk);
  }

  #writeNames(): void {
    const names = this.#names.take();
    if (names) this.#push(this.#file.json(CHUNK_NAMES, names));
  }

  #writeLosses(source: Pick<RecordSource, 'losses'>): void {
    const losses = encodeLosses(source.losses());
    const text = JSON.stringify(losses);
    if (text === this.#losses) return;
    this.#losses = text;
    this.#push(this.#file.json(CHUNK_LOSSES, losses));
  }

  #push(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.pendingBytes += bytes.length;
  }
}

/** Pieces of whole lines, each of at most so many characters. */
function* splitLines(text: string, most: number): Iterable<string> {
  for (let begin = 0; begin < text.length; ) {
    const end = text.length - begin <= most ? text.length : text.lastIndexOf('\n', begin + most - 1) + 1;
    const to = end > begin ? end : begin + most;
    yield text.slice(begin, to);
    begin = to;
  }
}
