/** What `ipft check` says that an extension's code costs, counted from what clang and its assembler write. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CodeObject, countFunction } from '../../src/bytecode/code-cost.js';
import { parseElf } from '../../src/bytecode/elf.js';
import { Chance } from '../support/frames.js';
import { compiled, example, extension, ROOT, scriptWithProgram } from '../vm/harness.js';

const dir = mkdtempSync(join(tmpdir(), 'ipft-cost-'));
afterAll(() => rmSync(dir, { recursive: true }));

function objectOf(path: string): CodeObject {
  const bytes = readFileSync(path);
  return { bytes, elf: parseElf(bytes) };
}

/** Assembles functions: lines of `NAME:` or `static NAME:` begin one each. */
function assemble(source: string): CodeObject {
  const functions = source.trim().split(/\n(?=(?:static |weak )?\w+:)/);
  const text = functions.map((one) => {
    const [, kind, name, code] = /^(static |weak )?(\w+):\n([\s\S]*)$/.exec(one)!;
    const binding = kind === 'static ' ? '' : `.${kind === 'weak ' ? 'weak' : 'globl'} ${name}`;
    return `${binding}\n.type ${name},@function\n${name}:\n${code}\n.size ${name}, . - ${name}\n`;
  });
  const path = join(dir, 'x.o');
  execFileSync('clang', ['-target', 'bpf', '-c', '-x', 'assembler', '-', '-o', path], {
    input: `.text\n${text.join('')}`,
  });
  return objectOf(path);
}

describe('countFunction', () => {
  test.each([
    ['a helper', 'module:\n r1 = 1\n call 6\n exit', 3, 1],
    ['a constant of 64 bits, which has two', 'module:\n r1 = 0x123456789 ll\n exit', 3, 0],
    ['what comes before and behind is not counted', 'static a:\n exit\nmodule:\n exit\nb:\n call 5\n exit', 1, 0],
    ['a static function', 'module:\n call a\n exit\nstatic a:\n call 5\n exit', 4, 1],
    ['one that stands before it', 'static a:\n call 5\n call 6\n exit\nmodule:\n call a\n exit', 5, 2],
    ['one that is called twice', 'static a:\n call 5\n exit\nmodule:\n call a\n call a\n exit', 5, 1],
    ['functions that call each other', 'module:\n call a\n exit\nstatic a:\n call b\n exit\nb:\n call a\n exit', 6, 0],
    ['one that is handed to a helper', 'static a:\n call 5\n exit\nmodule:\n r2 = a ll\n call 181\n exit', 6, 2],
    ['what another one defines', 'module:\n call ipft_func_ip\n exit', 2, 1],
    ['a cast of the kernel is no call', 'module:\n call bpf_rdonly_cast\n exit', 2, 0],
  ])('%s', (_, source, instructions, calls) => {
    expect(countFunction([assemble(source)], 'module')).toEqual({ instructions, calls });
  });

  test('several files: a function that is not weak takes the place of one that is', () => {
    const files = ['module:\n call a\n exit\nweak a:\n call 5\n call 5\n exit', 'a:\n call b\n exit\nb:\n exit'];
    const cost = { instructions: 5, calls: 0 };
    for (const given of [files, files.toReversed()]) expect(countFunction(given.map(assemble), 'module')).toEqual(cost);
    expect(countFunction([assemble(files[0]!)], 'module')).toEqual({ instructions: 5, calls: 2 });
  });

  test('what is not there is not counted', () => {
    expect(countFunction([assemble('a:\n exit')], 'module')).toBeUndefined();
    expect(countFunction([], 'module')).toBeUndefined();
  });

  test('damaged files are counted somehow, or not at all', () => {
    const bytes = readFileSync(compiled(extension('callbacks.bpf.c')));
    const { elf } = objectOf(compiled(extension('callbacks.bpf.c')));
    const chance = new Chance(20);
    const limit = bytes.length / 8;
    let counted = 0;
    for (let round = 0; round < 2000; round++) {
      const broken = Uint8Array.from(bytes);
      const section = chance.pick(elf.sections.filter(({ name }) => /^(\.rel)?\.text$|^\.symtab$/.test(name)));
      for (let bit = 0; bit < 4; bit++) broken[section.offset + chance.below(section.length)]! ^= 1 << chance.below(8);
      let parsed: ReturnType<typeof parseElf>;
      try {
        parsed = parseElf(broken);
      } catch {
        continue;
      }
      const cost = countFunction([{ bytes: broken, elf: parsed }], 'module');
      if (!cost) continue;
      counted++;
      expect(cost.instructions).toBeLessThanOrEqual(limit);
      expect(cost.calls).toBeLessThanOrEqual(limit);
    }
    expect(counted).toBeGreaterThan(100);
  });
});

describe('ipft check', () => {
  const check = (...files: string[]) => {
    const options = { cwd: ROOT, encoding: 'utf8' } as const;
    return spawnSync(process.execPath, ['bin/ipft.js', 'check', ...files], options).stdout;
  };

  test('tells of C what the code costs as a whole, behind the layout', () => {
    // One helper for the member, as one reads it.
    const lines = check(compiled(example('skb-len.bpf.c')))
      .trimEnd()
      .split('\n');
    expect(lines.at(-1)).toMatch(/^module\(\) and all that it calls: \d+ instructions, 1 call$/);
    expect(lines).toHaveLength(4);
    const whole = check(compiled(extension('main.bpf.c')), compiled(extension('second.bpf.c')));
    expect(whole).toMatch(/\nmodule\(\) and all that it calls: \d+ instructions, \d+ calls?\n$/);
  });

  test('tells of Lua what its program costs, and what decode takes', () => {
    const script = scriptWithProgram(join(ROOT, 'examples/scripts/gso.lua'));
    const cost = /module\(\) and all that it calls: \d+ instructions, 6 calls\n/;
    const shown = check(script);
    expect(shown).toMatch(cost);
    expect(shown).toMatch(/\ndecode takes some 10 us for each event that is shown, outside of the kernel\n$/);
    const text = readFileSync(script, 'utf8');
    const watched = join(dir, 'watched.lua');
    writeFileSync(watched, `${text}\nlocal found = ("x"):find("x")\n`);
    expect(check(watched)).toMatch(/decode takes some 50 us .*: it is watched, since /);
    const without = join(dir, 'without.lua');
    writeFileSync(without, text.replace(/function decode[\s\S]*/, ''));
    expect(check(without)).toMatch(cost);
    expect(check(without)).not.toContain('decode takes');
  });
});
