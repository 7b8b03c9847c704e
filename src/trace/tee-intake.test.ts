import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { showText, takeText } from '../../tests/support/recorded.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { LiveSource } from '../capture/live-source.js';
import { NO_FIELDS } from '../fields/field-set.js';
import { createJsonOutput } from '../output/json.js';
import { createContext } from '../output/output.js';
import { Recording } from '../recording/recording.js';
import { JourneyIntake } from './journey-intake.js';
import { parsePlan } from './plan.js';
import { beginRecording, type LateRecording } from './record.js';
import { TeeIntake } from './tee-intake.js';

const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));
const header = { ...createHeader(targets), netnsName: (netns: number) => `netns ${netns}` };
const ROUNDS = 40;

let dir: string;
let kernel: KernelRings;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-tee-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
// As in src/recording/same-text.test.ts.
beforeEach(() => {
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(kernel.ns));
  vi.spyOn(performance, 'now').mockImplementation(() => kernel.ns / 1e6);
});
afterEach(() => vi.restoreAllMocks());

const words = {
  ...{ name: String, show: String, number: 'a number', sizeUnits: '', markZero: '' },
  packetsAreMissing: () => new Error() as never,
  refuseWord: () => new Error() as never,
};
const plan = parsePlan({ mark: 1 }, words);

/**
 * The JSON of what the same kernel does each time.
 * @param from the round in which a recording begins; by default there is none
 */
async function trace(path?: string, from?: number): Promise<{ text: string; sink: LateRecording['sink'] | undefined }> {
  kernel = new KernelRings({
    ringBytes: 1 << 17,
    endsBytes: 1 << 13,
    eventsPerJourney: 12,
    packets: 50,
    isVaried: true,
  });
  const source = new LiveSource(kernel, header);
  const output = createJsonOutput(createContext(source));
  const journeys = new JourneyIntake(output, source.places);
  const tee = new TeeIntake(journeys);
  let text = '';
  let late: LateRecording | undefined;
  const read = async (round: number) => {
    if (path !== undefined && round === from) {
      const session = { symbolOf: (location: bigint) => kernel.symbolOf(location) };
      const live = { header, fields: NO_FIELDS, plan, ringSizeBytes: 1 << 17, session };
      late = beginRecording(live, source, journeys.tracker, { path, deflates: true });
      tee.record(late.recorder);
    }
    const { drained } = tee.read(source, 4096);
    text += takeText(output, 0);
    await late?.sink.drain();
    return drained;
  };
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 13 === 12) kernel.fill();
    else kernel.happen((round % 5) * 50);
    kernel.ns += (round % 4) * 60_000_000;
    if (round % 8 === 7) kernel.misses++;
    await read(round);
  }
  const end = source.end();
  while (!(await read(ROUNDS)));
  tee.finish(end);
  await late?.sink.close();
  for (const piece of output.finish()) text += Buffer.from(piece).toString();
  return { text, sink: late?.sink };
}

async function show(path: string): Promise<{ text: string; carried: number }> {
  using recording = Recording.open(path);
  const text = await showText(recording, 'json');
  expect(recording.endedEarly).toBeUndefined();
  return { text, carried: recording.carried };
}

test('TeeIntake: what is shown does not change by being recorded; recorded from its begin, the file shows the same', async () => {
  const path = join(dir, 'all');
  const { text } = await trace();
  expect((await trace(path, 0)).text).toBe(text);
  expect(await show(path)).toEqual({ text, carried: 0 });
});

interface Line {
  readonly type?: string;
  readonly begin: number;
  readonly end: number;
  readonly gap: boolean;
  readonly timestamp: number;
}
/** Without the number of the journey, which counts from the first one of its file. */
const parse = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line, (key, value) => (key === 'journey' ? undefined : value)) as Line);
const isJourney = ({ type }: Line) => type === 'journey';

test('TeeIntake: a recording that begins later has all events from then on, and the journeys that live are carried', async () => {
  const path = join(dir, 'late');
  const { text, sink } = await trace(path, 20);
  expect(sink?.problem).toBeUndefined();
  const { text: recorded, carried } = await show(path);
  expect(carried).toBeGreaterThan(20);
  const [all, late] = [parse(text), parse(recorded)];
  const first = Math.min(...late.filter((line) => !isJourney(line)).map(({ timestamp }) => timestamp));
  const sorted = (lines: Line[]) => lines.map((line) => JSON.stringify(line)).sort();
  const events = (lines: Line[]) =>
    sorted(lines.filter((line) => !isJourney(line) && line.timestamp >= first + 20_000));
  expect(events(late)).toEqual(events(all));
  // What began in time is the same in both: names of locations too, which were told before.
  const begun = (lines: Line[]) => sorted(lines.filter((line) => isJourney(line) && line.begin > first + 20_000));
  expect(begun(late)).toEqual(begun(all));
  expect(begun(late).join()).toContain('"ended_in":"function_');
  const before = late.filter((line) => isJourney(line) && line.begin < first);
  expect(before.length).toBeGreaterThan(20);
  expect(before.every(({ gap }) => gap)).toBe(true);
});
