import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBuffer } from '../base/text-buffer.js';
import { Clock } from './clock.js';

const halves = (value: bigint) => [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)] as const;

function texts(clock: Clock, time: bigint): { number: string; text: string } {
  const [out, [low, high]] = [new TextBuffer(), halves(time)];
  clock.writeNumber(out, low, high);
  const number = out.takeText();
  clock.writeText(out, low, high);
  return { number, text: out.takeText() };
}

const u62 = fc.bigInt({ min: 0n, max: 2n ** 62n });

test('Clock.mono: what the kernel says', () => {
  fc.assert(
    fc.property(u62, (time) => {
      expect(texts(Clock.mono(), time)).toEqual({ number: String(time), text: String(time) });
    }),
  );
});

test('Clock.since: the difference, exactly', () => {
  fc.assert(
    fc.property(u62, u62, (begin, after) => {
      const clock = Clock.since(begin);
      expect(texts(clock, begin + after)).toEqual({ number: String(after), text: String(after) });
      expect(clock.format(begin + after)).toBe(String(after));
      expect(clock.convert(begin + after)).toBe(after);
    }),
  );
});

test('Clock.wall: nanoseconds since the epoch beyond 2^53, and local time to the nanosecond', () => {
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  const uptime = fc.bigInt({ min: 0n, max: 10n ** 17n });
  fc.assert(
    fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), uptime, (second, rest, up) => {
      const time = BigInt(second) * 1_000_000_000n + BigInt(rest);
      const clock = Clock.wall(time - up);
      const { number, text } = texts(clock, up);
      expect(number).toBe(String(time));
      expect(clock.format(up)).toBe(text);
      const [, whole = '', nanoseconds] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})$/.exec(text) ?? [];
      expect(Number(nanoseconds)).toBe(rest);
      // What has no zone is local time.
      const [local, utc] = [new Date(whole), new Date(second * 1000)];
      // In the hour that comes twice when summer ends, both are right.
      expect(Math.abs(local.getTime() - utc.getTime()) % 3_600_000).toBe(0);
      expect(text).toHaveLength(clock.textWidth);
      expect(whole).toContain(`:${String(utc.getSeconds()).padStart(2, '0')}`);
    }),
    {
      examples: [
        [0, 0, 0n],
        [1_900_000_000, 999_999_999, 4n],
        [2_000_000_000, 0, 2n ** 32n],
      ],
    },
  );
});

test('Clock: seconds for people, right-aligned; of a time of day the time alone', () => {
  const text = (clock: Clock, ns: number) => {
    const out = new TextBuffer();
    clock.writeSeconds(out, ns % 2 ** 32, Math.floor(ns / 2 ** 32));
    return out.takeText();
  };
  const mono = Clock.mono();
  expect([0, 9_999_999_999, 10e9 + 1999, 99_999e9, 1_234_567e9].map((ns) => text(mono, ns))).toEqual([
    ...['    0.000000', '    9.999999', '   10.000001', '99999.000000', '1234567.000000'],
  ]);
  expect(mono.secondsWidth).toBe(12);
  expect(text(Clock.since(5_000_000_000n), 5_000_012_999)).toBe('    0.000012');
  const wall = Clock.wall(1_700_000_000_000_000_000n);
  expect(text(wall, 123_456_789)).toMatch(/^\d\d:\d\d:\d\d\.123456$/);
  expect(text(wall, 123_456_789)).toHaveLength(wall.secondsWidth);
  expect(wall.dayOf(123_456_789n)).toBe(wall.format(123_456_789n).slice(0, 10));
  expect(mono.dayOf(1n)).toBeUndefined();
});
