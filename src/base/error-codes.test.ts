import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ERROR_CODES } from './error-codes.js';

const SRC = fileURLToPath(new URL('..', import.meta.url));
const source = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('/error-codes.ts'))
  .map((name) => readFileSync(join(SRC, name), 'utf8'))
  .join('\n');

test.each(Object.entries(ERROR_CODES))('ERROR_CODES: %s is thrown somewhere, with what it says', (code, { says }) => {
  expect(source).toContain(`'${code}'`);
  expect(source).toContain(says);
});

test.each(Object.entries(ERROR_CODES))('ERROR_CODES: %s is a sentence, causes and a remedy', (_code, text) => {
  expect(text.meaning).toMatch(/^[A-Z].*[^.]$/);
  expect(text.causes.length).toBeGreaterThan(0);
  expect(text.remedy).toMatch(/\.$/);
});
