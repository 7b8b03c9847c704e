/** docs/recording.md says what the code does: layouts, numbers, and the members of JSON. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as layout from '../../src/abi/layout.js';
import { EVENT_STRUCT } from '../../src/fields/event-struct.js';
import { ChunkReader } from '../../src/recording/chunk-reader.js';
import { encodeEnd } from '../../src/recording/end.js';
import * as format from '../../src/recording/format.js';
import { KernelRings } from '../support/kernel-rings.js';
import { createFields, record } from '../support/recorded.js';
import { createHeader } from '../support/trace-header.js';

const LAYOUT: Readonly<Record<string, number>> = layout;
const TYPES = ['HEADER', 'RECORDS', 'NAMES', 'SYMBOLS', 'LOSSES', 'END', 'INDEX', 'CARRIED'];

const text = readFileSync(new URL('../../docs/recording.md', import.meta.url), 'utf8');
/** The tables with a comment above, as `<!-- layout: EVENT -->`: the comment, and the cells of each row. */
const tables = [...text.matchAll(/^<!-- (\w+): (\w+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)/gm)].map(
  ([, kind = '', name = '', rows = '']) => ({
    ...{ kind, name },
    rows: rows
      .trimEnd()
      .split('\n')
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  }),
);
const tablesOf = (kind: string) =>
  tables.filter((table) => table.kind === kind).map((table) => [table.name, table.rows] as const);

/** The members in the first cells, as `a`, `b`. */
const membersIn = (rows: readonly (readonly string[])[], column = 0) =>
  rows.flatMap((row) => [...(row[column] ?? '').matchAll(/`(\w+)`/g)].map(([, member = '']) => member));

function sizeOf(type: string): number {
  const [, struct] = /^struct ipft_(\w+)$/.exec(type) ?? [];
  if (struct !== undefined) return LAYOUT[`${struct.toUpperCase()}_SIZE`]!;
  const [, bits, length = 1] = /^(?:u(8|16|32|64)|char)(?:\[(\d+)\])?$/.exec(type) ?? [];
  return (Number(bits ?? 8) / 8) * Number(length);
}

test('the document has tables of all kinds', () => {
  expect(tablesOf('layout').map(([name]) => name)).toEqual([
    'EVENT',
    'RETURN',
    'PLACE',
    'BEGIN',
    'MOVED',
    'SNAPSHOT',
    'WHOSE',
    'HOLDER',
    'END',
  ]);
  expect(tablesOf('values').length).toBeGreaterThan(4);
  expect(tablesOf('members').length).toBeGreaterThan(8);
});

test.each(tablesOf('layout'))('struct %s: each member where it lies, and none is missing', (struct, rows) => {
  let end = 0;
  for (const [offset = '', type = '', member = ''] of rows) {
    const [name = ''] = membersIn([[member]]);
    expect([name, Number(offset)]).toEqual([name, LAYOUT[`${struct}_${name.toUpperCase()}`]]);
    expect(Number(offset)).toBe(end);
    end += sizeOf(type);
  }
  expect(end).toBe(LAYOUT[`${struct}_SIZE`]);
});

test.each(tablesOf('values'))('the values of %s', (prefix, rows) => {
  const constants: Readonly<Record<string, unknown>> = prefix === 'CHUNK' ? format : layout;
  for (const [value = '', name = ''] of rows)
    expect([name, constants[`${prefix}_${name}`]]).toEqual([name, Number(value)]);
  const all = Object.keys(constants).filter((name) => name.startsWith(`${prefix}_`) && !name.endsWith('_BYTES'));
  // The kernel side has flags of journeys for itself.
  if (prefix !== 'IPFT_JOURNEY') expect(rows).toHaveLength(all.length);
});

