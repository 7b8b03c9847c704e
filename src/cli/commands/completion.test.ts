import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadExampleNames } from '../../fields/c/examples.js';
import { OUTPUT_NAMES } from '../../output/outputs.js';
import { COMMANDS, GROUPS, SHELLS, splitFlags } from '../option-table.js';
import { formatCompletion } from './completion.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-completion-'));
  for (const name of ['a.bpf.c', 'b.o', 'c.txt', 'd.lua', 'e.ts', 'f.mjs', 'with space.c'])
    writeFileSync(join(dir, name), '');
  // A program that answers as ipft does, and says what it was asked.
  writeFileSync(join(dir, 'ipft'), '#!/bin/sh\necho "$2" >> asked\necho ip_output\necho ip_rcv\n', { mode: 0o755 });
  writeFileSync(join(dir, 'completion.bash'), formatCompletion('bash'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What bash offers when the cursor is behind the last of these words, as it splits them itself. */
function complete(...words: string[]): string[] {
  const script = `set -u
    source ./completion.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _ipft
    (( \${#COMPREPLY[@]} == 0 )) || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` };
  const run = spawnSync('bash', ['-c', script, 'bash', ...words], { cwd: dir, env, encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return run.stdout.split('\n').filter((line) => line !== '');
}

describe('bash completes', () => {
  test.each([
    [['ipft', ''], COMMANDS.map(({ name }) => name)],
    [['ipft', 'do'], ['doctor']],
    [['ipft', '-m', '1', '-o', ''], [...OUTPUT_NAMES]],
    [['ipft', '-o', 'j'], ['json']],
    [
      ['ipft', '--output', '=', 'p'],
      ['paths', 'pcapng', 'perfetto'],
    ],
    [['ipft', '--output', '='], [...OUTPUT_NAMES]],
    [['ipft', '-b', 'kprobe-'], ['kprobe-multi']],
    [['ipft', '--time', 'w'], ['wall']],
    [['ipft', '--module'], ['--module-regex']],
    [['ipft', '-m', '--fol'], []],
    [
      ['ipft', '--foll'],
      ['--follow', '--follow-modules'],
    ],
    [
      ['ipft', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['ipft', 'doctor', '--'],
      ['--json', '--verbose', '--help'],
    ],
    [['ipft', 'check', '--comp'], ['--compile-timeout']],
    [['ipft', 'doctor', ''], []],
    // The value of an option is no command.
    [['ipft', '-e', 'check', '--js'], ['--json-events-only']],
    [['ipft', '-e', 'a'], ['a.bpf.c']],
    [
      ['ipft', '-e', ''],
      ['a.bpf.c', 'b.o', ...loadExampleNames(), 'd.lua', 'e.ts', 'f.mjs', 'with space.c'],
    ],
    [['ipft', 'check', 'fi'], ['five-tuple']],
    [['ipft', 'check', 'a.bpf.c', 'b'], ['b.o']],
    [['ipft', '--output-file', 'c.'], ['c.txt']],
    [['ipft', '--ready-file', 'c.'], ['c.txt']],
    [['ipft', '-m', ''], []],
    // A program, and its words.
    [['ipft', '-o', 'json', '--', 'compge'], ['compgen']],
    [['ipft', '--', 'check', '--js', 'c.'], ['c.txt']],
  ])('%j', (words, expected) => {
    expect(complete(...words).sort()).toEqual([...expected].sort());
  });

  test('names of functions and modules, which ipft tells', () => {
    expect(complete('ipft', '-r', "'^ip_")).toEqual(['ip_output', 'ip_rcv']);
    expect(complete('ipft', '--module-regex', 'v')).toEqual(['ip_output', 'ip_rcv']);
    const asked = spawnSync('cat', ['asked'], { cwd: dir, encoding: 'utf8' }).stdout;
    expect(asked).toBe('--functions=^ip_\n--modules=v\n');
  });
});

test.each(SHELLS)('%s: every option, value and subcommand of the table is there, and nothing hidden', (shell) => {
  const script = formatCompletion(shell);
  const options = [...GROUPS, ...COMMANDS].flatMap(({ options }) => options);
  for (const option of options) {
    const { long } = splitFlags(option);
    const word = shell === 'fish' ? `-l ${long.slice(2)}` : long;
    const isShown = new RegExp(`${word}(?![a-z-])`).test(script.replace(/completion "?--.*/g, ''));
    expect([word, isShown]).toEqual([word, !('hidden' in option)]);
    if ('values' in option) for (const value of option.values ?? []) expect(script).toContain(value);
  }
  for (const { name } of COMMANDS) expect(script).toContain(name);
});
