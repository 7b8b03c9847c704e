import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { createFields, record } from '../../tests/support/recorded.js';
import { recordParts } from '../../tests/support/recordings.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { ExtensionError, UsageError } from '../base/errors.js';
import { openRecording } from './open-recording.js';

const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));
const fields = createFields(8, (b) => [
  { name: 'len', type: b.int('int', 4), offset: 0 },
  { name: 'saddr', type: b.int('int', 4), offset: 4, tag: 'ipv4' },
]);

let dir: string;
let path: string;
let kernel: KernelRings;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-open-'));
  path = join(dir, 'trace.ipft');
  const rings = { ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 6 };
  kernel = new KernelRings({ ...rings, hasReturns: true, isVaried: true, dataBytes: fields.dataBytes });
  const header = { ...createHeader(targets), fields, tracer: 'function_graph', realtimeOffsetNs: 10n ** 18n } as const;
  writeFileSync(
    path,
    record(kernel, header, () => kernel.happen(1000), { fields }),
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test('openRecording: what was recorded, as trace gives it', async () => {
  await using session = await openRecording(path, { fields: { len: 'number', saddr: 'string' } });
  const [events, journeys] = await Promise.all([all(session.events()), all(session.journeys())]);
  expect(events).toHaveLength(kernel.truth.events);
  expect(journeys.flatMap((one) => one.events)).toHaveLength(events.length);
  const lengths: (number | undefined)[] = events.map((event) => event.fields?.len);
  expect(new Set(lengths).has(3)).toBe(true);
  expect(events.find((event) => event.isReturn)).toMatchObject({
    module: 'vmlinux',
    netns: 0xf0000000,
    device: 'eth0',
  });
  expect(session).toMatchObject({
    ...{ backend: 'kprobe-multi', warnings: [], coverage: { attached: 5, refused: [], excluded: [] } },
    recording: {
      ...{ id: '0123456789abcdef', part: 1, host: 'here', kernel: '6.12', version: '0', tracer: 'function_graph' },
      ...{ packets: 'with mark 0x1', functions: '', modules: '', samplePeriod: 1, beganNs: 0n },
      beganAt: new Date(1e12),
    },
  });
  expect(session.fields.map(({ name, type, format }) => [name, type, format])).toEqual([
    ['len', 'number', ''],
    ['saddr', 'string', 'ipv4'],
  ]);
  expect(session.statistics).toMatchObject({ events: events.length, forgotten: { events: 0, journeys: 0 } });
  // Kept, as those of a trace that runs.
  expect(await session.allEvents()).toEqual(events);
  expect(await all(session.journeys())).toEqual(journeys);
});

test('openRecording: code for a trace works: stop, then all', async () => {
  const session = await openRecording(path);
  await session.stop();
  expect((await session.allJourneys()).length).toBeGreaterThan(1000);
  expect((await session.allEvents()).length).toBe(kernel.truth.events);
  expect(session.statistics.journeys.alive).toBeGreaterThan(0);
});

test('openRecording: the file is read as loops take, no further; closed, it is read no more', async () => {
  const slow = join(dir, 'slow.ipft');
  const rings = new KernelRings({ ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 6 });
  const happen = () => {
    rings.happen(1000);
    rings.ns += 50_000_000;
  };
  writeFileSync(slow, record(rings, createHeader(targets), happen));
  const session = await openRecording(slow, { maxEvents: 50 });
  const idle = async () => {
    for (let turn = 0; turn < 50; turn++) await immediate();
    return session.statistics.events;
  };
  expect(await idle()).toBe(0);
  const events = session.events();
  expect((await events.next()).value?.timestampNs).toBeGreaterThan(0n);
  const read = await idle();
  expect(read).toBeLessThan(rings.truth.events / 4);
  for (let count = 1; count < read + 10; count++) expect((await events.next()).done).toBe(false);
  const further = await idle();
  expect(further).toBeGreaterThan(read);
  expect(further).toBeLessThan(rings.truth.events / 2);
  await session[Symbol.asyncDispose]();
  const rest = await all({ [Symbol.asyncIterator]: () => events });
  expect(read + 10 + rest.length).toBeLessThan(further);
  expect(session.statistics.events).toBe(further);
  expect(await session.allJourneys()).toEqual(await all(session.journeys()));
});

test('openRecording: a loop gets all, whatever the other does not', async () => {
  await using session = await openRecording(path, { maxEvents: 20 });
  let count = 0;
  for await (const _ of session.events()) count++;
  expect(count).toBe(kernel.truth.events);
  expect(session.statistics.forgotten.journeys).toBeGreaterThan(1000);
});

test('openRecording: a file that is cut short is read up to there, and the warnings say why it ends', async () => {
  const cut = join(dir, 'cut.ipft');
  const whole = record(kernel, createHeader(targets), () => kernel.happen(3000));
  writeFileSync(cut, whole);
  truncateSync(cut, whole.length - 500);
  await using session = await openRecording(cut);
  expect((await all(session.events())).length).toBeGreaterThan(0);
  expect(session.warnings).toHaveLength(1);
  expect(session.warnings[0]).toMatch(/is cut short/);
  expect(session.statistics.isWhole).toBe(false);
});

test('openRecording: a signal closes it', async () => {
  const closing = new AbortController();
  const session = await openRecording(path, { signal: closing.signal });
  const events = session.events();
  await events.next();
  closing.abort();
  expect((await all({ [Symbol.asyncIterator]: () => events })).length).toBeLessThan(kernel.truth.events);
  const reason = new Error('enough');
  await expect(openRecording(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('openRecording: stop ends what loops read, and does not read the rest', async () => {
  const session = await openRecording(path, { maxEvents: 50 });
  for await (const _ of session.events()) break;
  await session.stop();
  expect(session.statistics.events).toBeLessThan(kernel.truth.events / 2);
  expect((await all(session.events())).length).toBeLessThan(kernel.truth.events / 2);
});

test('openRecording: files are put in the order of their parts, and those that are no one recording are refused', async () => {
  const parts = recordParts({ events: 60_000, rotate: { bytes: 1 << 20 } }).map((part, index) => {
    const file = join(dir, `part-${index}`);
    writeFileSync(file, part);
    return file;
  });
  expect(parts.length).toBeGreaterThan(2);
  await using session = await openRecording(parts.toReversed());
  let events = 0;
  for await (const _ of session.events()) events++;
  expect(events).toBe(60_000);
  expect(session.warnings).toEqual([]);
  await expect(openRecording([parts[0]!, parts[2]!])).rejects.toThrow(UsageError);
  await expect(openRecording([parts[0]!, join(dir, 'none')])).rejects.toMatchObject({ code: 'RECORDING' });
});

test('openRecording: what is no recording, and options that make no sense', async () => {
  const other = join(dir, 'other');
  writeFileSync(other, 'text\n');
  await expect(openRecording(other)).rejects.toMatchObject({ code: expect.stringMatching(/PARSE|RECORDING/) });
  await expect(openRecording(join(dir, 'none'))).rejects.toMatchObject({ code: 'RECORDING' });
  await expect(openRecording(dir)).rejects.toThrow('it is no regular file');
  await expect(openRecording(path, { fields: { len: 'string' } })).rejects.toThrow(ExtensionError);
  await expect(openRecording(7 as never)).rejects.toThrow(UsageError);
  await expect(openRecording(path, { mark: 1 } as never)).rejects.toThrow("the option 'mark' is unknown");
  const plain = join(dir, 'plain.ipft');
  writeFileSync(
    plain,
    record(kernel, createHeader(targets), () => kernel.happen(10)),
  );
  await expect(openRecording(plain, { fields: { len: 'number' } })).rejects.toThrow('have no fields');
});
