import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { givenValues } from '../../tests/support/given-values.js';
import { ExtensionError } from '../base/errors.js';
import type { ComputedField } from '../base/field.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import type { ComputedFields } from './computed.js';
import { parseEventStruct } from './event-struct.js';
import { combineFields, type FieldSet } from './field-set.js';
import { createLayout } from './layout.js';

/** Built-in fields, in 8 bytes: `a`, of 32 bits. */
function builtinSet(): FieldSet {
  const b = new BtfBuilder();
  b.variable('__ipft_event_struct', b.struct('event', 4, [{ name: 'a', type: b.int('int', 4), offset: 0 }]));
  const btf = b.bytes();
  return {
    ...{ label: 'the built-in fields', part: 'fields', layout: parseEventStruct(parseBtf(btf)), btf, dataBytes: 8 },
    ...{ objects: [], hasLicense: false, declaresRdonlyCast: false },
  };
}

/** A set of which all is computed. */
function computedSet(compute: ComputedFields['compute'], varies = true): FieldSet {
  const facts = { label: 'the bytes', sizeBytes: 64, usesSymbols: false, warnings: [], createFields: () => [] };
  return {
    ...{ label: 'the extension x', part: 'module', layout: createLayout(facts), btf: new Uint8Array(0) },
    ...{ objects: [], hasLicense: false, declaresRdonlyCast: false, dataBytes: 64 },
    computed: { label: 'the extension x', varies, compute },
  };
}

/** The bytes at the offsets of both sets, at 16. */
const DATA = new DataView(new ArrayBuffer(128));
DATA.setInt32(16, 7, true);
DATA.setUint8(24, 84);

function write(fields: readonly ComputedField[], kind: 'text' | 'json'): string {
  const out = new TextBuffer(64);
  combineFields([computedSet(() => fields)])
    .createWriter(() => {})
    [kind](out, DATA, 24);
  return out.takeText();
}

test('combineFields: computed fields stand behind those in the data, and are made of their own set’s data', () => {
  let calls = 0;
  const both = combineFields([
    builtinSet(),
    computedSet((data, at) => {
      calls++;
      return [{ name: 'len', value: data.getUint8(at) }];
    }),
  ]);
  expect(both).toMatchObject({ hasComputed: true, dataBytes: 72, sizeBytes: 72 });
  const writer = both.createWriter(() => {});
  const out = new TextBuffer(64);
  writer.text(out, DATA, 16);
  expect(out.takeText()).toBe(' a: 7 len: 84');
  writer.json(out, DATA, 16);
  expect(out.takeText()).toBe(',"a":7,"len":84');
  expect(givenValues(writer, DATA, 16)).toEqual({ a: 7n, len: 84n });
  expect(both.createReader(() => {})(DATA, 16)).toEqual({ a: 7, len: 84 });
  expect(calls).toBe(4);
  expect(both.createReader(() => {}, ['len'])(DATA, 16)).toEqual({ len: 84 });
  expect([...writer.names]).toEqual(['a']);
});

test('a computed set without fields writes nothing', () => {
  expect(write([], 'text')).toBe('');
  expect(write([], 'json')).toBe('');
});

test('values of each type, as text and as JSON', () => {
  const fields: readonly ComputedField[] = [
    { name: 'int', value: -5 },
    { name: 'big', value: 2n ** 63n - 1n },
    { name: 'float', value: 3, text: '3.0' },
    { name: 'inf', value: Number.POSITIVE_INFINITY, text: 'inf' },
    { name: 'nan', value: Number.NaN },
    { name: 'zero', value: -0, text: '-0.0' },
    { name: 'yes', value: true },
    { name: 'word', value: 'two words' },
    { name: 'k\x1b"', value: 'v\x1b"\n', text: 'v\\x00\x1b' },
  ];
  expect(write(fields, 'text')).toBe(
    ' int: -5 big: 9223372036854775807 float: 3.0 inf: inf nan: NaN zero: -0.0 yes: true word: two words k\\x1b": v\\x00\\x1b',
  );
  const json = `{"x":0${write(fields, 'json')}}`;
  expect(json).toBe(
    '{"x":0,"int":-5,"big":9223372036854775807,"float":3,"inf":"inf","nan":"NaN","zero":-0,"yes":true,"word":"two words","k\\u001b\\"":"v\\u001b\\"\\n"}',
  );
  expect(JSON.parse(json)['k\x1b"']).toBe('v\x1b"\n');
});

test('values are given with their types', () => {
  const writer = combineFields([
    computedSet(() => [
      { name: 'a', value: -5 },
      { name: 'b', value: 2n ** 63n },
      { name: 'c', value: 0.5 },
      { name: 'd', value: 3, text: '3.0' },
      { name: 'e', value: false },
      { name: 'f', value: 'x' },
    ]),
  ]).createWriter(() => {});
  expect(givenValues(writer, DATA, 0)).toEqual({ a: -5n, b: 2n ** 63n, c: 0.5, d: 3, e: false, f: 'x' });
});

test('a name that another field has, or that the output has itself, is an error', () => {
  const named = (name: string) => computedSet(() => [{ name, value: 1 }]);
  const out = new TextBuffer(64);
  const both = combineFields([builtinSet(), named('a')]);
  expect(() => both.createWriter(() => {}).text(out, DATA, 16)).toThrow(
    'the built-in fields and the extension x both have a field a',
  );
  expect(() => both.createReader(() => {})(DATA, 16)).toThrow(ExtensionError);
  const fixed = combineFields([named('timestamp')]);
  expect(() => fixed.createWriter(() => {}, new Set(['timestamp'])).json(out, DATA, 16)).toThrow(
    "the extension x gives a field timestamp: 'timestamp' is a key of the JSON output",
  );
  fixed.createWriter(() => {}).text(out, DATA, 16);
});

test('varies: as the sets say', () => {
  const varies = (sets: readonly FieldSet[]) => combineFields(sets).createWriter(() => {}).varies;
  expect(varies([builtinSet()])).toBe(false);
  expect(varies([builtinSet(), computedSet(() => [], false)])).toBe(false);
  expect(varies([builtinSet(), computedSet(() => [])])).toBe(true);
});

test('fields that are called like members of Object.prototype are fields', () => {
  const read = combineFields([computedSet(() => [{ name: '__proto__', value: 7 }])]).createReader(() => {});
  expect(Object.entries(read(DATA, 0))).toEqual([['__proto__', 7]]);
});

test('names that differ from event to event are kept for a while, and no more than some', () => {
  let n = 0;
  const writer = combineFields([computedSet(() => [{ name: `k${++n}`, value: n }])]).createWriter(() => {});
  const out = new TextBuffer(64);
  for (let i = 1; i <= 3000; i++) {
    writer.json(out, DATA, 0);
    expect(out.takeText()).toBe(`,"k${i}":${i}`);
  }
});
