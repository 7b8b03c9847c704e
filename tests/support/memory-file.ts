/** Files of a recording in memory of this process. */
import { type Destinations, FileSink } from '../../src/recording/file-sink.js';
import type { RecordingFacts } from '../../src/recording/header.js';
import { Origin, type OriginOptions } from '../../src/recording/part.js';
import { Recorder } from '../../src/recording/recorder.js';
import type { Destination } from '../../src/recording/recording-file.js';

export class MemoryFile implements Destination {
  readonly name = 'memory';
  readonly #pieces: Uint8Array[] = [];
  isClosed = false;

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  write(bytes: Uint8Array): Promise<void> | void {
    this.#pieces.push(new Uint8Array(bytes));
  }

  close(): void {
    this.isClosed = true;
  }
}

export class MemoryFiles implements Destinations {
  readonly files: MemoryFile[] = [];

  next(): MemoryFile {
    const file = new MemoryFile();
    this.files.push(file);
    return file;
  }
}

/** A recorder into one file, whose bytes are there at once. */
export function recordInMemory(source: Origin['source'], facts: RecordingFacts, options?: OriginOptions) {
  const origin = new Origin(source, facts, options);
  const file = new MemoryFile();
  const sink = new FileSink(origin, { next: () => file });
  return { recorder: new Recorder(origin, sink), sink, file };
}
