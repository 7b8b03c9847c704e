import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeKernel } from '../../tests/support/fake-kernel.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { combineFields, type FieldSet } from '../fields/field-set.js';
import { loadTypeScriptFields } from '../fields/typescript/source.js';
import { encodeHeader, parseHeader } from '../recording/header.js';
import { JsonObject } from '../recording/json-object.js';
import { parsePlan } from './plan.js';
import { createOrigin, describeRecorded, recordedFields } from './record.js';

const dir = mkdtempSync(join(tmpdir(), 'ipft-record-'));
afterAll(() => rmSync(dir, { recursive: true }));

const words = {
  ...{ name: String, show: String, number: 'a number', sizeUnits: '', markZero: '' },
  packetsAreMissing: () => new Error() as never,
  refuseWord: () => new Error() as never,
};

async function load(name: string, fields: string): Promise<FieldSet> {
  const path = join(dir, name);
  writeFileSync(
    path,
    `import { extension } from 'ipft/extension';\nexport default extension({ fields: { ${fields} } });\n`,
  );
  return await loadTypeScriptFields(path, () => fakeKernel(), {});
}

const SHOWN = `
  size: { read: (skb) => skb.len, show: (len) => len > 1400 ? 'large' : 'small' },
  len: (skb) => skb.len,
  hexed: { read: (skb) => skb.mark, format: 'hex', show: () => undefined },`;

test('fields that functions show are recorded as they were read, and that is told', async () => {
  const set = await load('shown.ts', SHOWN);
  const fields = combineFields([set]);
  expect(fields.fields.map(({ name }) => name)).toEqual(['len']);
  expect(describeRecorded(fields)).toEqual([
    `the extension ${join(dir, 'shown.ts')}: size, hexed are recorded as read, without show`,
  ]);

  const header = createHeader([{ name: 'ip_rcv', module: 'vmlinux' }]);
  const source = { header, losses: () => expect.fail(), coverage: { traced: 1, refused: [], unwatched: [] } };
  const origin = createOrigin({ header, fields, plan: parsePlan({ mark: 1 }, words), ringSizeBytes: 4096 }, source);
  // What a reader makes of the file's header, who has no extension.
  const { fields: read } = parseHeader(new JsonObject(JSON.parse(JSON.stringify(encodeHeader(origin.facts))), 0), 0);
  expect(read?.fields.map(({ name, format }) => [name, format])).toEqual([
    ['size', ''],
    ['len', ''],
    ['hexed', 'hex'],
  ]);
  const offset = (name: string) => read!.fields.find((field) => field.name === name)!.offset;
  const data = new DataView(new ArrayBuffer(read!.dataBytes));
  data.setUint32(offset('size'), 1500, true);
  data.setUint32(offset('len'), 1501, true);
  data.setUint32(offset('hexed'), 0x2a, true);
  expect(read!.createReader(() => {})(data, 0)).toEqual({ size: 1500, len: 1501, hexed: '0x2a' });
  set.computed?.end?.();
});

test('an extension that shows all as it is read is recorded as it is', async () => {
  const fields = combineFields([await load('plain.ts', 'len: (skb) => skb.len')]);
  expect(recordedFields(fields)).toBe(fields);
  expect(describeRecorded(fields)).toEqual([]);
});

test('a name that a function takes from the kernel’s fields is refused before anything is recorded', async () => {
  const set = await load('shown.ts', SHOWN);
  const other = await load('other.ts', 'size: (skb) => skb.len');
  const fields = combineFields([set, { ...other, part: 'show' }]);
  expect(() => recordedFields(fields)).toThrow('both have a field size');
  set.computed?.end?.();
});

test('fields that are only computed are refused', async () => {
  const set = await load('plain.ts', 'len: (skb) => skb.len');
  const fields = combineFields([{ ...set, computed: { label: 'x', varies: true, compute: () => [] } }]);
  expect(() => recordedFields(fields)).toThrow("a recording can't hold the fields of the extension");
});
