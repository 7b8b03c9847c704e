import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IpftError } from '../base/errors.js';
import { openWriter } from './writer.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-writer-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('openWriter: a new file is only for its owner, and pieces stand in their order', async () => {
  const path = join(dir, 'new');
  const out = openWriter(path);
  const large = Buffer.alloc(1 << 20, 'x');
  await Promise.all([out.write(large), out.write(Buffer.from('y')), out.write(Buffer.from('z'))]);
  await out.flush();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe(`${large}yz`);
  expect(out.failure).toBeUndefined();
});

test('openWriter: a file that is there is replaced, but not before something is written', async () => {
  const path = join(dir, 'old');
  writeFileSync(path, 'what was there before');
  chmodSync(path, 0o640);
  const out = openWriter(path);
  expect(readFileSync(path, 'utf8')).toBe('what was there before');
  await out.write(Buffer.from('new'));
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o640);
  await openWriter(path).flush();
  expect(readFileSync(path, 'utf8')).toBe('');
});

test('openWriter: links, directories, sockets and devices are refused', async () => {
  symlinkSync(join(dir, 'target'), join(dir, 'link'));
  const server = createServer().listen(join(dir, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    for (const path of [join(dir, 'link'), dir, join(dir, 'socket'), '/dev/zero', join(dir, 'no/such'), '/dev/full']) {
      expect(() => openWriter(path), path).toThrow(IpftError);
      expect(() => openWriter(path), path).toThrow(`writing to ${path}: `);
    }
  } finally {
    server.close();
  }
});

test('openWriter: /dev/null, stdout by its names, and other descriptors', async () => {
  for (const path of [undefined, '-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']) {
    expect(openWriter(path).name).toBe('stdout');
  }
  const nothing = openWriter('/dev/null');
  expect(await nothing.write(Buffer.from('x'))).toBe(true);
  expect(nothing.closed).toBe(false);
});

test('openWriter: a descriptor that was opened to append is appended to', async () => {
  const path = join(dir, 'log');
  writeFileSync(path, 'before ');
  const out = openWriter(`/proc/self/fd/${openSync(path, 'a')}`);
  await out.write(Buffer.from('and after'));
  await out.flush();
  expect(readFileSync(path, 'utf8')).toBe('before and after');
  expect(() => openWriter('/dev/fd/99999')).toThrow(/^writing to \/dev\/fd\/99999: EBADF/);
});

test('openWriter: a full disk is told, and ends the writing', async () => {
  const out = openWriter(`/dev/fd/${openSync('/dev/full', 'w')}`);
  await out.write(Buffer.from('x'));
  expect(out.closed).toBe(true);
  expect(out.failure?.message).toContain('ENOSPC');
  await out.write(Buffer.from('y'));
});

test('openWriter: a pipe that nobody reads holds up nobody; what waits for it is forgotten when it goes', async () => {
  const path = join(dir, 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const out = openWriter(`/dev/fd/${openSync(path, 'w')}`);
  expect(out.closed).toBe(false);
  let isOver = false;
  const writing = out.write(Buffer.alloc(1 << 20, 'x')).then(() => {
    isOver = true;
  });
  const begin = Buffer.alloc(4096);
  await expect.poll(() => readSync(reader, begin)).toBe(4096);
  expect(isOver).toBe(false);
  closeSync(reader);
  await writing;
  expect(out.closed).toBe(true);
  expect(out.failure).toBeUndefined();
});

test('openWriter: all comes through a pipe that is read slowly, in its order', async () => {
  const path = join(dir, 'slow');
  execFileSync('mkfifo', [path]);
  const copy = join(dir, 'copy');
  const reader = spawn('sh', ['-c', `exec <'${path}'; sleep 0.1; cat >'${copy}'`]);
  const out = openWriter(`/dev/fd/${openSync(path, 'w')}`);
  const pieces = Array.from({ length: 40 }, (_, index) => Buffer.alloc(100_000, String.fromCharCode(64 + index)));
  await Promise.all(pieces.map((piece) => out.write(piece)));
  // The reader may still have some of it before it.
  await expect.poll(() => statSync(copy).size).toBe(4_000_000);
  reader.kill();
  expect(readFileSync(copy).equals(Buffer.concat(pieces))).toBe(true);
});

test('openWriter: a reader that has gone is seen before the next write, and is no failure', async () => {
  const path = join(dir, 'gone');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const out = openWriter(`/dev/fd/${openSync(path, 'w')}`);
  expect(out.closed).toBe(false);
  closeSync(reader);
  expect(out.closed).toBe(true);
  await out.write(Buffer.from('x'));
  expect(out.failure).toBeUndefined();
});
