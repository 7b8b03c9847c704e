import { expect, test } from 'vitest';
import { TextBuffer } from '../base/text-buffer.js';
import { ProtoBuffer } from './proto-buffer.js';

type Read = [field: number, value: bigint | Uint8Array];

/** Reads fields by the rules of protobuf.dev/programming-guides/encoding. */
function read(bytes: Uint8Array): Read[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error('no varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const found: Read[] = [];
  while (at < bytes.length) {
    const tag = Number(varint());
    const kind = tag & 7;
    if (kind === 0) {
      found.push([tag >> 3, varint()]);
    } else if (kind === 1) {
      found.push([tag >> 3, view.getBigUint64(at, true)]);
      at += 8;
    } else if (kind === 2) {
      const length = Number(varint());
      expect(at + length).toBeLessThanOrEqual(bytes.length);
      found.push([tag >> 3, bytes.subarray(at, at + length)]);
      at += length;
    } else {
      throw new Error(`kind ${kind}`);
    }
  }
  return found;
}

test.each([0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])(
  '64 bits: %s',
  (value) => {
    const out = new ProtoBuffer(1);
    const halves = [Number(value & 0xffffffffn), Number(value >> 32n)] as const;
    out.uint64(1, ...halves);
    out.fixed64(2000, ...halves);
    expect(read(out.take())).toEqual([
      [1, value],
      [2000, value],
    ]);
  },
);

test('integers, doubles, strings, and text of a buffer', () => {
  const out = new ProtoBuffer(1);
  const text = new TextBuffer(1);
  text.text('blå');
  out.uint(16, 0xffffffff);
  out.double(15, -0.5);
  out.string(3, 'ü\0\ud800');
  out.text(4, text);
  const [integer, double, string, copied] = read(out.take());
  expect(integer).toEqual([16, 0xffffffffn]);
  expect(double).toEqual([15, 0xbfe0000000000000n]);
  // What is no character is replaced: strings are UTF-8.
  expect(Buffer.from(string?.[1] as Uint8Array).toString()).toBe('ü\0\ufffd');
  expect(Buffer.from(copied?.[1] as Uint8Array).toString()).toBe('blå');
});

test.each([0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])('a message of %i bytes in another one', (length) => {
  const out = new ProtoBuffer(1);
  const outer = out.open(1);
  out.uint(7, 1);
  const inner = out.open(2);
  out.raw(new Uint8Array(length).fill(0x5a));
  out.close(inner);
  out.uint(8, 2);
  out.close(outer);
  out.uint(9, 3);
  const [[field, message], last] = read(out.take()) as [Read, Read];
  expect(last).toEqual([9, 3n]);
  expect(field).toBe(1);
  const [seven, [two, bytes], eight] = read(message as Uint8Array) as [Read, Read, Read];
  expect([seven, two, eight]).toEqual([[7, 1n], 2, [8, 2n]]);
  expect((bytes as Uint8Array).length).toBe(length);
  expect((bytes as Uint8Array).every((byte) => byte === 0x5a)).toBe(true);
});

test('bytes that were taken stay as they are until they are given back', () => {
  const out = new ProtoBuffer(16);
  const other = new ProtoBuffer(16);
  out.uint(1, 1);
  const taken = out.take();
  other.uint(2, 2);
  out.takeFrom(other);
  expect(read(taken)).toEqual([[1, 1n]]);
  expect(other.length).toBe(0);
  out.giveBack(taken);
  const again = out.take();
  expect(read(again)).toEqual([[2, 2n]]);
  out.uint(3, 3);
  expect(read(out.take())).toEqual([[3, 3n]]);
  expect(read(again)).toEqual([[2, 2n]]);
});
