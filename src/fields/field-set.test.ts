import { expect, test } from 'vitest';
import { BtfBuilder, type BtfMember } from '../../tests/support/btf-builder.js';
import { ExtensionError } from '../base/errors.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import { parseEventStruct } from './event-struct.js';
import { combineFields, type FieldSet, loadFields, NO_FIELDS, type Part } from './field-set.js';

/** A set whose struct has these members of 32 bits. */
function setOf(part: Part, names: readonly string[], dataBytes: number): FieldSet {
  const b = new BtfBuilder();
  const int = b.int('unsigned int', 4);
  const members: BtfMember[] = names.map((name, index) => ({ name, type: int, offset: index * 4 }));
  b.variable('__ipft_event_struct', b.struct(`of_${part}`, names.length * 4, members));
  const btf = b.bytes();
  const layout = parseEventStruct(parseBtf(btf));
  return {
    ...{ label: `the ${part}`, part, layout, btf, dataBytes },
    ...{ objects: [], hasLicense: false, declaresRdonlyCast: false },
  };
}

/** Each 32-bit word holds its own offset. */
const DATA = new DataView(Uint32Array.from({ length: 300 }, (_, index) => index * 4).buffer);

test('combineFields: sets lie side by side, and are written and read in their order', () => {
  const fields = combineFields([setOf('fields', ['a'], 8), setOf('module', ['b', 'c'], 64)]);
  expect(fields).toMatchObject({ label: 'struct of_fields and struct of_module', dataBytes: 72, sizeBytes: 16 });
  expect(fields.sets.map(({ part, offset }) => [part, offset])).toEqual([
    ['fields', 0],
    ['module', 8],
  ]);
  expect(fields.fields.map(({ name, offset }) => [name, offset])).toEqual([
    ['a', 0],
    ['b', 8],
    ['c', 12],
  ]);
  expect(fields.types).toEqual({ a: 'number', b: 'number', c: 'number' });
  const writer = fields.createWriter(() => {});
  const out = new TextBuffer(64);
  writer.json(out, DATA, 16);
  expect(out.takeText()).toBe(',"a":16,"b":24,"c":28');
  writer.text(out, DATA, 16);
  expect(out.takeText()).toBe(' a: 16 b: 24 c: 28');
  expect([...writer.names]).toEqual(['a', 'b', 'c']);
  expect(fields.createReader(() => {})(DATA, 16)).toEqual({ a: 16, b: 24, c: 28 });
  expect(fields.createReader(() => {}, ['c'])(DATA, 0)).toEqual({ c: 12 });
});

test('combineFields: one set is what it is alone', () => {
  const set = setOf('module', ['a', 'b'], 64);
  const { label, sizeBytes, fields, types } = set.layout;
  expect(combineFields([set])).toMatchObject({ label, sizeBytes, fields, types, dataBytes: 64 });
});

test('combineFields: without sets there is nothing', () => {
  expect(NO_FIELDS).toMatchObject({ sets: [], fields: [], types: {}, dataBytes: 0, sizeBytes: 0, usesSymbols: false });
});

test('combineFields: what does not fit together', () => {
  const collision = () => combineFields([setOf('module', ['a', 'b'], 64), setOf('fields', ['c', 'b'], 8)]);
  expect(collision).toThrow(ExtensionError);
  expect(collision).toThrow('the module and the fields both have a field b');
  const whole = setOf('module', ['a'], 1024);
  expect(combineFields([whole]).dataBytes).toBe(1024);
  expect(() => combineFields([whole, setOf('fields', ['b'], 8)])).toThrow(
    'the fields of the module and the fields have 1032 bytes together, and an event has room for 1024',
  );
  expect(() => combineFields([setOf('module', ['a'], 64), setOf('module', ['b'], 64)])).toThrow('for the part module');
});

test('loadFields: sources are loaded one after the other', async () => {
  const order: string[] = [];
  const source = (part: Part) => ({
    async load() {
      order.push(`begin ${part}`);
      await Promise.resolve();
      order.push(`end ${part}`);
      return setOf(part, [`of_${part}`], 8);
    },
  });
  const { fields } = await loadFields([source('fields'), source('module')]);
  expect(order).toEqual(['begin fields', 'end fields', 'begin module', 'end module']);
  expect(fields.map(({ name }) => name)).toEqual(['of_fields', 'of_module']);
});
