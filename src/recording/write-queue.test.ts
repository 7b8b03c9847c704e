import { getEventListeners } from 'node:events';
import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WriteQueue } from './write-queue.js';

test('WriteQueue: however often room is waited for, nothing of it stays with the signal', async () => {
  const queue = new WriteQueue();
  const { signal } = new AbortController();
  for (let i = 0; i < 50; i++) {
    queue.add(100, async () => {
      await immediate();
    });
    await queue.room(50, signal);
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await queue.idle();
  expect([queue.pendingBytes, queue.writtenBytes]).toEqual([0, 5000]);
});

test('WriteQueue: the signal ends the wait, and what waits is written all the same', async () => {
  const queue = new WriteQueue();
  const controller = new AbortController();
  let go = () => {};
  queue.add(100, () => new Promise<void>((resolve) => (go = resolve)));
  const waiting = queue.room(0, controller.signal);
  controller.abort();
  await waiting;
  expect(queue.pendingBytes).toBe(100);
  go();
  await queue.idle();
  expect(queue.writtenBytes).toBe(100);
});
