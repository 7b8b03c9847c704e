import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { type Btf, parseBtf } from '../btf/btf.js';
import { parseTraceableFunctions } from '../kernel/functions.js';
import { decodeCandidates, encodeCandidates, findCandidates } from './candidates.js';
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
  sixth: [int, int, int, int, int, pointer],
  seventh: [int, int, int, int, int, int, pointer],
  variadic: [pointer, 0],
  kfree_skbmem: [pointer],
})) {
  builder.func(name, parameters);
}
const vmlinux = parseBtf(builder.bytes());
const traceable = parseTraceableFunctions(
  'ip_rcv\nip_output\ntwice\ntwice\nshared\nunrelated\nsixth\nseventh\nvariadic\nkfree_skbmem\nveth_xmit [veth]\nshared [veth]\nold_xmit [old]\n',
);
const moduleBtf = (module: string, base: Btf) => {
  if (module === 'old') return { problem: 'no BTF' };
  const split = new BtfBuilder(base);
  split.func('veth_xmit', [pointer]);
  return parseBtf(split.bytes(), base);
};
const candidates = findCandidates({ vmlinux, moduleBtf, traceable });
const needs = { kinds: ['function'], access: 'registers', moduleTrampolines: true, addressesOf: () => [] } as const;
const names = (list: readonly { module: string; name: string }[]) =>
  list.map(({ module, name }) => `${module}:${name}`);

test('selectTargets: takes what BTF and ftrace both know, and tells of the rest', () => {
  const selection = selectTargets(candidates, needs, {});
  expect(selection.targets).toMatchObject([
    { name: 'ip_rcv', module: 'vmlinux', packet: { position: 0 } },
    { name: 'ip_output', module: 'vmlinux', packet: { position: 2 } },
    { name: 'sixth', module: 'vmlinux', packet: { position: 5 }, parameters: 6 },
    { name: 'variadic', module: 'vmlinux', packet: { position: 0 }, parameters: 1 },
    { name: 'kfree_skbmem', module: 'vmlinux', packet: { position: 0 } },
    { name: 'veth_xmit', module: 'veth', packet: { position: 0 } },
  ]);
  for (const { name, module, id } of selection.targets) if (module === 'vmlinux') expect(vmlinux.name(id)).toBe(name);
  expect(selection.excluded).toEqual([
    { name: 'twice', module: 'vmlinux', reason: 'another function bears the same name' },
    { name: 'inlined', module: 'vmlinux', reason: expect.stringContaining('ftrace does not know it') },
    { name: 'shared', module: 'vmlinux', reason: 'another function bears the same name' },
    { name: 'seventh', module: 'vmlinux', reason: 'its skb is not among the first 6 arguments' },
  ]);
  expect(selection.unknownModules).toEqual([{ module: 'old', problem: 'no BTF' }]);
  expect(selection.filtered).toBe(0);
  expect(names(selection.deciding)).toEqual(['vmlinux:kfree_skbmem']);
});

test('selectTargets: functions that share a name are told apart by their addresses, where these are known', () => {
  const addressesOf = (module: string, name: string) =>
    name === 'twice' ? [0x10n, 0x20n] : module === 'vmlinux' ? [0x30n] : [];
  const selection = selectTargets(candidates, { ...needs, addressesOf }, { functionPattern: /twice|shared/ });
  expect(selection.targets.map(({ name, address }) => [name, address])).toEqual([
    ['twice', 0x10n],
    ['twice', 0x20n],
    ['shared', 0x30n],
  ]);
  expect(selection.excluded).toEqual([]);
  // A trampoline is made for a name.
  const trampoline = selectTargets(candidates, { ...needs, access: 'trampoline', addressesOf }, {});
  expect(names(trampoline.excluded)).toContain('vmlinux:twice');
});

test('selectTargets: trampolines reach further, and not everywhere', () => {
  const selection = selectTargets(candidates, { ...needs, access: 'trampoline' }, {});
  expect(names(selection.targets)).toContain('vmlinux:seventh');
  expect(selection.excluded).toContainEqual(
    expect.objectContaining({ name: 'variadic', reason: 'a trampoline takes no variable number of arguments' }),
  );
  const unprivileged = selectTargets(candidates, { ...needs, access: 'trampoline', moduleTrampolines: false }, {});
  expect(names(unprivileged.targets)).not.toContain('veth:veth_xmit');
  expect(unprivileged.excluded).toContainEqual(
    expect.objectContaining({ name: 'veth_xmit', reason: 'BTF of modules needs CAP_SYS_ADMIN' }),
  );
});

