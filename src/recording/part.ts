/** One file of a recording, while it is being written. */
import { deflateSync } from 'node:zlib';
import type { RecordSource } from '../base/record-source.js';
import type { Carried } from './carried.js';
import type { ClosedChunk } from './chunk-sink.js';
import { encodeEnd, encodeLosses, type RecordedEnd } from './end.js';
import { FileEncoder } from './file-encoder.js';
import {
  CHUNK_CARRIED,
  CHUNK_END,
  CHUNK_HEADER,
  CHUNK_LOSSES,
  CHUNK_NAMES,
  CHUNK_RECORDS,
  CHUNK_SYMBOLS,
} from './format.js';
import { encodeHeader, type RecordingFacts } from './header.js';
import { NameBook } from './name-book.js';
import type { Destination } from './recording-file.js';
import type { WriteQueue } from './write-queue.js';

/** The symbols in a chunk. */
const SYMBOLS_BYTES = 8 << 20;

export interface OriginOptions {
  /** Whether records are compressed. */
  readonly deflates?: boolean;
  /** The content of /proc/kallsyms, where fields need it. */
  readonly symbols?: string | undefined;
}

/** What all files of a recording are made from, besides records. */
export class Origin {
  readonly source: Pick<RecordSource, 'header' | 'losses' | 'coverage'>;
  /** As the first file has them. */
  readonly facts: RecordingFacts;
  readonly names: NameBook;
  readonly deflates: boolean;
  /** Compressed once, since it takes a while. */
  readonly symbols: readonly { readonly stored: Uint8Array; readonly contentBytes: number }[];

  constructor(source: Origin['source'], facts: RecordingFacts, { deflates = false, symbols = '' }: OriginOptions = {}) {
    this.source = source;
    this.facts = facts;
    this.names = new NameBook(source.header);
    this.deflates = deflates;
    this.symbols = [...splitLines(symbols, SYMBOLS_BYTES)].map((text) => {
      return { stored: deflateSync(Buffer.from(text, 'latin1')), contentBytes: text.length };
    });
  }
}

export interface PartOptions {
  readonly destination: Destination;
  /** Where its bytes wait until they are written. */
  readonly queue: WriteQueue;
  /** What its header says besides the origin's facts. */
  readonly facts: Pick<RecordingFacts, 'part'> | Pick<RecordingFacts, 'id' | 'trigger'>;
  /** The journeys that live where its records begin; undefined where the trace begins. */
  readonly carried: Carried | undefined;
}

export class Part {
  readonly #origin: Origin;
  readonly #destination: Destination;
  readonly #queue: WriteQueue;
  readonly #file = new FileEncoder();
  #losses = '';
  /** How many chunks of records it has. */
  chunks = 0;

  /** Begins the file. */
  constructor(origin: Origin, { destination, queue, facts, carried }: PartOptions) {
    this.#origin = origin;
    this.#destination = destination;
    this.#queue = queue;
    const { header, coverage } = origin.source;
    const file = this.#file;
    this.#write(file.begin());
    const known = carried ? { targets: [...header.targets], coverage } : {};
    this.#write(file.json(CHUNK_HEADER, encodeHeader({ ...origin.facts, ...known, ...facts }), true));
    for (const { stored, contentBytes } of origin.symbols) {
      this.#write(file.stored(CHUNK_SYMBOLS, stored, contentBytes));
    }
    if (!carried) return;
    origin.names.repeat();
    this.#writeNames();
    for (const content of carried.encode()) this.#write(file.chunk(CHUNK_CARRIED, content, true));
  }

  /** The size of the file so far. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Adds a chunk of records. What its records need stands before it. */
  records({ room, upToNs, release }: ClosedChunk): void {
    this.#writeNames();
    const losses = encodeLosses(this.#origin.source.losses());
    const text = JSON.stringify(losses);
    if (text !== this.#losses) this.#write(this.#file.json(CHUNK_LOSSES, losses));
    this.#losses = text;
    this.chunks++;
    const chunk = this.#file.chunkInPlace(CHUNK_RECORDS, room, this.#origin.deflates, upToNs);
    this.#write(chunk, release);
  }

  /** Ends the file. */
  end(end: Omit<RecordedEnd, 'losses' | 'coverage'>): void {
    const { source, names } = this.#origin;
    // A journey without its end may be about to end.
    for (const { freeing } of end.end.living) if (freeing) names.seeFate(freeing.fate);
    this.#writeNames();
    const { coverage } = source;
    this.#write(this.#file.json(CHUNK_END, encodeEnd({ ...end, losses: source.losses(), coverage })));
    this.#write(this.#file.finish());
    this.close();
  }

  /** Closes the file, whether or not it has its end. */
  close(): void {
    this.#queue.addLast(() => this.#destination.close());
  }

  #writeNames(): void {
    const names = this.#origin.names.take();
    if (names) this.#write(this.#file.json(CHUNK_NAMES, names));
  }

  #write(bytes: Uint8Array, done?: () => void): void {
    this.#queue.add(bytes.length, () => this.#destination.write(bytes), done);
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
