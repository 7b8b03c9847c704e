import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KernelRings, type KernelRingsOptions } from '../../tests/support/kernel-rings.js';
import { usedBytes } from '../../tests/support/memory.js';
import { MemoryFile, MemoryFiles } from '../../tests/support/memory-file.js';
import { createFacts } from '../../tests/support/recorded.js';
import { showEvents } from '../../tests/support/shown.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { IpftError } from '../base/errors.js';
import { Places } from '../base/places.js';
import { LiveSource } from '../capture/live-source.js';
import { FlightMemory } from './flight-memory.js';
import { type FlightFile, type FlightOptions, FlightSink } from './flight-sink.js';
import { NumberedFiles } from './numbered-files.js';
import { Origin } from './part.js';
import { Recorder } from './recorder.js';

/** By hand more: IPFT_FLIGHT_FILES=5000 node_modules/.bin/vitest run --project unit src/recording/flight-sink.test.ts */
const FILES = Number(process.env['IPFT_FLIGHT_FILES'] ?? 150);
const MIB = 1 << 20;
const SECOND = 1_000_000_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-flight-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A kernel without drops but those that are asked for, and its flight recorder. */
function begin(options: Partial<FlightOptions>, rings: Partial<KernelRingsOptions> = {}, files = new MemoryFiles()) {
  const kernel = new KernelRings({
    ...{ ringBytes: 1 << 21, endsBytes: 1 << 19, eventsPerJourney: 20, packets: 100, dropsOneIn: 0, ...rings },
  });
  const header = createHeader(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' })));
  const source = new LiveSource(kernel, header, new Places());
  const origin = new Origin(source, createFacts(header));
  const complete: FlightFile[] = [];
  const short: number[] = [];
  const sink = new FlightSink(origin, files, {
    ...{ lastBytes: 8 * MIB, triggers: {}, onFile: (file) => complete.push(file), onShort: (ns) => short.push(ns) },
    ...options,
  });
  const recorder = new Recorder(origin, sink);
  const read = async () => {
    const reading = recorder.read(source, 4096);
    await sink.drain();
    await immediate();
    return reading;
  };
  /** Reads all that happens in so many events. */
  const pass = async (events: number) => {
    for (let left = events; left > 0; left -= 10_000) {
      kernel.happen(Math.min(left, 10_000));
      while (!(await read()).drained);
    }
  };
  const finish = async () => {
    const end = source.end();
    while (!(await read()).drained);
    recorder.finish(end);
    await sink.close();
  };
  const show = () =>
    files.files.map(({ bytes }, index) => {
      writeFileSync(join(dir, `${index}`), bytes);
      return showEvents(join(dir, `${index}`));
    });
  return { kernel, sink, files, complete, short, pass, finish, show };
}

const timeOf = (line: string, key = 'timestamp') => Number(new RegExp(`"${key}":(\\d+)`).exec(line)![1]);

test('FlightSink: each rare drop is in a file, with the second before it, under constant load', async () => {
  // Each event takes 40 microseconds: a second has 25,000, of which the memory holds eight times as many.
  const { kernel, complete, pass, finish, show, files, short } = begin(
    { triggers: { drop: true } },
    { stepNs: 40_000 },
  );
  await pass(250_000);
  expect(files.files.length).toBe(0);
  // Two in a short time, and then others alone.
  for (const pause of [5_000, 100_000, 80_000, 125_000]) {
    kernel.dropNext();
    await pass(pause);
  }
  await finish();
  const shown = show();
  expect(shown.length).toBe(3);
  const ends = new Map<number, number>();
  for (const { journeys, events, facts, late, endedEarly } of shown) {
    expect([late, endedEarly]).toEqual([0, undefined]);
    expect(facts.trigger).toMatchObject({ what: 'drop' });
    for (const line of journeys.filter((one) => one.includes('"outcome":"dropped"'))) {
      const end = timeOf(line, 'end');
      const before = events.filter((event) => timeOf(event) <= end && timeOf(event) > end - SECOND);
      const behind = events.filter((event) => timeOf(event) > end && timeOf(event) <= end + SECOND);
      ends.set(end, Math.max(ends.get(end) ?? 0, Math.min(before.length, behind.length)));
    }
  }
  // Nothing is missing from the second before each of them, nor from the second behind it.
  expect(ends.size).toBe(4);
  for (const count of ends.values()) expect(count).toBeGreaterThan(23_000);
  expect(complete.map(({ trigger }) => trigger)).toEqual(shown.map(({ facts }) => facts.trigger));
  expect(complete.map(({ triggers }) => triggers)).toEqual([2, 1, 1]);
  expect(short).toEqual([]);
  // Each is a recording of its own.
  expect(new Set(shown.map(({ facts }) => facts.id)).size).toBe(3);
  // Who was on the way where the memory begins is known.
  for (const { carried } of shown) expect(carried).toBeGreaterThan(50);
});

test('FlightSink: drops without end make files of a bounded size, and triggers beyond a bound are counted', async () => {
  const { complete, pass, finish, show } = begin(
    { triggers: { drop: true }, afterNs: SECOND / 10 },
    { stepNs: 100_000, dropsOneIn: 1 },
  );
  await pass(250_000);
  await finish();
  const shown = show();
  expect(shown.length).toBeGreaterThanOrEqual(2);
  // What memory holds, and ten seconds.
  for (const { events } of shown) expect(timeOf(events.at(-1)!) - timeOf(events[0]!)).toBeLessThan(31 * SECOND);
  expect(Math.max(...complete.map(({ triggers }) => triggers))).toBeGreaterThan(2000);
  // Between two files nothing is missing.
  for (let i = 1; i < shown.length; i++) {
    expect(timeOf(shown[i]!.events[0]!)).toBeLessThan(timeOf(shown[i - 1]!.events.at(-1)!));
  }
});

test('FlightSink: journeys that took longer, and what is asked for otherwise', async () => {
  const { complete, kernel, sink, pass, finish } = begin({
    triggers: { slowerNs: 100_000_000, gap: true },
    afterNs: 1,
  });
  await pass(200_000);
  kernel.rest(200_000_000);
  await pass(20_000);
  expect(complete.at(-1)?.trigger.what).toBe('slower');
  const [first] = complete;
  sink.trigger('signal', BigInt(kernel.ns));
  await pass(50_000);
  kernel.misses += 3n;
  // Misses are asked for now and then.
  await sleep(150);
  await pass(50_000);
  await finish();
  expect(complete.map(({ trigger }) => trigger.what)).toEqual(['slower', 'signal', 'gap']);
  expect(first!.triggers).toBeGreaterThanOrEqual(1);
});

test('FlightSink: at the end it writes if that is asked for, also what has just happened', async () => {
  const { complete, pass, finish, show } = begin({ triggers: { end: true } });
  await pass(1_000_000);
  await finish();
  expect(complete.map(({ trigger }) => trigger.what)).toEqual(['end']);
  const [{ events, facts, late } = { events: [], facts: undefined, late: 1 }] = show();
  expect(facts?.trigger?.what).toBe('end');
  expect(late).toBe(0);
  expect(events.length).toBeGreaterThan(150_000);
  // Its records were not in a chunk when it came, and the time after it was over.
  const soon = begin({ triggers: { drop: true }, afterNs: 1 });
  soon.kernel.dropNext();
  await soon.pass(5000);
  await soon.finish();
  expect(soon.show().map(({ journeys }) => journeys.some((line) => line.includes('"outcome":"dropped"')))).toEqual([
    true,
  ]);
  const none = begin({ triggers: { drop: true } });
  await none.pass(1000);
  await none.finish();
  expect(none.files.files.length).toBe(0);
  const last = begin({ triggers: { drop: true } });
  await last.pass(5000);
  last.kernel.dropNext();
  await last.pass(4000);
  await last.finish();
  expect(last.complete.length).toBe(1);
});

test('FlightSink: it says when the memory does not hold a second, once', async () => {
  const { short, pass } = begin({ triggers: { drop: true } });
  await pass(1_000_000);
  expect(short.length).toBe(1);
  expect(short[0]).toBeGreaterThan(0.2 * SECOND);
  expect(short[0]).toBeLessThan(SECOND);
});

test('FlightSink: memory stays as it is over many rounds, whatever ends are lost and names come', async () => {
  const { kernel, pass, finish, files, sink } = begin({ triggers: { drop: true } }, { endsBytes: 1 << 12 });
  const round = async () => {
    for (let i = 0; i < 5; i++) {
      // Some are lost.
      kernel.fill();
      await pass(20_000);
    }
    return usedBytes();
  };
  await round();
  const before = await round();
  for (let i = 0; i < 6; i++) await round();
  expect((await round()) - before).toBeLessThan(3 * MIB);
  expect(kernel.truth.lostEnds).toBeGreaterThan(0);
  await finish();
  expect(files.files.length).toBe(0);
  expect(sink.bytes).toBe(0);
});

test('FlightSink: memory stays as it is over many files', async () => {
  const files = new MemoryFiles();
  // Takes what is written, and keeps none of it.
  class Sieve extends MemoryFile {
    override write(): void {}
  }
  files.next = () => new Sieve();
  const { kernel, complete, pass, finish } = begin({ triggers: { drop: true }, afterNs: 1000 }, {}, files);
  let written = 0;
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      kernel.dropNext();
      await pass(5000);
      kernel.rest(11 * SECOND);
    }
    written += complete.length;
    complete.length = 0;
    return usedBytes();
  };
  await rounds(40);
  const before = await rounds(40);
  expect((await rounds(FILES)) - before).toBeLessThan(2 * MIB);
  expect(written).toBeGreaterThan(FILES);
  await finish();
});

