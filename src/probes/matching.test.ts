import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { matchInThread, matchNames } from './matching.js';

const NAMES = ['ip_rcv', 'a_function_with_a_name_of_many_letters', 'tcp_v4_rcv'];
const pattern = (text: string) => ({ regExp: new RegExp(text), text });

test('matchNames: tells which names match', async () => {
  const matches = await matchNames(pattern('^(?!ip)\\w+_rcv$'), NAMES);
  expect(NAMES.map((name) => matches.test(name))).toEqual([false, false, true]);
});

test.each([
  ['^(\\w+)+!$', '2', (text: string) => matchNames(pattern(text), NAMES)],
  ['(.*)*$x', '0.2', (text: string) => matchInThread(pattern(text), NAMES, undefined, 200)],
])('matchNames: %s is stopped after %s s, and named', async (text, seconds, match) => {
  let turns = 0;
  const counting = setInterval(() => turns++, 20);
  const matching = match(text);
  await expect(matching).rejects.toThrow(UsageError);
  await expect(matching).rejects.toThrow(`the regular expression '${text}': it takes longer than ${seconds} s`);
  clearInterval(counting);
  // Meanwhile others had their turn.
  expect(turns).toBeGreaterThan(2);
});

test('matchNames: ends as soon as it is to', async () => {
  const controller = new AbortController();
  const matching = matchNames(pattern('^(\\w+)+!$'), NAMES, controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 10);
  await expect(matching).rejects.toThrow('enough');
});

test('matchInThread: tells which names match', async () => {
  expect([...(await matchInThread(pattern('^ip|tcp'), NAMES))]).toEqual([1, 0, 1]);
});

test.each([
  ['a|'.repeat(100_000), 'longer than'],
  ['(a|'.repeat(30_000) + ')'.repeat(30_000), 'groups within'],
  ['(a{5,9}){1,9}'.repeat(5000), 'repetitions with'],
])('matchNames: refuses a pattern that is too large to be compiled', async (text, problem) => {
  await expect(matchNames(pattern(text), NAMES)).rejects.toThrow(problem);
});
