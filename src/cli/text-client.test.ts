import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { usedBytes } from '../../tests/support/memory.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { LiveSource } from '../capture/live-source.js';
import { createJsonOutput } from '../output/json.js';
import { createContext } from '../output/output.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import type { Until } from '../trace/plan.js';
import { TraceRun } from '../trace/run.js';
import { TextClient } from './text-client.js';
import { openWriter, type Writer } from './writer.js';

const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => {
  return { name, module: 'vmlinux' };
});
const SIZES = { ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 5 };
const terminal = { status() {}, clearStatus() {} };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-text-client-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A ring that is never empty, of which so many records are read at a time. */
class Flood extends KernelRings {
  reads = 0;
  onRead = () => {};

  constructor(limit: number) {
    super(SIZES);
    const { read } = this;
    this.read = (taker, most = limit, until) => {
      if (!until) this.fill();
      this.reads++;
      this.onRead();
      return read(taker, Math.min(most, limit), until);
    };
  }
}

function follow(kernel: KernelRings, out: Writer, until: Until = {}) {
  const source = new LiveSource(kernel, createHeader(targets));
  const output = createJsonOutput(createContext(source));
  const intake = new JourneyIntake(output, source.places);
  const client = new TextClient(output, out, terminal);
  const run = new TraceRun(source, intake, client, until);
  return { run, client, tracker: intake.tracker };
}

test('TextClient: a turn of the loop leaves nothing behind', async () => {
  const kernel = new Flood(8);
  const stop = new AbortController();
  const { run } = follow(kernel, openWriter('/dev/null'));
  // By then all that is kept for use again has its size.
  const WARM = 8_000;
  const TURNS = 5_000;
  let before = 0;
  let after = 0;
  kernel.onRead = () => {
    if (kernel.reads === WARM) before = usedBytes();
    if (kernel.reads !== WARM + TURNS) return;
    // What is kept with what ends the loop goes with it.
    after = usedBytes();
    stop.abort();
  };
  await run.run(stop.signal);
  expect(kernel.reads).toBe(WARM + TURNS);
  // A promise that is kept for each turn takes 312 bytes.
  expect(after - before).toBeLessThan(TURNS * 200);
});

test('TextClient: count ends the trace while the ring is never empty; then all that had come is handed out, in pieces', async () => {
  const kernel = new Flood(4096);
  const path = join(dir, 'all');
  const out = openWriter(path);
  const { run, client, tracker } = follow(kernel, out, { count: 1000 });
  await run.run(new AbortController().signal);
  expect(tracker.journeys).toBeGreaterThanOrEqual(1000);
  expect(tracker.journeys).toBeLessThan(1000 + 4096);
  const { events, lostEvents } = kernel.truth;
  await run.finish();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const journeys = lines.filter((line) => line.startsWith('{"type":"journey"'));
  expect(lines.length - journeys.length).toBe(events - lostEvents);
  expect(journeys.length).toBe(tracker.journeys);
  expect(client.problem).toBeUndefined();
});

test('TextClient: count ends the trace while nobody takes the text, by what has ended and was not read', async () => {
  const path = join(dir, 'stuck');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const kernel = new Flood(4096);
    const { run, tracker } = follow(kernel, openWriter(`/dev/fd/${fd}`), { count: 1500 });
    await run.run(new AbortController().signal);
    expect(tracker.over + kernel.countUnreadEnds()).toBeGreaterThanOrEqual(1500);
    expect(tracker.journeys).toBeLessThan(1500);
  } finally {
    closeSync(fd);
  }
});
