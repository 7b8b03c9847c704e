import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { ExtensionError } from '../base/errors.js';
import { parseBtf } from '../btf/btf.js';
import { parseEventStruct } from '../fields/event-struct.js';
import type { FieldSchema } from './api.js';
import { checkSchema } from './schema.js';

function eventStruct() {
  const b = new BtfBuilder();
  const int = b.int('unsigned int', 4);
  const inner = b.struct('tcp', 8, [
    { name: 'seq', type: int, offset: 0 },
    { name: 'ack', type: int, offset: 4 },
  ]);
  const struct = b.struct('event', 28, [
    { name: 'len', type: int, offset: 0 },
    { name: 'saddr', type: int, offset: 4 },
    { name: 'cookie', type: b.int('unsigned long long', 8), offset: 8 },
    { name: 'ports', type: b.array(int, 1), offset: 16 },
    { name: 'tcp', type: inner, offset: 20 },
  ]);
  b.tag('ipft:fmt:ipv4', struct, 1);
  b.variable('__ipft_event_struct', struct);
  return parseEventStruct(parseBtf(b.bytes()));
}

const whole = {
  ...{ len: 'number', saddr: 'string', cookie: 'bigint', ports: ['number'] },
  tcp: { seq: 'number', ack: 'number' },
} as const satisfies FieldSchema;

test('checkSchema: all fields, or some of them', () => {
  checkSchema(eventStruct(), whole);
  checkSchema(eventStruct(), { len: 'number' });
  checkSchema(eventStruct(), {});
});

test.each<[FieldSchema, string]>([
  [{ len: 'bigint' }, "len (unsigned int) is 'number', not 'bigint'"],
  [{ saddr: 'number' }, "saddr (unsigned int, ipv4) is 'string', not 'number'"],
  [{ ports: 'number' }, "is ['number'], not 'number'"],
  [{ tcp: { seq: 'number' } }, "is { seq: 'number', ack: 'number' }, not { seq: 'number' }"],
  [{ length: 'number', mark: 'string' }, 'it has no length; it has no mark'],
])('checkSchema: %j does not fit', (schema, message) => {
  expect(() => checkSchema(eventStruct(), schema)).toThrow(ExtensionError);
  expect(() => checkSchema(eventStruct(), schema)).toThrow(`struct event has other fields than the option fields says`);
  expect(() => checkSchema(eventStruct(), schema)).toThrow(message);
});

test('FieldsOf, EventOf: the types that follow from schema and tracer', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stdout } = spawnSync('node_modules/.bin/tsc', ['-p', 'tests/types'], { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

test('checkSchema: what is computed for each event has no types beforehand', () => {
  expect(() => checkSchema({ ...eventStruct(), hasComputed: true }, { len: 'number' })).toThrow(
    'struct event: its fields are computed for each event, and not known before',
  );
});
