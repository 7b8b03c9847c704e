import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { recordInMemory } from '../../tests/support/memory-file.js';
import { createFacts } from '../../tests/support/recorded.js';
import { showEvents } from '../../tests/support/shown.js';
import { createHeader } from '../../tests/support/trace-header.js';
import {
  BEGIN_ID,
  BEGIN_PLACE,
  BEGIN_SIZE,
  END_ID,
  END_SYMBOL,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_NOTICE,
  IPFT_MAX_JOURNEYS,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  MOVED_PLACE,
  MOVED_SIZE,
} from '../abi/layout.js';
import { Places } from '../base/places.js';
import { LiveSource } from '../capture/live-source.js';
import { CarriedJourneys } from './carried.js';
import { ChunkReader } from './chunk-reader.js';
import { FileEncoder } from './file-encoder.js';
import { CHUNK_CARRIED, CHUNK_HEADER, CHUNK_RECORDS, GIVEN_UP, STEP_HEADER_BYTES } from './format.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-carried-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A step with one record, as a chunk of records has it. */
function step(bytes: number, fill: (view: DataView) => void, header = bytes): Uint8Array<ArrayBuffer> {
  const size = (bytes + 15) & ~7;
  const content = new Uint8Array(STEP_HEADER_BYTES + size);
  const view = new DataView(content.buffer);
  view.setUint32(8, size, true);
  view.setUint32(STEP_HEADER_BYTES, header, true);
  fill(new DataView(content.buffer, STEP_HEADER_BYTES + 8));
  return content;
}

function notice(view: DataView, kind: number, journey: number, ns = 0): DataView {
  view.setBigUint64(EVENT_TIMESTAMP_NS, BigInt(ns), true);
  view.setUint32(EVENT_JOURNEY, journey, true);
  view.setUint32(EVENT_TARGET, kind, true);
  view.setUint8(EVENT_FLAGS, IPFT_EVENT_NOTICE);
  return view;
}

const begin = (id: number, ns: number) =>
  step(BEGIN_SIZE, (view) => notice(view, IPFT_NOTICE_BEGIN, id, ns).setBigUint64(BEGIN_ID, BigInt(id), true));
const move = (id: number, netns: number) =>
  step(MOVED_SIZE, (view) => notice(view, IPFT_NOTICE_PLACE, id).setUint32(MOVED_PLACE, netns, true));
const end = (id: number) =>
  step(END_SYMBOL, (view) => notice(view, IPFT_NOTICE_END, id).setBigUint64(END_ID, BigInt(id), true));

function list(carried: CarriedJourneys): [bigint, number][] {
  return [...carried.encode()].flatMap((content) => {
    const view = new DataView(content.buffer);
    return Array.from({ length: content.length / (8 + BEGIN_SIZE) }, (_, index) => {
      const at = index * (8 + BEGIN_SIZE);
      return [view.getBigUint64(at + 8 + BEGIN_ID, true), view.getUint32(at + 8 + BEGIN_PLACE, true)];
    });
  });
}

test('CarriedJourneys: who lives, the oldest first, each at its latest place', () => {
  const carried = new CarriedJourneys();
  const event = step(EVENT_SIZE, (view) => view.setUint32(EVENT_JOURNEY, 5, true));
  const givenUp = step(BEGIN_SIZE, (view) => notice(view, IPFT_NOTICE_BEGIN, 9), BEGIN_SIZE | GIVEN_UP);
  for (const one of [begin(5, 300), begin(6, 200), begin(7, 100), event, givenUp]) carried.apply(one);
  carried.apply(Buffer.concat([move(6, 77), end(7), move(7, 78), move(8, 79)]) as unknown as Uint8Array<ArrayBuffer>);
  // Two CPUs have sent its begin.
  carried.apply(begin(6, 200));
  expect(list(carried)).toEqual([
    [6n, 77],
    [5n, 0],
  ]);
  expect(carried.count).toBe(2);
});

