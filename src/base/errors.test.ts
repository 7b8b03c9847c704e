import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { explainLoad } from '../capture/load.js';
import { parseCommandLine } from '../cli/options.js';
import { parsePattern } from '../cli/pattern.js';
import { prepareReadyFile } from '../cli/readiness.js';
import { openWriter } from '../cli/writer.js';
import { loadExtension } from '../fields/c/extension.js';
import { LibbpfError, LoadingError } from '../sys/libbpf.js';
import { ParseError, VerifierError } from './errors.js';

const SRC = fileURLToPath(new URL('..', import.meta.url));
/** The beginning of a catch block, or of a handler of `.catch`: its indent, and the name of what was caught. */
const CATCH = /^(?<indent> *)(?:} catch|.*\.catch\()(?: ?\(?(?<caught>\w+)\)?(?: =>)?)? \{$/gm;

/** What a function throws or rejects with. */
async function thrown(body: () => unknown): Promise<Error> {
  try {
    await body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test('causedBy: errors for people keep what led to them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-errors-'));
  try {
    const missing = join(dir, 'no/such');
    for (const body of [
      () => loadExtension([`${missing}.o`]),
      () => openWriter(missing),
      () => prepareReadyFile(missing),
    ]) {
      expect((await thrown(body)).cause).toMatchObject({ code: 'ENOENT' });
    }
    expect((await thrown(() => openWriter('/dev/fd/99999'))).cause).toMatchObject({ code: 'EBADF' });
    expect((await thrown(() => parsePattern('--regex', '('))).cause).toBeInstanceOf(SyntaxError);
    expect((await thrown(() => parseCommandLine(['--no-such']))).cause).toMatchObject({
      code: 'commander.unknownOption',
    });
    writeFileSync(join(dir, 'damaged.o'), 'no object');
    expect((await thrown(() => loadExtension([join(dir, 'damaged.o')]))).cause).toBeInstanceOf(ParseError);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('explainLoad: what libbpf said is the cause', () => {
  const refusal = new LibbpfError('bpf_object__load', 22, ['no'], 'loading');
  expect((explainLoad(refusal, undefined) as Error).cause).toBe(refusal);
  const verified = new LoadingError(13, undefined, 'R1 !read_ok');
  expect(explainLoad(verified, undefined)).toBeInstanceOf(VerifierError);
  expect((explainLoad(verified, undefined) as Error).cause).toBe(verified);
});

test('a catch throws what it caught, or an error that has it as its cause', () => {
  const wrong: string[] = [];
  for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(SRC, name), 'utf8');
    for (const { 0: opening, groups, index } of text.matchAll(CATCH)) {
      const { indent = '', caught } = groups ?? {};
      const body = text.slice(index + opening.length, text.indexOf(`\n${indent}}`, index + opening.length));
      for (const [statement] of body.matchAll(/\b(throw\b|reject\()[^;]*;/g)) {
        const keeps = caught !== undefined && new RegExp(`\\b${caught}\\b`).test(statement);
        if (!keeps) wrong.push(`src/${name}: ${statement.replaceAll(/\s+/g, ' ')}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});