test('selectTargets: a backend that is attached to something else gets no function', () => {
  const selection = selectTargets(candidates, { ...needs, kinds: [] }, {});
  expect(selection.targets).toEqual([]);
  expect(selection.deciding).toEqual([]);
  expect(selection.excluded).toContainEqual({
    ...{ name: 'ip_rcv', module: 'vmlinux', reason: 'the backend is not attached to functions' },
  });
});

test('selectTargets: filters are unanchored, both must match, and what they leave out is counted', () => {
  const byName = selectTargets(candidates, needs, { functionPattern: /_xmit|rcv/ });
  expect(names(byName.targets)).toEqual(['vmlinux:ip_rcv', 'veth:veth_xmit']);
  expect(byName.filtered).toBe(4);
  expect(byName.excluded).toEqual([]);
  expect(names(byName.deciding)).toEqual(['vmlinux:kfree_skbmem']);
  const both = selectTargets(candidates, needs, { functionPattern: /_/, modulePattern: /^ve/ });
  expect(names(both.targets)).toEqual(['veth:veth_xmit']);
});

test('candidates: what is kept and read again is the same, and nothing else is taken for it', () => {
  const kept = JSON.parse(JSON.stringify(encodeCandidates(candidates)));
  expect(decodeCandidates(kept)).toEqual(candidates);
  const [[, names, ids, ...rest]] = kept.modules;
  for (const damaged of [
    ...[undefined, null, 1, 'functions', [], {}, { modules: [] }, { ...kept, unknownModules: [{ module: 'old' }] }],
    { ...kept, modules: [['vmlinux', names, ids]] },
    { ...kept, modules: [['vmlinux', names, ids.slice(1), ...rest]] },
    { ...kept, modules: [['vmlinux', names, ids.map(String), ...rest]] },
    { ...kept, modules: [[1, names, ids, ...rest]] },
  ]) {
    expect(decodeCandidates(damaged)).toBeUndefined();
  }
});

test('selectTargets: a struct by value moves the arguments behind it, one that is returned has no trampoline, 12 arguments have', () => {
  const kernel = new BtfBuilder();
  const long = kernel.int('long', 8, 1);
  const skb = kernel.pointer(kernel.struct('sk_buff', 8, []));
  const value = kernel.struct('pair', 16, [{ name: 'first', type: long, offset: 0 }]);
  const many = (count: number) => [skb, ...Array.from({ length: count - 1 }, () => long)];
  kernel.func('struct_before', [value, skb]);
  kernel.func('struct_behind', [skb, value]);
  kernel.func('returns_struct', [skb], value);
  kernel.func('twelve', many(12));
  kernel.func('thirteen', many(13));
  const known = parseTraceableFunctions('struct_before\nstruct_behind\nreturns_struct\ntwelve\nthirteen\n');
  const found = findCandidates({ vmlinux: parseBtf(kernel.bytes()), moduleBtf, traceable: known });
  const refused = (access: 'registers' | 'trampoline') =>
    selectTargets(found, { ...needs, access }, {}).excluded.map(({ name, reason }) => [name, reason]);
  expect(refused('registers')).toEqual([['struct_before', 'a struct passed by value stands before its skb']]);
  expect(refused('trampoline')).toEqual([
    ['struct_before', 'a struct passed by value stands before its skb'],
    ['returns_struct', 'a trampoline returns no struct'],
    ['thirteen', 'a trampoline takes no more than 12 arguments'],
  ]);
  expect(names(selectTargets(found, needs, {}).targets)).toEqual(
    ['struct_behind', 'returns_struct', 'twelve', 'thirteen'].map((name) => `vmlinux:${name}`),
  );
});

test('findCandidates: of functions that share a name within a module the first is told, once', () => {
  const kernel = new BtfBuilder();
  const skb = kernel.pointer(kernel.struct('sk_buff', 8, []));
  const long = kernel.int('long', 8, 1);
  const first = kernel.func('same', [long, skb]);
  kernel.func('same', [skb]);
  kernel.func('other', [skb]);
  const known = parseTraceableFunctions('same\nother\n');
  const { modules } = findCandidates({ vmlinux: parseBtf(kernel.bytes()), moduleBtf, traceable: known });
  expect(modules.map(({ functions }) => functions.map(({ name, id, position }) => [name, id, position]))).toEqual([
    [
      ['same', first, 1],
      ['other', expect.any(Number), 0],
    ],
  ]);
});
