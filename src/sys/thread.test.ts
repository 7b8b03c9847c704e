import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { expect, test } from 'vitest';
import { callInThread } from './thread.js';

const libc = koffi.load(null);

test('callInThread: what the function returns; others run meanwhile', async () => {
  let turns = 0;
  const result = callInThread(libc.symbol('usleep'), 200_000n);
  const timer = setInterval(() => turns++, 1);
  expect(await result).toBe(0);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

test.each([0, 20])('callInThread: what waits in the kernel ends when it is to, after %i ms', async (ms) => {
  const stopping = new AbortController();
  const result = callInThread(libc.symbol('pause'), null, stopping.signal);
  if (ms > 0) await sleep(ms);
  stopping.abort();
  // pause(2) ends by a signal alone.
  expect(await result).toBe(-1);
});

test('callInThread: two at a time, of which one goes on', async () => {
  const stopping = new AbortController();
  const first = callInThread(libc.symbol('pause'), null, stopping.signal);
  const second = callInThread(libc.symbol('sleep'), 1n);
  stopping.abort();
  expect(await first).toBe(-1);
  // sleep(3) tells what was left.
  expect(await second).toBe(0);
});
