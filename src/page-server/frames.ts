/**
 * Messages through a pipe: the length of a JSON text and that of bytes behind it, each as u32 (little endian), then both.
 */
import type { Writable } from 'node:stream';
import { causedBy } from '../base/errors.js';

const HEAD_BYTES = 8;
const NOTHING: Uint8Array = new Uint8Array(0);

export interface Frame {
  /** What the JSON says; it may be anything. */
  readonly message: unknown;
  readonly bytes: Uint8Array;
}

export interface FrameLimits {
  readonly maxJsonBytes: number;
  readonly maxBytes: number;
}

/** The other side does not keep to the form of frames. */
export class FrameError extends Error {}

/** @throws FrameError for a frame that is longer than the limits, is no JSON, or is cut */
export async function* readFrames(
  input: AsyncIterable<Uint8Array>,
  { maxJsonBytes, maxBytes }: FrameLimits,
): AsyncGenerator<Frame> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let wanted = HEAD_BYTES;
  for await (const piece of input) {
    pieces.push(piece);
    length += piece.length;
    while (length >= wanted) {
      // Joined only when a frame is whole.
      const all = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      const view = new DataView(all.buffer, all.byteOffset, all.length);
      const jsonBytes = view.getUint32(0, true);
      const bytes = view.getUint32(4, true);
      if (jsonBytes > maxJsonBytes || bytes > maxBytes) throw new FrameError('a message is too long');
      const end = HEAD_BYTES + jsonBytes + bytes;
      pieces = [all];
      wanted = end;
      if (length < end) break;
      const behindJson = HEAD_BYTES + jsonBytes;
      yield { message: parse(all.subarray(HEAD_BYTES, behindJson)), bytes: all.subarray(behindJson, end) };
      pieces = length > end ? [all.subarray(end)] : [];
      length -= end;
      wanted = HEAD_BYTES;
    }
  }
  if (length > 0) throw new FrameError('a message is cut');
}

function parse(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'));
  } catch (error) {
    throw causedBy(new FrameError('a message is no JSON'), error);
  }
}

/** Writes messages. When the other side has gone, they are dropped. */
export class FrameWriter<Message> {
  readonly #stream: Writable;
  #isClosed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    const close = () => {
      this.#isClosed = true;
    };
    stream.on('error', close);
    stream.on('close', close);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(message: Message, bytes: Uint8Array = NOTHING): void {
    if (this.#isClosed) return;
    const json = Buffer.from(JSON.stringify(message));
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(json.length, 0);
    head.writeUInt32LE(bytes.length, 4);
    this.#stream.write(Buffer.concat([head, json, bytes]));
  }

  /** Waits until there is room for more, or the other side has gone. @param signal ends the wait */
  async drain(signal?: AbortSignal): Promise<void> {
    if (this.#isClosed || signal?.aborted || !this.#stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const over = () => {
        for (const event of ['drain', 'close', 'error']) this.#stream.off(event, over);
        signal?.removeEventListener('abort', over);
        resolve();
      };
      for (const event of ['drain', 'close', 'error']) this.#stream.on(event, over);
      signal?.addEventListener('abort', over, { once: true });
    });
  }
}
