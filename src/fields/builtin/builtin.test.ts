import { expect, test } from 'vitest';
import { BUILTIN_FACTS, BUILTIN_NAMES, type BuiltinName } from '../../base/builtin-field.js';
import { TextBuffer } from '../../base/text-buffer.js';
import { parseElf } from '../../bytecode/elf.js';
import { checkJsonNames } from '../event-struct.js';
import { combineFields } from '../field-set.js';
import { builtinSource, describeBuiltin } from './builtin.js';

/** Where the object has been told to write each. */
function placesIn(bytes: Uint8Array): Record<string, number> {
  const { offset, length } = parseElf(bytes).sections.find(({ name }) => name === '.rodata.ipft_builtin')!;
  expect(length).toBe(BUILTIN_NAMES.length * 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  return Object.fromEntries(BUILTIN_NAMES.map((name, index) => [name, view.getUint16(index * 2, true)]));
}

test('builtinSource: each name has a place of its own, and those that are not wanted have none', async () => {
  const set = await builtinSource(['dev', 'tuple']).load();
  expect(set.layout.fields.map(({ name, offset }) => [name, offset])).toEqual([
    ...[['dev', 0] as const, ['ifindex', 16] as const, ['proto', 24] as const, ['saddr', 25] as const],
    ...[['sport', 42] as const, ['daddr', 44] as const, ['dport', 60] as const],
  ]);
  expect(set.dataBytes).toBe(64);
  const places = placesIn(set.objects[0]!.bytes);
  expect(places).toMatchObject({ dev: 0, tuple: 24 });
  expect(Object.values(places).filter((place) => place !== 0xffff)).toHaveLength(2);
});

test('builtinSource: the object of one trace is not that of another', async () => {
  const one = await builtinSource(['ct']).load();
  const other = await builtinSource(['gso', 'ct']).load();
  expect(placesIn(one.objects[0]!.bytes)['ct']).toBe(0);
  expect(placesIn(other.objects[0]!.bytes)['ct']).toBe(8);
});

test('builtinSource: all together fit, no two have a name in common, and JSON can show them', async () => {
  const fields = combineFields([await builtinSource(BUILTIN_NAMES).load()]);
  checkJsonNames(fields);
  expect(fields.fields.length).toBe(describeBuiltin().reduce((sum, one) => sum + one.fields.length, 0));
  expect(new Set(fields.fields.map(({ name }) => name)).size).toBe(fields.fields.length);
});

test('builtinSource: values are shown as people write them', async () => {
  const { layout } = await builtinSource(['tuple']).load();
  const data = new DataView(new ArrayBuffer(layout.sizeBytes));
  const offsets = new Map(layout.fields.map(({ name, offset }) => [name, offset]));
  data.setUint8(offsets.get('proto')!, 6);
  for (const [name, last] of [
    ['saddr', 1],
    ['daddr', 2],
  ] as const) {
    data.setUint16(offsets.get(name)! + 10, 0xffff);
    data.setUint32(offsets.get(name)! + 12, 0x0a000000 + last);
  }
  data.setUint16(offsets.get('dport')!, 443);
  const out = new TextBuffer(256);
  layout.createWriter(() => {}).text(out, data, 0);
  expect(Buffer.from(out.take()).toString()).toBe(' proto: tcp saddr: 10.0.0.1 sport: 0 daddr: 10.0.0.2 dport: 443');
});

test('describeBuiltin: every name, with its fields and bytes', () => {
  const described = describeBuiltin();
  expect(described.map(({ name }) => name)).toEqual([...BUILTIN_NAMES] satisfies BuiltinName[]);
  for (const { name, fields, dataBytes } of described) {
    expect(fields.length).toBeGreaterThan(0);
    expect(dataBytes % 8).toBe(0);
    expect(BUILTIN_FACTS[name].instructions).toBeGreaterThan(0);
  }
});