test('FlightSink: a disk that takes nothing does not stop reading before the memory is needed, and nothing is lost to it', async () => {
  const files = new MemoryFiles();
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const next = files.next.bind(files);
  files.next = () => {
    const file = next();
    const write = file.write.bind(file);
    file.write = async (bytes) => {
      await gate;
      await write(bytes);
    };
    return file;
  };
  const { kernel, pass, finish, show } = begin({ triggers: { drop: true } }, { stepNs: 20_000 }, files);
  await pass(60_000);
  kernel.dropNext();
  // A second and more, for which there is room.
  await pass(90_000);
  const isStuck = await Promise.race([pass(400_000).then(() => false), sleep(300, true)]);
  expect(isStuck).toBe(true);
  go();
  await sleep(100);
  await finish();
  const [file] = show();
  expect(file!.endedEarly).toBeUndefined();
  const end = timeOf(file!.journeys.find((line) => line.includes('"outcome":"dropped"'))!, 'end');
  expect(file!.events.filter((event) => Math.abs(timeOf(event) - end) < SECOND).length).toBeGreaterThan(92_000);
});

test('FlightSink: only so many files are kept, and a full disk is an error', async () => {
  const numbered = new NumberedFiles(join(dir, 'flight.ipft'), 2) as unknown as MemoryFiles;
  const { kernel, sink, pass, complete, finish } = begin({ triggers: { drop: true }, afterNs: 1000 }, {}, numbered);
  for (let i = 0; i < 5; i++) {
    kernel.dropNext();
    await pass(20_000);
    kernel.rest(11 * SECOND);
  }
  await finish();
  expect(complete.length).toBe(5);
  expect(readdirSync(dir)).toEqual(['flight-000004.ipft', 'flight-000005.ipft']);
  expect(sink.problem).toBeUndefined();
  const full = new MemoryFiles();
  const next = full.next.bind(full);
  full.next = () => {
    const file = next();
    file.write = () => Promise.reject(new IpftError('RECORDING', 'writing the recording x: ENOSPC'));
    return file;
  };
  const other = begin({ triggers: { drop: true } }, {}, full);
  other.kernel.dropNext();
  for (let i = 0; i < 50 && !other.sink.problem; i++) await other.pass(10_000);
  expect(other.sink.problem?.message).toBe('writing the recording x: ENOSPC');
  await other.finish();
  expect(full.files.map(({ isClosed }) => isClosed)).toEqual([true]);
});

