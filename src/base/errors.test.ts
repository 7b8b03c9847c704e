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

test('no catch throws an error of its own without the cause', () => {
  const wrong: string[] = [];
  for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(SRC, name), 'utf8');
    for (const { 0: opening, index } of text.matchAll(/^( *)(?:} )?catch \(error\) \{$|catch\(.*=> \{$/gm)) {
      const indent = /^ */.exec(opening)?.[0] ?? '';
      const end = text.indexOf(`\n${indent}}`, index + opening.length);
      if (/(throw|return|reject\() ?new \w*Error/.test(text.slice(index, end)))
        wrong.push(`${name}: ${opening.trim()}`);
    }
  }
  expect(wrong).toEqual([]);
});
