import { expect, test } from 'vitest';
import * as module from './extension.js';
import { API } from './fields/typescript/api.js';

test('the module exports what its declarations name', () => {
  const declared = [...API.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, name]) => name);
  expect(Object.keys(module).sort()).toEqual([...new Set(declared)].sort());
});

test('what is known in the kernel only says so', () => {
  expect(() => module.tcp()).toThrow(/^tcp\(\) is known in the kernel only/);
  expect(module.extension({ fields: {} })).toEqual({ fields: {} });
});