test('CarriedJourneys: the next journey of a slot takes its place, and the end of the former comes late', () => {
  const carried = new CarriedJourneys();
  const next = 5 + IPFT_MAX_JOURNEYS;
  for (const one of [begin(5, 100), begin(next, 200), end(5), move(5, 99), move(next, 77)]) carried.apply(one);
  expect(list(carried)).toEqual([[BigInt(next), 77]]);
});

test('CarriedJourneys: it holds all journeys that the kernel can follow, and no more where ends are lost', () => {
  const carried = new CarriedJourneys();
  const one = begin(0, 0);
  const view = new DataView(one.buffer, STEP_HEADER_BYTES + 8);
  for (let id = 1; id <= IPFT_MAX_JOURNEYS * 2; id++) {
    notice(view, IPFT_NOTICE_BEGIN, id, id).setBigUint64(BEGIN_ID, BigInt(id), true);
    carried.apply(one);
  }
  expect(carried.count).toBe(IPFT_MAX_JOURNEYS);
  const all = list(carried);
  expect(all.length).toBe(IPFT_MAX_JOURNEYS);
  expect(all[0]).toEqual([BigInt(IPFT_MAX_JOURNEYS + 1), 0]);
});

test('Recording: a file that begins in the middle has all events behind it, and says what began before', async () => {
  const kernel = new KernelRings({ ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 50, packets: 100 });
  const header = createHeader(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' })));
  const source = new LiveSource(kernel, header, new Places());
  const { recorder, sink, file: memory } = recordInMemory(source, createFacts(header));
  for (let round = 0; round < 12; round++) {
    // Some are lost.
    kernel.fill();
    while (!recorder.read(source, 4096).drained) await sink.drain();
  }
  const last = source.end();
  while (!recorder.read(source, 4096).drained) await sink.drain();
  recorder.finish(last);
  await sink.close();
  const whole = join(dir, 'whole');
  writeFileSync(whole, memory.bytes);
  const all = showEvents(whole);
  using chunks = new ChunkReader(whole);
  const carried = new CarriedJourneys();
  const read: { type: number; content: Uint8Array<ArrayBuffer> }[] = [];
  for (let chunk = chunks.next(); chunk && chunk !== 'cut'; chunk = chunks.next()) read.push(chunk);
  const records = read.filter(({ type }) => type === CHUNK_RECORDS);
  expect(records.length).toBeGreaterThan(3);
  const split = 2;
  for (const { content } of records.slice(0, split)) carried.apply(content);
  const write = (name: string, begins: Iterable<Uint8Array>, some: typeof records) => {
    const file = new FileEncoder();
    const { content } = read.find(({ type }) => type === CHUNK_HEADER)!;
    const bytes = [file.begin(), file.chunk(CHUNK_HEADER, content, false)];
    for (const one of begins) bytes.push(file.chunk(CHUNK_CARRIED, one, false));
    for (const one of some) bytes.push(file.chunk(CHUNK_RECORDS, one.content, false));
    writeFileSync(join(dir, name), Buffer.concat([...bytes, file.finish()]));
    return showEvents(join(dir, name));
  };
  const before = write('before', [], records.slice(0, split));
  const after = write('after', carried.encode(), records.slice(split));
  expect(carried.count).toBe(100);
  expect(after.carried).toBe(100);
  expect([...before.events, ...after.events].sort()).toEqual([...all.events].sort());
  expect(after.late).toBe(0);
  const gaps = after.journeys.filter((line) => line.includes('"gap":true'));
  expect(gaps.length).toBeGreaterThanOrEqual(100);
  // What came before is not lost.
  const lost = (journeys: string[]) =>
    journeys.reduce((sum, line) => sum + Number(/"lost":(\d+)/.exec(line)?.[1] ?? 0), 0);
  expect(lost(before.journeys) + lost(after.journeys)).toBeLessThanOrEqual(lost(all.journeys));
});
