import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { IpftError } from '../../base/errors.js';
import { COLOR_FILTERS, formatWrapper, isMade, PREFERENCES, readFolders, seal } from './wireshark-files.js';

test('readFolders: of Wireshark 4.0, which does not name the folder of extcap, and of later ones', () => {
  const old = [
    'Temp:                \t/tmp',
    'Personal configuration:\t/home/a b/.config/wireshark',
    'Personal Lua Plugins:\t/home/a b/.local/lib/wireshark/plugins',
    'Extcap path:         \t/usr/lib/x86_64-linux-gnu/wireshark/extcap',
  ].join('\n');
  const config = '/home/a b/.config/wireshark';
  const lua = '/home/a b/.local/lib/wireshark/plugins';
  expect(readFolders(old)).toEqual({ config, lua, extcap: `${config}/extcap` });
  const extcap = '/home/a b/.local/lib/wireshark/extcap';
  expect(readFolders(`${old}\nPersonal Extcap path:\t${extcap}\n`)).toEqual({ config, lua, extcap });
});

test('readFolders: what is missing is told; no path that is none is taken', () => {
  for (const text of ['', 'Personal configuration:\t/c\n', 'Personal configuration: c\nPersonal Lua Plugins: /p'])
    expect(() => readFolders(text)).toThrow(IpftError);
});

test('formatWrapper: a program that hands its arguments on, wherever ipft lies', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-wrapper-'));
  try {
    const odd = join(dir, "o'd $(d)\n");
    mkdirSync(odd);
    const script = join(odd, 'ipft.js');
    writeFileSync(script, 'console.log(JSON.stringify(process.argv.slice(2)))');
    const wrapper = join(dir, 'ipft');
    writeFileSync(wrapper, formatWrapper([process.execPath, script], { kind: 'ssh', host: 'me@h' }));
    chmodSync(wrapper, 0o755);
    const { stdout, stderr } = spawnSync(wrapper, ['--extcap-interface', 'a b', "'"], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(['extcap', '--via', 'ssh:me@h', '--extcap-interface', 'a b', "'"]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('isMade: what was made is known again, and what Wireshark or a user wrote or changed is not', () => {
  for (const text of [formatWrapper(['n'], { kind: 'none' }), PREFERENCES, COLOR_FILTERS, 'of another version\n']) {
    const made = seal(text, '#');
    expect(made.startsWith(text)).toBe(true);
    expect(isMade(made)).toBe(true);
    for (const changed of [text, ` ${made}`, `${made}\n`, `${made}# mine\n`, made.replace('o', 'O'), made.trimEnd()])
      expect(isMade(changed)).toBe(false);
  }
  for (const text of ['', '# This file was created by Wireshark. Edit with care.\n', seal('', '#').trimEnd()])
    expect(isMade(text)).toBe(false);
});
