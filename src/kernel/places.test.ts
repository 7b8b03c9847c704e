import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findNetns, listDevices } from './places.js';

const OWN = statSync('/proc/self/ns/net').ino;

test('findNetns: by path, inode and process', () => {
  for (const words of ['/proc/self/ns/net', `net:[${OWN}]`, `pid:${process.pid}`]) expect(findNetns(words)).toBe(OWN);
});

test.each([
  [
    'no-such-netns',
    "there is no network namespace 'no-such-netns': ENOENT: no such file or directory: /run/netns/no-such-netns",
  ],
  ['/etc/passwd', "there is no network namespace '/etc/passwd': /etc/passwd is another file"],
  ['/proc/self/ns/mnt', "there is no network namespace '/proc/self/ns/mnt': /proc/self/ns/mnt is another file"],
  ['/no\x1b', "there is no network namespace '/no\\x1b': ENOENT: no such file or directory: /no\\x1b"],
  ['net:[1]', "there is no network namespace 'net:[1]': no process is in it, and it is mounted nowhere"],
  [
    'pid:999999999',
    "there is no network namespace 'pid:999999999': ENOENT: no such file or directory: /proc/999999999/ns/net",
  ],
  ['../passwd', "there is no network namespace '../passwd': a name has no slash"],
  ['a\0b', /^there is no network namespace 'a\\x00b': /],
])('findNetns: %j is none', (words, message) => {
  expect(() => findNetns(words)).toThrow(message);
});

test('listDevices: those of the own namespace are among them', () => {
  const own = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .slice(2, -1)
    .map((line) => line.split(':')[0]!.trim());
  expect([...(listDevices().get(OWN) ?? [])]).toEqual(own);
});

test('listDevices: it looks into all namespaces, and this thread stays in its own', () => {
  listDevices();
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(`net:[${OWN}]`);
});
