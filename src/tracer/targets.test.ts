import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { type Btf, parseBtf } from '../btf/btf.js';
import { parseTraceableFunctions } from '../kernel/functions.js';
import { selectTargets } from './targets.js';

const builder = new BtfBuilder();
const int = builder.int('int', 4, 1);
const pointer = builder.pointer(builder.struct('sk_buff', 8, []));
for (const [name, parameters] of Object.entries({
  ip_rcv: [pointer],
  ip_output: [int, int, pointer],
  twice: [pointer],
  inlined: [pointer],
  shared: [pointer],
  unrelated: [int],
})) {
  builder.func(name, parameters);
}
const vmlinux = parseBtf(builder.bytes());
const traceable = parseTraceableFunctions(
  'ip_rcv\nip_output\ntwice\ntwice\nshared\nunrelated\nveth_xmit [veth]\nshared [veth]\nold_xmit [old]\n',
);
const moduleBtf = (module: string, base: Btf) => {
  if (module === 'old') return { problem: 'no BTF' };
  const split = new BtfBuilder(base);
  split.func('veth_xmit', [pointer]);
  return parseBtf(split.bytes(), base);
};
const names = (list: readonly { module: string; name: string }[]) =>
  list.map(({ module, name }) => `${module}:${name}`);

test('selectTargets: takes what BTF and ftrace both know, and tells of the rest', () => {
  const selection = selectTargets(vmlinux, moduleBtf, traceable, {});
  expect(selection.targets).toEqual([
    { name: 'ip_rcv', module: 'vmlinux', skbPosition: 0 },
    { name: 'ip_output', module: 'vmlinux', skbPosition: 2 },
    { name: 'veth_xmit', module: 'veth', skbPosition: 0 },
  ]);
  expect(names(selection.ambiguous)).toEqual(['vmlinux:twice', 'vmlinux:shared']);
  expect(selection.unknownModules).toEqual([{ module: 'old', problem: 'no BTF' }]);
  expect(selection.filtered).toBe(0);
});

test('selectTargets: filters are unanchored, both must match, and what they leave out is counted', () => {
  const byName = selectTargets(vmlinux, moduleBtf, traceable, { functionPattern: /_xmit|rcv/ });
  expect(names(byName.targets)).toEqual(['vmlinux:ip_rcv', 'veth:veth_xmit']);
  expect(byName.filtered).toBe(3);
  const both = selectTargets(vmlinux, moduleBtf, traceable, { functionPattern: /_/, modulePattern: /^ve/ });
  expect(names(both.targets)).toEqual(['veth:veth_xmit']);
});
