import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NetnsNames } from './netns-names.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipft-netns-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const OWN = statSync('/proc/self/ns/net').ino;

test('NetnsNames: the name of a file that is the namespace; other files are none, whatever their number', () => {
  mkdirSync(join(directory, 'directory'));
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('/nowhere', join(directory, 'gone'));
  symlinkSync('/proc/self/ns/net', join(directory, 'blue\x1b[m'));
  const names = new NetnsNames(directory);
  for (const file of ['directory', 'file']) {
    const { ino } = statSync(join(directory, file));
    names.look(ino);
    expect(names.name(ino)).toBeUndefined();
  }
  const others = new NetnsNames(directory);
  others.look(OWN);
  expect(others.name(OWN)).toBe('blue\x1b[m');
});

test('NetnsNames: without a name, the first of its processes', () => {
  const names = new NetnsNames(join(directory, 'missing'));
  expect(names.name(0)).toBeUndefined();
  names.look(OWN);
  expect(names.name(OWN)).toMatch(/^.+ \d+$/);
});