test('sizes and limits', () => {
  expect([format.FILE_HEADER_BYTES, format.CHUNK_HEADER_BYTES, format.FOOTER_BYTES]).toEqual([16, 24, 16]);
  expect([format.STEP_HEADER_BYTES, format.WINDOW_BYTES, format.VERSION]).toEqual([24, 16, 1]);
  expect(text).toContain(
    `\`${Buffer.from(format.MAGIC)
      .toString('hex')
      .replaceAll(/..(?=.)/g, '$& ')}\``,
  );
  expect(text.match(/at most (\d+) MiB(?! of)/g)).toEqual([
    ...[format.MAX_CHUNK_BYTES, format.MAX_CHUNK_BYTES, format.MAX_JSON_BYTES, format.MAX_STEP_BYTES].map(
      (size) => `at most ${size >> 20} MiB`,
    ),
  ]);
  expect(text).toContain(`${format.MAX_JSON_NODES} characters \`{\`, \`[\` and \`:\``);
  expect(text).toContain(`at most ${format.MAX_NAME_LENGTH} characters`);
  expect(layout.IPFT_SEQUENCE_UNKNOWN).toBe(0xffffffff);
  expect(text).toContain('that record has 152 bytes, the others end before\n`symbol`, with 72 bytes');
  expect([layout.END_SIZE, layout.END_SYMBOL]).toEqual([152, 72]);
});

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-specification-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The members of JSON in a recording that has everything, by the names of the tables. */
function findMembers(): Map<string, Set<string>> {
  const path = join(dir, 'all');
  const oneStruct = createFields(8, (b) => [{ name: 'len', type: b.int('int', 4), offset: 0 }]);
  const fields = { ...oneStruct, sets: oneStruct.sets.map((set) => ({ ...set, structs: EVENT_STRUCT })) };
  const kernel = new KernelRings({ ringBytes: 1 << 16, endsBytes: 1 << 14, eventsPerJourney: 5, isVaried: true });
  const hostNames = [{ address: '10.0.0.1', name: 'a' }];
  const header = { ...createHeader([{ name: 'a', module: 'vmlinux' }]), fields, netnsName: () => 'blue', hostNames };
  writeFileSync(
    path,
    record(kernel, header, () => kernel.happen(500), { fields }),
  );
  const found = new Map<string, Set<string>>();
  const note = (name: string, value: unknown) => {
    if (typeof value !== 'object' || value === null) throw new Error(`${name} is no object`);
    const members = found.get(name) ?? new Set();
    found.set(name, members);
    for (const member of Object.keys(value)) members.add(member);
  };
  using chunks = new ChunkReader(path);
  for (let chunk = chunks.next(); chunk && chunk !== 'cut'; chunk = chunks.next()) {
    const { type, content } = chunk;
    const name = TYPES[type - 1]!.toLowerCase();
    if (['records', 'symbols', 'carried'].includes(name)) continue;
    const json = JSON.parse(Buffer.from(content).toString());
    note(name, json);
    if (name === 'header') {
      note('plan', json.plan);
      note('coverage', json.coverage);
      for (const set of json.field_sets) note('field_sets', set);
      for (const set of json.field_sets) for (const struct of set.structs) note('structs', struct);
      for (const field of json.fields) note('fields', field);
    }
    if (name === 'end') for (const living of json.living) note('living', living);
    if (name === 'end') for (const { freeing } of json.living) if (freeing) note('freeing', freeing);
  }
  return found;
}

test('JSON: all members, and no others', () => {
  const found = findMembers();
  const documented = tablesOf('members');
  expect(documented.map(([name]) => name).sort()).toEqual([...found.keys()].sort());
  for (const [name, rows] of documented) {
    expect([name, ...membersIn(rows).sort()]).toEqual([name, ...[...found.get(name)!].sort()]);
  }
});

test('JSON: what is in lists of losses and coverage is described', () => {
  const json = JSON.stringify(
    encodeEnd({
      end: { atNs: 0n, living: [] },
      losses: {
        ...{ unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n }, countsMisses: true },
        ...{ cpus: [{ cpu: 1, lost: 1n, firstNs: 1n, lastNs: 1n }], switchedOff: [] },
      },
      coverage: { traced: 0, refused: [{ name: 'a', module: 'b', reason: 'c' }], unwatched: [] },
    }),
  );
  for (const [, member] of json.matchAll(/"(\w+)":/g)) expect(text).toContain(`\`${member}\``);
});
