import { expect, test } from 'vitest';
import type { CountedValue, CountStep, Counts } from '../base/counts.js';
import { CountOutput, type Screen } from './counts.js';

const value = (text: string): CountedValue => ({ text, json: JSON.stringify(text), value: text });
const step = (least: number, greatest: number, count: number): CountStep => ({
  ...{ least: BigInt(least), greatest: BigInt(greatest), count },
});
const COUNTS: Counts = {
  ...{ per: 'packet', columns: ['name', 'saddr'], histogram: undefined, total: 1239, valueless: 2, uncounted: 1 },
  rows: [
    { values: [value('eth0'), value('10.0.0.1')], count: 1234, steps: [] },
    { values: [undefined, value('fd00::1')], count: 5, steps: [] },
  ],
};
const histogram = (steps: readonly CountStep[], columns: readonly string[] = []): Counts => ({
  ...{ per: 'call', columns, histogram: 'skb->len', total: 9, valueless: 0, uncounted: 0 },
  rows: [{ values: columns.map(() => value('eth0')), count: 9, steps }],
});
const ESC = '\x1b';
const TEXT = { isJson: false, hasColor: false, intervalMs: undefined, screen: undefined };
const textOf = (pieces: Iterable<Uint8Array>) => [...pieces].map((piece) => Buffer.from(piece).toString()).join('');
const atEnd = (counts: Counts, options = {}) =>
  textOf(
    new CountOutput(
      () => counts,
      { ...TEXT, ...options },
      () => 0,
    ).finish(),
  );

test('a table, with what is not there', () => {
  expect(atEnd(COUNTS)).toBe('packets  name  saddr\n   1234  eth0  10.0.0.1\n      5  -     fd00::1\n');
  expect(atEnd({ ...COUNTS, per: 'call', rows: [] })).toBe('calls  name  saddr\n');
});

test('a histogram shows steps between others, each with a bar', () => {
  expect(atEnd(histogram([step(64, 127, 6), step(512, 1023, 2), step(1024, 2047, 1)]))).toBe(
    [
      '(9 calls)',
      'skb->len',
      `[64, 128)   6 |${'@'.repeat(52)}|`,
      `[128, 256)  0 |${' '.repeat(52)}|`,
      `[256, 512)  0 |${' '.repeat(52)}|`,
      `[512, 1K)   2 |${'@'.repeat(17)}${' '.repeat(35)}|`,
      `[1K, 2K)    1 |${'@'.repeat(9)}${' '.repeat(43)}|`,
      '',
    ].join('\n'),
  );
});

test('a histogram across 0, and of the largest numbers', () => {
  const labels = (steps: readonly CountStep[]) =>
    [...atEnd(histogram(steps)).matchAll(/^([^|\n]*?) +\d+ \|/gm)].map(([, label]) => label);
  expect(labels([step(-7, -4, 1), step(2, 3, 1)])).toEqual(['(-8, -4]', '(-4, -2]', '-1', '0', '1', '[2, 4)']);
  const [least, greatest] = [1n << 63n, (1n << 64n) - 1n];
  expect(labels([{ least, greatest, count: 1 }])).toEqual(['[8E, 16E)']);
  expect(labels([{ least: -(1n << 63n), greatest: -(1n << 62n) - 1n, count: 1 }])).toHaveLength(1);
});

test('with columns there is a histogram for each row', () => {
  const { rows, ...counts } = histogram([step(0, 0, 9)], ['name']);
  expect(atEnd({ ...counts, rows: [...rows, ...rows] }, { screen: screenOf(30) })).toBe(
    `${`name: eth0  (9 calls)\nskb->len\n0  9 |${'@'.repeat(22)}|\n`.repeat(2).replace('|\nname', '|\n\nname')}`,
  );
});

test('JSON is an object in a line, with null for what is not there', () => {
  expect(JSON.parse(atEnd(COUNTS, { isJson: true }))).toEqual({
    ...{ type: 'counts', per: 'packet', seconds: 0, end: true, total: 1239, without_value: 2, uncounted: 1 },
    rows: [
      { by: { name: 'eth0', saddr: '10.0.0.1' }, count: 1234 },
      { by: { name: null, saddr: 'fd00::1' }, count: 5 },
    ],
  });
  const text = atEnd(histogram([{ least: 1n << 63n, greatest: (1n << 64n) - 1n, count: 9 }]), { isJson: true });
  expect(text).toContain('"histogram":[{"least":9223372036854775808,"greatest":18446744073709551615,"count":9}]');
  expect(text.split('\n')).toHaveLength(2);
});

test('intervals', () => {
  let now = 0;
  const output = new CountOutput(
    () => COUNTS,
    { ...TEXT, intervalMs: 1000 },
    () => now,
  );
  output.tick();
  expect(output.pendingBytes).toBe(0);
  now = 1500;
  output.tick();
  output.tick();
  const table = atEnd(COUNTS);
  expect(textOf([output.take()])).toBe(`after 1.5 s\n${table}\n`);
  now = 2600;
  expect(textOf(output.finish())).toBe(`after 2.6 s\n${table}`);
  const json = new CountOutput(
    () => COUNTS,
    { ...TEXT, isJson: true, intervalMs: 1000 },
    () => now,
  );
  now = 4000;
  json.tick();
  const lines = textOf(json.finish()).split('\n').slice(0, -1);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { seconds: 1.4, end: false },
    { seconds: 1.4, end: true },
  ]);
});

function screenOf(columns: number, lines = 24): { -readonly [key in keyof Screen]: Screen[key] } {
  return { columns, lines, written: 0 };
}

test('on a screen each time takes the place of the last one, unless others have written below it', () => {
  let now = 0;
  const screen = screenOf(20, 5);
  const output = new CountOutput(
    () => COUNTS,
    { ...TEXT, intervalMs: 1000, screen },
    () => now,
  );
  const next = () => {
    now += 1000;
    output.tick();
    return textOf([output.take()]);
  };
  const cut = 'packets  name  saddr'.slice(0, 19);
  // Three of the five lines stay free.
  expect(next()).toBe(`${cut}\n   1234  eth0  10.0\n… and 1 line more\n`);
  expect(next()).toMatch(new RegExp(`^\r${ESC}\\[3A${ESC}\\[Jpackets`));
  screen.written++;
  expect(next()).toMatch(/^packets/);
  expect(textOf(output.finish())).toBe(`\r${ESC}[3A${ESC}[J${atEnd(COUNTS)}`);
});

test('colours are those of headings', () => {
  expect(atEnd(COUNTS, { hasColor: true }).split('\n')[0]).toBe(`${ESC}[1mpackets  name  saddr${ESC}[0m`);
});
