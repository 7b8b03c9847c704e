import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jsonKey, refusedFieldNames } from './json-keys.js';
import { PACKAGE_ROOT } from './package-root.js';

const WITHOUT = refusedFieldNames({ hasFacts: false });
const WITH = refusedFieldNames({ hasFacts: true });

test('refusedFieldNames: ipft is refused only where an option fills it', () => {
  expect(WITHOUT.has('ipft')).toBe(false);
  expect([...WITH].filter((name) => !WITHOUT.has(name))).toEqual(['ipft']);
});

test('refusedFieldNames: a field may be called like a key that it replaces, and like one of journeys', () => {
  for (const name of ['netns', 'device', 'skb_freed', 'outcome', 'begin']) expect(WITH.has(name)).toBe(false);
});

test('jsonKey: as JSON has it', () => {
  expect(jsonKey('packet_id')).toBe('"packet_id":');
});

test('docs/extension.md names all that are refused', () => {
  const text = readFileSync(new URL('docs/extension.md', PACKAGE_ROOT), 'utf8');
  const [, list = ''] = /refuses members that are called like one of its keys \(([^)]*)\)/.exec(text) ?? [];
  expect([...list.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual([...WITHOUT]);
});
