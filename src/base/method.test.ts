import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BACKENDS } from '../probes/backends.js';
import { BACKEND_ALIASES, BACKEND_NAMES, findBackend } from './method.js';
import { PACKAGE_ROOT } from './package-root.js';

const text = readFileSync(new URL('docs/backends.md', PACKAGE_ROOT), 'utf8');

test('BACKENDS: one for each name, in their order', () => {
  expect(BACKENDS.map(({ name }) => name)).toEqual(BACKEND_NAMES);
});

test('findBackend: names and aliases, and nothing else', () => {
  expect(findBackend('kprobe')).toBe('kprobe');
  expect(findBackend('fentry')).toBe('ftrace');
  expect(findBackend('ptrace')).toBeUndefined();
});

test('docs/backends.md: a row for each backend, best first, with its aliases', () => {
  const table = text.slice(text.indexOf('| backend |'), text.indexOf('\n\nThe first that works'));
  const rows = [...table.matchAll(/^\| `(.*?) \|/gm)].map(([, cell = '']) => `\`${cell}`);
  const cells = BACKEND_NAMES.map((name) => {
    const aliases = [...BACKEND_ALIASES].filter(([, means]) => means === name).map(([alias]) => alias);
    return [`\`${name}\``, ...aliases.map((alias) => `also called \`${alias}\``)].join(', ');
  });
  expect(rows).toEqual(cells);
});

test('docs/backends.md: the capabilities of each backend', () => {
  const section = text.slice(text.indexOf('## Capabilities'));
  for (const name of BACKEND_NAMES) expect(section).toMatch(new RegExp(`^\\| .*\`${name}\`.*\\|`, 'm'));
});
