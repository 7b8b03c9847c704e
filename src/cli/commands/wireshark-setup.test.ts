import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { seal } from './wireshark-files.js';
import { setUpWireshark } from './wireshark-setup.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ipft-setup-'));
  vi.stubEnv('HOME', home);
  vi.stubEnv('PATH', join(home, 'nothing'));
  for (const name of ['XDG_CONFIG_HOME', 'SUDO_UID']) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const OPTIONS = { via: { kind: 'none' }, force: false } as const;

test('without Wireshark nothing is set up', () => {
  expect(() => setUpWireshark({ ...OPTIONS, undo: false })).toThrow('asking Wireshark for its folders');
  expect(readdirSync(home)).toEqual([]);
});

test('when Wireshark has gone, what was made is removed all the same, and what was changed stays', () => {
  const paths = [
    '.config/wireshark/extcap/ipft',
    '.local/lib/wireshark/extcap/ipft',
    '.local/lib/wireshark/plugins/ipft.lua',
    '.config/wireshark/profiles/ipft/preferences',
    '.config/wireshark/profiles/ipft/colorfilters',
  ].map((path) => join(home, path));
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, seal('made\n', path.endsWith('.lua') ? '--' : '#'));
  }
  const changed = paths[3]!;
  writeFileSync(changed, 'changed\n');
  const told = setUpWireshark({ ...OPTIONS, undo: true });
  expect(paths.filter((path) => existsSync(path))).toEqual([changed]);
  expect(told.match(/ is removed\n/g)).toHaveLength(4);
  expect(told.match(/ stays: /g)).toHaveLength(1);
});
