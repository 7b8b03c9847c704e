import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usedBytes } from '../../tests/support/memory.js';
import { settles } from '../base/settles.js';
import { Delivery, GivenUp } from './delivery.js';
import { openWriter } from './writer.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-delivery-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A pipe: its writing end, and a reader that takes nothing before it is told to. */
function createPipe(name: string) {
  const path = join(dir, name);
  execFileSync('mkfifo', [path]);
  const reader = spawn('sh', ['-c', `exec 3<"$0"; read go; exec cat <&3`, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let read = 0;
  reader.stdout.on('data', (bytes: Buffer) => {
    read += bytes.length;
  });
  const closed = new Promise<void>((resolve) => reader.on('close', () => resolve()));
  // Both for reading and writing: opening does not wait for the reader.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    out: openWriter(`/dev/fd/${fd}`),
    go: () => reader.stdin.end('go\n'),
    kill: async () => {
      reader.kill('SIGKILL');
      closeSync(fd);
      await closed;
    },
    get read() {
      return read;
    },
  };
}

const LARGE = Buffer.alloc(1 << 20, 'x');

test('Delivery: a signal ends the waiting for a reader, and what was not taken comes first the next time', async () => {
  const path = join(dir, 'file');
  const out = openWriter(path);
  const delivery = new Delivery(out);
  const aborted = AbortSignal.abort();
  expect(await delivery.write(Buffer.from('one '), aborted)).toBe(false);
  expect(await delivery.write(Buffer.from('two '), aborted)).toBe(false);
  expect(await delivery.write(Buffer.from('three'))).toBe(true);
  await delivery.flush();
  expect(readFileSync(path, 'utf8')).toBe('one two three');
  expect(delivery.problem(false)).toBeUndefined();
});

test('Delivery: while tracing a reader that takes nothing is waited for; at the end it loses what is left', async () => {
  const pipe = createPipe('stuck');
  try {
    const delivery = new Delivery(pipe.out, { settlingMs: 50, countingMs: 200 });
    const stop = new AbortController();
    const writing = delivery.write(LARGE, stop.signal);
    expect(await settles(writing, { withinMs: 200 })).toBe(false);
    expect(delivery.checkStuck()).toBe(false);
    expect(delivery.checkStuck()).toBe(true);
    stop.abort();
    expect(await writing).toBe(false);
    expect(await delivery.write(LARGE)).toBe(true);
    await delivery.write(LARGE);
    await delivery.flush();
    const [, dropped] = /; (\d+) bytes of the result are dropped$/.exec(delivery.problem(false)?.message ?? '') ?? [];
    // The pipe holds some of it.
    expect(Number(dropped)).toBeGreaterThan(2.5 * LARGE.length);
    expect(Number(dropped)).toBeLessThanOrEqual(3 * LARGE.length);
    expect(delivery.problem(true)?.message).toContain('at least');
    await expect(
      (async () => {
        for (;;) {
          await delivery.write(LARGE);
          await sleep(10);
        }
      })(),
    ).rejects.toThrow(GivenUp);
  } finally {
    await pipe.kill();
  }
});

test('Delivery: a reader that takes its time gets everything', async () => {
  const pipe = createPipe('slow');
  try {
    // However slow this machine is, the reader is not given up.
    const delivery = new Delivery(pipe.out, { settlingMs: 2 ** 31 - 1 });
    const writing = (async () => {
      for (let i = 0; i < 8; i++) await delivery.write(LARGE);
      await delivery.flush();
    })();
    // The pipe is full.
    while (!delivery.checkStuck()) await sleep(20);
    pipe.go();
    await writing;
    while (pipe.read < 8 * LARGE.length) await sleep(20);
    expect(delivery.problem(false)).toBeUndefined();
  } finally {
    await pipe.kill();
  }
});

test('settles: leaves nothing behind on promises and signals that live long', async () => {
  const { signal } = new AbortController();
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await settles(Promise.resolve(), { signal });
  };
  await turns(1000);
  const before = usedBytes();
  await turns(100_000);
  expect(usedBytes() - before).toBeLessThan(2 << 20);
  expect(await settles(new Promise(() => {}), { withinMs: 1 })).toBe(false);
  await expect(settles(Promise.reject(new Error('no')), { signal })).rejects.toThrow('no');
});
