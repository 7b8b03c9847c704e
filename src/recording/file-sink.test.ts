import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { createFacts } from '../../tests/support/recorded.js';
import { showEvents } from '../../tests/support/shown.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { IpftError } from '../base/errors.js';
import { Places } from '../base/places.js';
import { LiveSource } from '../capture/live-source.js';
import { type Destinations, FileSink, type RotateLimit } from './file-sink.js';
import { NumberedFiles } from './numbered-files.js';
import { Origin } from './part.js';
import { Recorder } from './recorder.js';
import { Recording } from './recording.js';
import type { Destination } from './recording-file.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-file-sink-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));

function begin(files: Destinations, limit?: RotateLimit) {
  const kernel = new KernelRings({
    ...{ ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 50, packets: 100, isVaried: true },
  });
  const header = createHeader(targets);
  const source = new LiveSource(kernel, header, new Places());
  const origin = new Origin(source, createFacts(header));
  const sink = new FileSink(origin, files, limit);
  const recorder = new Recorder(origin, sink);
  const read = async () => {
    const reading = recorder.read(source, 4096);
    await sink.drain();
    return reading;
  };
  const round = async () => {
    kernel.happen(5000);
    while (!(await read()).drained);
  };
  const finish = async () => {
    const end = source.end();
    while (!(await read()).drained);
    recorder.finish(end);
    await sink.close();
  };
  return { kernel, sink, read, round, finish };
}

test('FileSink: parts together are the whole, each can be shown alone, and none is larger than was asked for', async () => {
  const whole = begin(new NumberedFiles(join(dir, 'whole.ipft')));
  const parts = begin(new NumberedFiles(join(dir, 'trace.ipft')), { bytes: 1 << 20 });
  for (let i = 0; i < 30; i++) for (const one of [whole, parts]) await one.round();
  await whole.finish();
  await parts.finish();
  const names = readdirSync(dir).filter((name) => name.startsWith('trace-'));
  expect(names.length).toBeGreaterThan(5);
  expect(names[0]).toBe('trace-000001.ipft');
  const expected = showEvents(join(dir, 'whole-000001.ipft'));
  const events: string[] = [];
  const ids = new Set<string>();
  for (const [index, name] of names.entries()) {
    const path = join(dir, name);
    expect(statSync(path).size).toBeLessThanOrEqual(1 << 20);
    using recording = Recording.open(path);
    ids.add(recording.facts.id);
    expect(recording.facts.part).toBe(index + 1);
    const shown = showEvents(path);
    expect(shown.late).toBe(0);
    expect(shown.endedEarly).toBeUndefined();
    expect(shown.continues).toBe(index + 1 < names.length);
    expect(shown.carried).toBe(index === 0 ? 0 : 100);
    // Names that were told in an earlier part are known.
    const ends = shown.journeys.filter((line) => line.includes('"outcome":"dropped"'));
    expect(ends.length).toBeGreaterThan(0);
    const named = ends.filter((line) => /"ended_in":"function_\d+\+0x2"/.test(line));
    // The last one is about to end, where no function has a name.
    expect(named.length).toBe(ends.length - (shown.continues ? 0 : 1));
    events.push(...shown.events);
  }
  expect(ids.size).toBe(1);
  expect(events.sort()).toEqual(expected.events.sort());
});

test('FileSink: a file that is old enough ends, also while nothing happens, and the next one begins with the next records', async () => {
  const { round, read, finish } = begin(new NumberedFiles(join(dir, 'trace')), { ms: 1 });
  await round();
  // What has come goes into the file after a second.
  const path = join(dir, 'trace-000001');
  while (statSync(path).size < 1000 || !showEvents(path).continues) {
    await sleep(20);
    await read();
  }
  expect(readdirSync(dir)).toEqual(['trace-000001']);
  await round();
  await finish();
  expect(readdirSync(dir)).toEqual(['trace-000001', 'trace-000002']);
  expect(showEvents(join(dir, 'trace-000002'))).toMatchObject({ continues: false, late: 0, endedEarly: undefined });
  expect(showEvents(join(dir, 'trace-000002')).carried).toBeGreaterThan(50);
});

