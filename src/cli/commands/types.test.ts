import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeTypes } from './types.js';

const dir = mkdtempSync(join(tmpdir(), 'ipft-types-'));
afterAll(() => rmSync(dir, { recursive: true }));
const folder = (name: string) => {
  mkdirSync(join(dir, name));
  return join(dir, name);
};

/** The files need the kernel's types; where these are not to be had, the guests' tests see them. */
const withTypes = test.skipIf(!existsSync('/sys/kernel/btf/vmlinux'));

withTypes('a folder gets the types, and what tells editors of them; made anew, only the types', () => {
  const path = folder('new');
  const said = writeTypes({ structs: [], path });
  expect(said).toMatch(/ipft-env\.d\.ts has \d+ structs of Linux .*\n.*tsconfig\.json tells editors of it\n$/);
  expect(readFileSync(join(path, 'ipft-env.d.ts'), 'utf8')).toContain("declare module 'ipft/extension' {");
  expect(JSON.parse(readFileSync(join(path, 'tsconfig.json'), 'utf8'))).toHaveProperty('compilerOptions.strict', true);
  writeFileSync(join(path, 'tsconfig.json'), '{}');
  expect(writeTypes({ structs: [], path })).toMatch(/tsconfig\.json is there already/);
  expect(readFileSync(join(path, 'tsconfig.json'), 'utf8')).toBe('{}');
});

withTypes('a project around the folder is left as it is', () => {
  const path = folder('project');
  writeFileSync(join(path, 'tsconfig.json'), '{}');
  mkdirSync(join(path, 'inner'));
  expect(writeTypes({ structs: [], path: join(path, 'inner') })).toMatch(/project\/tsconfig\.json is there already/);
  expect(existsSync(join(path, 'inner/tsconfig.json'))).toBe(false);
});

withTypes('a file alone gets no configuration, and a struct that is named is in it', () => {
  const path = join(folder('file'), 'kernel.d.ts');
  writeTypes({ structs: ['struct super_block'], path });
  expect(readFileSync(path, 'utf8')).toContain('export interface super_block {');
  expect(existsSync(join(dir, 'file/tsconfig.json'))).toBe(false);
});

withTypes('a file of somebody else is not replaced, nor is what a link leads to', () => {
  const path = folder('other');
  writeFileSync(join(path, 'ipft-env.d.ts'), 'mine');
  expect(() => writeTypes({ structs: [], path })).toThrow(/ipft-env\.d\.ts is there, and was not made by ipft types/);
  symlinkSync(join(path, 'ipft-env.d.ts'), join(path, 'link.d.ts'));
  expect(() => writeTypes({ structs: [], path: join(path, 'link.d.ts') })).toThrow(/link\.d\.ts/);
  expect(readFileSync(join(path, 'ipft-env.d.ts'), 'utf8')).toBe('mine');
});

withTypes('a struct that is not there is told, with the nearest one', () => {
  expect(() => writeTypes({ structs: ['net_devise'], path: folder('wrong') })).toThrow(/has a struct 'net_devise'/);
  try {
    writeTypes({ structs: ['net_devise'], path: dir });
  } catch (error) {
    expect(error).toHaveProperty('hint', 'net_device?');
  }
});

test('a path that is no place for types is refused', () => {
  expect(() => writeTypes({ structs: [], path: join(dir, 'x.ts') })).toThrow(/must end in \.d\.ts/);
});
