import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { usedBytes } from '../../tests/support/memory.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { ExtensionError } from '../base/errors.js';
import { LiveSource } from '../capture/live-source.js';
import { createJsonOutput } from '../output/json.js';
import { createContext, type Output } from '../output/output.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import type { Until } from '../trace/plan.js';
import { TraceRun } from '../trace/run.js';
import { ScriptPrints } from './script-prints.js';
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

/** An output whose pieces are such texts; one that is undefined can't be made, behind some text of it. */
function failing(pieces: readonly (string | undefined)[]): Output {
  let [next, pending] = [0, ''];
  const make = () => {
    const piece = pieces[next++];
    pending += piece ?? 'whole\nbegun';
    if (piece === undefined) throw new ExtensionError('x.lua:1: boom');
    return next < pieces.length;
  };
  return {
    ...{ hasRoom: true, event() {}, ended() {}, tick: make },
    get pendingBytes() {
      return pending.length;
    },
    take() {
      const taken = Buffer.from(pending);
      pending = '';
      return taken;
    },
    *finish() {
      while (next < pieces.length) {
        make();
        yield this.take();
      }
    },
  };
}

test.each([
  ['a\nwhole\n', true],
  ['a\n', false],
])(
  'TextClient: a field that can’t be computed ends the trace, and what is whole is written: %j',
  async (text, isLines) => {
    for (const atEnd of [false, true]) {
      const path = join(dir, 'failing');
      const out = openWriter(path);
      const client = new TextClient(failing(['a\n', undefined, 'c\n']), out, terminal, { isLines });
      if (!atEnd) await client.handOn(0, new AbortController().signal);
      expect(client.isClosed).toBe(!atEnd);
      await client.handOn(0);
      await client.finish();
      expect(client.problem).toEqual(new ExtensionError('x.lua:1: boom'));
      await out.end();
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  },
);

test('TextClient: what a script prints comes before the text that is made then', async () => {
  const path = join(dir, 'prints');
  const out = openWriter(path);
  const prints = new ScriptPrints({ write() {}, clearStatus() {}, warn() {} }, true);
  const client = new TextClient(failing(['a\n', 'b\n']), out, terminal, { prints });
  prints.out(Buffer.from('init\n'));
  await client.handOn(0);
  await client.finish();
  prints.out(Buffer.from('fini\n'));
  await client.handOnPrints();
  await out.end();
  expect(readFileSync(path, 'utf8')).toBe('init\na\nb\nfini\n');
});

test('ScriptPrints: what programs read stays as it is, and nothing grows without end', () => {
  const said: string[] = [];
  const told = {
    write: (text: string) => void said.push(text),
    clearStatus() {},
    warn: (text: string) => void said.push(text),
  };
  const apart = new ScriptPrints(told, false);
  apart.out(Buffer.from('out'));
  apart.error(Buffer.from(' error'));
  expect([said, apart.take().length]).toEqual([['out', ' error'], 0]);
  const within = new ScriptPrints(told, true);
  for (let i = 0; i < 20; i++) within.out(new Uint8Array(1 << 20));
  expect(within.take().length).toBe(16 << 20);
  expect(said.at(-1)).toBe(`the script printed ${4 << 20} bytes more than can be kept`);
});