test('FlightMemory: the newest chunks stay whole, whatever their sizes', () => {
  const memory = new FlightMemory(1000, 0n);
  const kept: number[] = [];
  let gone = -1;
  for (let number = 0; number < 2000; number++) {
    const bytes = 8 * (1 + ((number * 7919) % 40));
    memory.push(new Uint8Array(bytes).fill(number), BigInt(number + 1), (chunk) => {
      expect(chunk.number).toBe(++gone);
      expect(chunk.room.every((byte) => byte === (chunk.number & 255))).toBe(true);
      kept.shift();
    });
    kept.push(bytes);
    expect(memory.oldest?.number).toBe(gone + 1);
    expect(kept.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1000);
    for (let one = gone + 1; one <= number; one++) {
      const chunk = memory.get(one)!;
      expect([chunk.number, chunk.fromNs, chunk.upToNs]).toEqual([one, BigInt(one), BigInt(one + 1)]);
    }
    expect(memory.get(gone)).toBeUndefined();
    expect(memory.get(number + 1)).toBeUndefined();
  }
  expect(kept.length).toBeGreaterThan(2);
});

test('FlightMemory: of small chunks there are only so many', () => {
  const memory = new FlightMemory(1 << 20, 0n);
  let gone = 0;
  for (let number = 0; number < 10_000; number++) memory.push(new Uint8Array(8), 1n, () => gone++);
  expect(gone).toBe(10_000 - (1 << 12));
});
