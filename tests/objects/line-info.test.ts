/** The compiler's line information names the function that the verifier speaks of. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileExtension } from '../../src/fields/c/compile.js';
import { findPosition } from '../../src/fields/c/line-info.js';

const FILE = new URL('../vm/extensions/callbacks.bpf.c', import.meta.url).pathname;

test('findPosition: function, file and line; nothing for what stands in several, or nowhere', async () => {
  const object = await compileExtension(FILE);
  const lines = readFileSync(FILE, 'utf8').split('\n');
  const numberOf = (text: string) => lines.findIndex((line) => line.trim() === text) + 1;
  for (const [text, name] of [
    ['*(__u32 *)context += index;', 'add_index'],
    ['event->loops = loops;', 'module'],
  ] as const) {
    const line = numberOf(text);
    expect(findPosition(object, { text })).toEqual({ function: name, file: 'callbacks.bpf.c', line });
    expect(findPosition(object, { text, file: 'callbacks.bpf.c', line })?.function).toBe(name);
    expect(findPosition(object, { text, file: 'callbacks.bpf.c', line: line + 1 })).toBeUndefined();
  }
  expect(findPosition(object, { text: 'return 0;' })).toBeUndefined();
  expect(findPosition(object, { text: 'nowhere();' })).toBeUndefined();
});