test('NumberedFiles: numbers go on behind those that are there, and nothing that is there is touched', async () => {
  for (const name of [
    'trace-000007.ipft',
    'trace-12.ipft',
    'trace-000009.txt',
    'trac-000099.ipft',
    'trace-000010x.ipft',
  ]) {
    writeFileSync(join(dir, name), name);
  }
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'trace-000008.ipft'));
  const before = readdirSync(dir);
  const files = new NumberedFiles(join(dir, 'trace.ipft'), 2);
  for (let i = 0; i < 4; i++) {
    const file = files.next();
    await file.write(Buffer.from('x'));
    await file.close();
    files.prune();
  }
  writeFileSync(join(dir, 'trace-000013.ipft'), 'of somebody else');
  files.next();
  expect(files.count).toBe(5);
  const now = readdirSync(dir).filter((name) => !before.includes(name));
  expect(now).toEqual(['trace-000011.ipft', 'trace-000012.ipft', 'trace-000013.ipft', 'trace-000014.ipft']);
  expect(existsSync(join(dir, 'elsewhere'))).toBe(false);
  for (const name of ['trace-000007.ipft', 'trace-12.ipft']) expect(readFileSync(join(dir, name), 'utf8')).toBe(name);
});

test('NumberedFiles: of a run, only so many files are kept, and what others wrote stays', async () => {
  writeFileSync(join(dir, 'trace-000001.ipft'), 'of an earlier run');
  const { round, finish } = begin(new NumberedFiles(join(dir, 'trace.ipft'), 3), { bytes: 1 << 20 });
  for (let i = 0; i < 30; i++) await round();
  await finish();
  const names = readdirSync(dir);
  expect(names.length).toBe(4);
  expect(names[0]).toBe('trace-000001.ipft');
  const numbers = names.slice(1).map((name) => Number(/\d+/.exec(name)));
  expect(numbers[0]).toBeGreaterThan(4);
  expect(numbers).toEqual([numbers[0], numbers[0]! + 1, numbers[0]! + 2]);
  expect(showEvents(join(dir, names[1]!)).carried).toBe(100);
});

test('NumberedFiles: a directory that can take no files is an error before tracing', () => {
  for (const path of [join(dir, 'no/such'), dir]) {
    expect(() => new NumberedFiles(path), path).toThrow(IpftError);
    expect(() => new NumberedFiles(path), path).toThrow(`writing the recording ${path}: `);
  }
});

/** A disk that is full after so many bytes, or that takes nothing until it is told. */
class Disk implements Destination {
  readonly name = 'disk';
  readonly #pieces: Uint8Array[] = [];
  #room: number;
  #isStuck = false;
  #waiting: (() => void)[] = [];
  isClosed = false;

  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }

  async write(bytes: Uint8Array): Promise<void> {
    while (this.#isStuck) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#pieces.push(Uint8Array.from(bytes.subarray(0, this.#room)));
    this.#room -= bytes.length;
    if (this.#room < 0) throw new IpftError('RECORDING', 'writing the recording disk: ENOSPC', 'more room');
  }

  stick(isStuck: boolean): void {
    this.#isStuck = isStuck;
    for (const go of this.#waiting.splice(0)) go();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

test('FileSink: a full disk ends the recording with an error, and what is written can be shown', async () => {
  const disk = new Disk((3 << 20) + 777);
  const { sink, round, finish } = begin({ next: () => disk });
  for (let i = 0; i < 40 && !sink.problem; i++) await round();
  expect(sink.problem?.message).toBe('writing the recording disk: ENOSPC');
  await finish();
  expect(sink.problem?.message).toBe('writing the recording disk: ENOSPC');
  expect(disk.isClosed).toBe(true);
  writeFileSync(join(dir, 'cut'), disk.bytes);
  const shown = showEvents(join(dir, 'cut'));
  expect(shown.endedEarly?.why).toBe('cut');
  expect(shown.events.length).toBeGreaterThan(50_000);
  expect(sink.bytes).toBeLessThan(disk.bytes.length);
});

test('FileSink: while the disk takes nothing, memory does not grow: the recorder waits, and a signal ends the wait', async () => {
  const disk = new Disk();
  const { kernel, sink, read, finish } = begin({ next: () => disk });
  disk.stick(true);
  let rounds = 0;
  let isWaiting = false;
  while (!isWaiting) {
    kernel.happen(5000);
    rounds++;
    isWaiting = await Promise.race([read().then(() => false), sleep(200, true)]);
  }
  // As much as may wait, and no more.
  expect(rounds * 5000 * 32).toBeGreaterThan(4 << 20);
  expect(rounds).toBeLessThan(80);
  const controller = new AbortController();
  const ended = sink.drain(controller.signal);
  controller.abort();
  await ended;
  disk.stick(false);
  await finish();
  writeFileSync(join(dir, 'all'), disk.bytes);
  expect(showEvents(join(dir, 'all'))).toMatchObject({ endedEarly: undefined, late: 0 });
});
