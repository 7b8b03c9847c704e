import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readChrome } from '../../tests/support/chrome.js';
import { compare, type JsonEvent, type JsonJourney } from '../../tests/support/pictures.js';
import { showText } from '../../tests/support/recorded.js';
import { type RecordingOptions, recordBytes } from '../../tests/support/recordings.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { Recording } from '../recording/recording.js';
import { ChromeEncoder } from './chrome.js';
import { Clock } from './clock.js';
import { type JourneyEncoder, JourneyOutput, type OutputContext } from './output.js';
import { SpeedscopeEncoder } from './speedscope.js';

const KEPT = fileURLToPath(new URL('../../tests/recordings/v1', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-pictures-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a recording has in each form. */
async function forms(path: string) {
  const show = async (output: 'chrome' | 'speedscope' | 'json') => {
    using recording = Recording.open(path);
    return await showText(recording, output);
  };
  const lines = (await show('json'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const events: JsonEvent[] = lines.filter((line) => line.type !== 'journey');
  const journeys: JsonJourney[] = lines.filter((line) => line.type === 'journey');
  return {
    chrome: readChrome(await show('chrome')),
    speedscope: readSpeedscope(await show('speedscope')),
    events,
    journeys,
  };
}

interface Profile {
  readonly name: string;
  /** Each slice: its name, when it begins and ends, and how many it is within. */
  readonly slices: readonly (readonly [name: string, begin: number, end: number, depth: number])[];
  readonly end: number;
}

/** By speedscope's file-format-schema.json, and what its reader asks for. @throws if it is not that */
function readSpeedscope(text: string): Profile[] {
  const { $schema, shared, profiles, exporter, name, ...more } = JSON.parse(text);
  expect($schema).toBe('https://www.speedscope.app/file-format-schema.json');
  expect([typeof exporter, typeof name, more]).toEqual(['string', 'string', {}]);
  const frames: { name: string; file: string }[] = shared.frames;
  expect(frames.every(({ name, file }) => typeof name === 'string' && typeof file === 'string')).toBe(true);
  return profiles.map((profile: { [key: string]: unknown }) => {
    const { type, name, unit, startValue, endValue, events, ...rest } = profile;
    expect([type, typeof name, unit, startValue, rest]).toEqual(['evented', 'string', 'nanoseconds', 0, {}]);
    let now = 0;
    const open: [number, number][] = [];
    const slices: Profile['slices'][number][] = [];
    for (const event of events as { type: string; frame: number; at: number }[]) {
      expect(event.at).toBeGreaterThanOrEqual(now);
      now = event.at;
      if (event.type === 'O') {
        open.push([event.frame, now]);
        continue;
      }
      const [frame, begin] = open.pop() ?? [];
      expect([event.type, event.frame]).toEqual(['C', frame]);
      slices.push([frames[event.frame]!.name, begin!, now, open.length]);
    }
    expect(open).toEqual([]);
    expect(endValue).toBeGreaterThanOrEqual(now);
    return { name: name as string, slices, end: endValue as number };
  });
}

function check({ chrome, speedscope, events, journeys }: Awaited<ReturnType<typeof forms>>): void {
  compare(chrome, { events, journeys });
  const entries = events.filter(({ is_return }) => !is_return);
  expect(speedscope.flatMap(({ slices }) => slices)).toHaveLength(entries.length);
  const firsts = speedscope.filter(({ name }) => !name.includes('on another CPU'));
  expect(firsts).toHaveLength(journeys.length);
  for (const { name, end } of firsts) {
    const [, number, outcome] = /^journey (\d+), (\w+)/.exec(name) ?? [];
    const journey = journeys.find((one) => one.journey === Number(number));
    expect(outcome).toBe(journey?.outcome);
    expect(end).toBeGreaterThanOrEqual(journey!.end - journey!.begin);
  }
}

test.each(readdirSync(KEPT).filter((name) => name.endsWith('.ipft')))(
  'tests/recordings/v1/%s: -o chrome and -o speedscope have what JSON has',
  async (name) => {
    const found = await forms(join(KEPT, name));
    expect(found.events.length).toBeGreaterThan(30);
    check(found);
  },
);

const CALLS = { hasReturns: true, facts: { tracer: 'function_graph' } } as const;

test.each<readonly [string, Partial<RecordingOptions>]>([
  ['fields', { ...CALLS, hasFields: true }],
  ['losses', { ...CALLS, isVaried: true, ringBytes: 1 << 16, endsBytes: 1 << 12 }],
  ['packets and processes', { hasSnapshots: true, hasProcesses: true, isVaried: true, packets: 40 }],
])('%s: -o chrome and -o speedscope have what JSON has', async (_, options) => {
  const path = join(dir, 'recording.ipft');
  writeFileSync(path, recordBytes({ events: 2000, ...options }));
  const found = await forms(path);
  expect(found.events.length).toBeGreaterThan(500);
  check(found);
});

const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: `evil\x1b[2J</script>"${'n'.repeat(10_000)}`, module: 'mod\0ule' },
];

function draw(
  create: (context: OutputContext) => JourneyEncoder,
  whole: readonly (readonly [Partial<Journey>, readonly Partial<TraceEvent>[]])[],
  over: Partial<OutputContext> = {},
): string {
  const context: OutputContext = {
    ...{ targets, hasReturns: false, fields: undefined, dataSize: 0, places: { get: () => undefined } },
    ...{ names: { reason: () => undefined, symbol: () => undefined }, ...over },
  };
  const output = new JourneyOutput(create(context), context, {});
  let text = '';
  for (const [index, [its, events]] of whole.entries()) {
    const journey: Journey = {
      ...{ number: index + 1, shortId: index + 1, packetId: 1n, parent: 0, beginNs: 0n, endNs: 0n, events: 0 },
      ...{ lost: 0, gap: false, outcome: 'consumed', snapshots: [], fate: undefined, ...its },
    };
    for (const one of events) output.event({ ...createEvent(), ...one }, journey);
    output.ended(journey);
    output.tick();
    text += Buffer.from(output.take()).toString();
  }
  for (const piece of output.finish()) text += Buffer.from(piece).toString();
  return text;
}
const chrome = (context: OutputContext) => new ChromeEncoder(context);
const speedscope = (context: OutputContext) => new SpeedscopeEncoder(context);

test('nothing, and names of any characters and of any length', () => {
  expect(readChrome(draw(chrome, [])).slices).toEqual([]);
  expect(readSpeedscope(draw(speedscope, []))).toEqual([]);
  const evil = [{ endNs: 5n }, [{ target: 1 }]] as const;
  const name = `evil\\x1b[2J</script>"${'n'.repeat(10_000)}`;
  const { slices } = readChrome(draw(chrome, [evil]));
  expect(slices[1]).toMatchObject({ name, category: 'mod\\x00ule', begin: 0n, end: 5n });
  expect(readSpeedscope(draw(speedscope, [evil]))[0]?.slices).toEqual([[name, 0, 5, 0]]);
});

test('times are exact, from whatever clock', () => {
  const begin = 2n ** 53n + 1_000_001n;
  const at = (ns: bigint) => ({ timestampLow: Number(ns & 0xffffffffn), timestampHigh: Number(ns >> 32n) });
  const one = [{ beginNs: begin, endNs: begin + 3n }, [at(begin), at(begin + 1n)]] as const;
  const timesOf = (text: string) => [...text.matchAll(/"ts":([0-9.]+)/g)].map(([, time]) => time);
  expect(timesOf(draw(chrome, [one]))).toEqual(
    ['993', '993', '994', '994', '996', '996', '996'].map((end) => `9007199255740.${end}`),
  );
  expect(timesOf(draw(chrome, [one], { clock: Clock.since(begin - 7n) }))[0]).toBe('0.007');
  const wall = begin + 2n ** 60n;
  expect(timesOf(draw(chrome, [one], { clock: Clock.wall(2n ** 60n) }))[0]).toBe(
    `${wall / 1000n}.${String(wall % 1000n).padStart(3, '0')}`,
  );
  expect(readSpeedscope(draw(speedscope, [one]))[0]?.slices).toEqual([
    ['ip_rcv', 0, 1, 0],
    ['ip_rcv', 1, 3, 0],
  ]);
});

test('a copy has an arrow from its parent', () => {
  const { arrows } = readChrome(
    draw(chrome, [
      [{ parent: 2, beginNs: 4n, endNs: 9n }, [{ timestampLow: 4 }]],
      [{ beginNs: 1n, endNs: 8n }, [{ timestampLow: 1 }]],
    ]),
  );
  expect([...arrows]).toEqual([[1, ['4 1 3', '4 1 2']]]);
});
