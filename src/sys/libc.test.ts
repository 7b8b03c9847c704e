import { expect, test } from 'vitest';
import { EnvironmentError } from '../base/errors.js';
import type { Descriptor } from './descriptor.js';
import { createMemoryFile, descriptorPath, withinNetns } from './libc.js';

test('descriptorPath: where /proc/self/fd does not show the file, that is said', () => {
  using file = createMemoryFile('test');
  expect(descriptorPath(file)).toBe(`/proc/self/fd/${file.fd}`);
  const hidden = { fd: 99_999 } as Descriptor;
  expect(() => descriptorPath(hidden)).toThrow(EnvironmentError);
  expect(() => descriptorPath(hidden)).toThrow('/proc/self/fd/99999 is not there');
});

test.each(['/proc/self/ns/mnt', '/no-such-file'])('withinNetns: %s is not entered', (path) => {
  expect(withinNetns(path, () => 'called')).toBeUndefined();
});
