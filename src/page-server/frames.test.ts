import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { FrameError, FrameWriter, readFrames } from './frames.js';

const LIMITS = { maxJsonBytes: 100, maxBytes: 1000 };

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function write(messages: readonly [unknown, Uint8Array][]): Uint8Array {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  const writer = new FrameWriter(stream);
  for (const [message, bytes] of messages) writer.send(message, bytes);
  return stream.read() as Uint8Array;
}

async function read(bytes: Uint8Array, size: number, limits = LIMITS) {
  const frames: unknown[] = [];
  for await (const { message, bytes: content } of readFrames(inPieces(bytes, size), limits))
    frames.push([message, content.length]);
  return frames;
}

test('messages come out as they went in, however they are cut', async () => {
  const bytes = write([
    [{ a: 'ü' }, new Uint8Array(0)],
    [{ b: 1 }, new Uint8Array(500)],
    [[], new Uint8Array(3)],
  ]);
  for (const size of [1, 7, 64, 509, bytes.length])
    expect(await read(bytes, size)).toEqual([
      [{ a: 'ü' }, 0],
      [{ b: 1 }, 500],
      [[], 3],
    ]);
});

test('what is too long, no JSON, or cut is refused', async () => {
  const one = write([[{ a: 1 }, new Uint8Array(500)]]);
  await expect(read(one, 64, { maxJsonBytes: 100, maxBytes: 499 })).rejects.toThrow(FrameError);
  await expect(read(one, 64, { maxJsonBytes: 5, maxBytes: 1000 })).rejects.toThrow('too long');
  await expect(read(one.subarray(0, 100), 64)).rejects.toThrow('cut');
  await expect(read(Buffer.from('\x03\0\0\0\0\0\0\0{,}'), 64)).rejects.toThrow('no JSON');
  // The length alone fills no memory.
  await expect(read(Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]), 8)).rejects.toThrow('too long');
});

test('a writer waits for room, and for nobody who has gone', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const writer = new FrameWriter(stream);
  await writer.drain();
  writer.send({ a: 'more than ten bytes' });
  const drained = writer.drain();
  expect(
    await Promise.race([drained.then(() => 'drained'), new Promise((resolve) => setTimeout(resolve, 10, 'waits'))]),
  ).toBe('waits');
  stream.resume();
  await drained;
  stream.pause();
  writer.send({ a: 'more than ten bytes' });
  await writer.drain(AbortSignal.timeout(10));
  const gone = writer.drain();
  stream.destroy();
  await gone;
  expect(writer.isClosed).toBe(true);
  writer.send({});
});
