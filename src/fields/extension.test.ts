import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { chooseExtension, KnownFile } from './extension.js';

test('chooseExtension: files in C are linked, and may be examples', () => {
  expect(chooseExtension([])).toEqual({ kind: 'c', paths: [] });
  expect(chooseExtension(['a.bpf.c', 'b.o'])).toEqual({ kind: 'c', paths: ['a.bpf.c', 'b.o'] });
  expect(chooseExtension(['five-tuple'])).toEqual({ kind: 'c', paths: ['five-tuple'] });
});

test('chooseExtension: any other suffix is refused, with those that there are', () => {
  for (const path of ['a.txt', 'a', '', 'a.C', 'a.c.txt', 'a.constructor']) {
    expect(() => chooseExtension([path]), path).toThrow(UsageError);
    expect(() => chooseExtension([path]), path).toThrow(/must end in \.c \(C source\), .*\.o \(BPF object\)/);
  }
});

test('chooseExtension: of scripts the last one counts, and they do not go with files in C', () => {
  expect(chooseExtension(['a.lua'])).toEqual({ kind: 'lua', paths: ['a.lua'] });
  const script = new KnownFile('b.txt', 'lua');
  expect(chooseExtension(['a.lua', script])).toEqual({ kind: 'lua', paths: ['b.txt'] });
  expect(chooseExtension([script, 'a.lua'])).toEqual({ kind: 'lua', paths: ['a.lua'] });
  expect(() => chooseExtension(['a.c', script])).toThrow('the extension b.txt is a script in Lua, and a.c is in C');
  expect(() => chooseExtension([script, 'a.c'])).toThrow('the extension a.c is in C, and b.txt is a script in Lua');
});
