import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { duplicate } from './libc.js';
import { keepDescriptors } from './unprivileged.js';

test('keepDescriptors: what is started has stdin, stdout and stderr', () => {
  const own = openSync('/dev/null', 'r');
  // A copy has no flag of its own that keeps it here.
  const copy = duplicate(own);
  const inherited = () => spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout.split('\n');
  try {
    expect(inherited()).toContain(String(copy));
    keepDescriptors();
    expect(inherited()).not.toContain(String(copy));
  } finally {
    closeSync(copy);
    closeSync(own);
  }
});
