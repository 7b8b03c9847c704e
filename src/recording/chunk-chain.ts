/** The chunks of a recording: of one file, or of several that are consecutive parts of it. */
import { existsSync, statSync } from 'node:fs';
import { ParseError } from '../base/errors.js';
import { type Chunk, ChunkReader } from './chunk-reader.js';
import { CHUNK_HEADER, CutError, FILE_HEADER_BYTES } from './format.js';
import { parseHeader, type RecordingFacts } from './header.js';
import { JsonObject } from './json-object.js';
import { nextName } from './numbered-files.js';
import { aboutFile, RecordingError } from './problem.js';

/** A file, and what its header says. */
interface OpenPart {
  readonly path: string;
  readonly chunks: ChunkReader;
  readonly facts: RecordingFacts;
}

export class ChunkChain implements Disposable {
  /** The files, in their order. With `grows` those are added that the recorder begins. */
  paths: readonly string[];
  readonly #grows: boolean;
  #part: OpenPart;
  /** The number of the file that is being read, from 0. */
  #index = 0;
  /** The number of chunks that have been read, headers included. */
  count = 0;
  /** What the header of the first file says. */
  readonly facts: RecordingFacts;

  /**
   * @param paths in the order of their parts
   * @param grows whether the last file may become longer while it is read
   * @throws RecordingError for a first file that can't be read, is no recording, or is damaged within its header
   */
  constructor(paths: readonly string[], grows: boolean) {
    this.paths = paths;
    this.#grows = grows;
    this.#part = this.#open(0);
    this.facts = this.#part.facts;
  }

  /** The file that is being read, and where its next chunk begins. */
  get path(): string {
    return this.#part.path;
  }

  get at(): number {
    return this.#part.chunks.at;
  }

  /** Whether the file that is being read goes on with a part that was read before. */
  get isContinued(): boolean {
    return this.#index > 0;
  }

  /** The files whose reading has not begun. */
  get unread(): readonly string[] {
    return this.paths.slice(this.#index + 1);
  }

  /** As `ChunkReader.next`, behind the header. */
  next(): Chunk | 'cut' | undefined {
    const chunk = this.#part.chunks.next();
    if (typeof chunk === 'object') this.count++;
    return chunk;
  }

  /** The size of the files in bytes; of those that can't be read 0. */
  get sizeBytes(): number {
    // The open one may be where this process can't look any longer, or have no name.
    const sizes = this.paths.map((path, index) => (index === this.#index ? this.#part.chunks.sizeBytes : sizeOf(path)));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /**
   * Goes on with the next file, of a recording that continues in one.
   * @returns what its header says; undefined if there is none; `later` if the recorder is yet to begin it
   * @throws RecordingError for a file that is not the next part
   */
  nextPart(): RecordingFacts | 'later' | undefined {
    if (this.unread.length === 0) return this.#grows ? this.#findPart() : undefined;
    return this.#enter(this.#open(++this.#index));
  }

  #findPart(): RecordingFacts | 'later' | undefined {
    const path = nextName(this.path);
    if (path === undefined) return undefined;
    if (!existsSync(path)) return 'later';
    this.paths = [...this.paths, path];
    try {
      return this.#enter(this.#open(++this.#index));
    } catch (error) {
      if (!(error instanceof RecordingError && error.isCut)) throw error;
      this.paths = this.paths.slice(0, -1);
      this.#index--;
      return 'later';
    }
  }

  #enter(next: OpenPart): RecordingFacts {
    const { id, part } = this.#part.facts;
    if (next.facts.id !== id || next.facts.part !== part + 1) {
      next.chunks[Symbol.dispose]();
      throw new RecordingError(next.path, `it is not part ${part + 1} of the recording ${id}`);
    }
    this.#part.chunks[Symbol.dispose]();
    this.#part = next;
    return next.facts;
  }

  #open(index: number): OpenPart {
    const path = this.paths[index] ?? '';
    const grows = this.#grows && index === this.paths.length - 1;
    let chunks: ChunkReader | undefined;
    try {
      chunks = new ChunkReader(path, { grows });
      const first = chunks.next();
      if (first === undefined || first === 'cut') throw new CutError(FILE_HEADER_BYTES, CUT);
      this.count++;
      if (first.type !== CHUNK_HEADER) throw new ParseError('recording', first.at, 'it has no header');
      return { path, chunks, facts: parseHeader(JsonObject.parse(first.content, first.at), first.at) };
    } catch (error) {
      chunks?.[Symbol.dispose]();
      throw aboutFile(path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#part.chunks[Symbol.dispose]();
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

const CUT = 'it is cut within its header: its recorder has just begun, or was killed, or found no room';
