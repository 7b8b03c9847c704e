/** The same bytes in the rings give the same text, live and shown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { KernelRings, type KernelRingsOptions } from '../../tests/support/kernel-rings.js';
import { type MemoryFile, recordInMemory } from '../../tests/support/memory-file.js';
import { createFacts, createFields, showText, takeText } from '../../tests/support/recorded.js';
import { createHeader } from '../../tests/support/trace-header.js';
import type { RecordSource, TraceHeader } from '../base/record-source.js';
import { LiveSource } from '../capture/live-source.js';
import type { EventFields } from '../fields/field-set.js';
import { Choice } from '../journey/choice.js';
import { createContext, type Output } from '../output/output.js';
import { type OutputName, type OutputOptions, outputKind } from '../output/outputs.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import { type Intake, TraceRun } from '../trace/run.js';
import { Recording } from './recording.js';

const MS = 1_000_000;
const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));

let dir: string;
let kernel: KernelRings;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-same-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
// The kernel's clock is the only one: what depends on the time is the same each time.
beforeEach(() => {
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(kernel.ns));
  vi.spyOn(performance, 'now').mockImplementation(() => kernel.ns / MS);
});
afterEach(() => vi.restoreAllMocks());

interface Case {
  readonly rings: Partial<KernelRingsOptions>;
  readonly fields?: EventFields;
  /** The most records that are read at a time. */
  readonly batch: number;
}

/** What happens between two readings: nothing, a few events, or more than the rings hold; and a while. */
function happen(round: number): void {
  const many = [0, 3, 0, 0, 40, 300, 0, 2000, 0, 1, 0][round % 11]!;
  if (round % 13 === 12) kernel.fill();
  else kernel.happen(many);
  kernel.ns += [0.1, 3, 120, 12, 0, 30, 250, 0.2, 1500][round % 9]! * MS;
  if (round % 5 === 4) kernel.misses++;
}

/** Reads what the same kernel does each time. @param onRead called after each reading */
async function run(
  { rings, fields, batch }: Case,
  start: (source: RecordSource) => { readonly intake: Intake; onRead(idleMs: number): void },
): Promise<LiveSource> {
  kernel = new KernelRings({
    ...{ ringBytes: 1 << 17, endsBytes: 1 << 13, eventsPerJourney: 6, isVaried: true },
    ...{ dataBytes: fields?.dataBytes ?? 0, ...rings },
  });
  const source = new Batches(kernel, describe(fields, rings.hasReturns), batch);
  const { intake, onRead } = start(source);
  const ending = new AbortController();
  let round = 0;
  const trace = new TraceRun(source, intake, {
    async handOn(idleMs, signal) {
      onRead(idleMs);
      if (!signal) return;
      happen(round++);
      if (round === 60) ending.abort();
    },
    finish: async () => {},
  });
  await trace.run(ending.signal);
  await trace.finish();
  return source;
}

class Batches extends LiveSource {
  readonly #most: number;

  constructor(kernel: KernelRings, header: TraceHeader, most: number) {
    super(kernel, header);
    this.#most = most;
  }

  override read: LiveSource['read'] = (taker, limit) => super.read(taker, Math.min(limit, this.#most));
  override readRaw: LiveSource['readRaw'] = (taker, limit) => super.readRaw(taker, Math.min(limit, this.#most));
}

function describe(fields: EventFields | undefined, hasReturns = false): TraceHeader {
  return {
    ...{ ...createHeader(targets), fields, tracer: hasReturns ? 'function_graph' : 'function' },
    names: {
      reason: (reason) => (reason === 3 ? undefined : `REASON_${reason}`),
      symbol: (address) => `symbol_${address}`,
    },
    netnsName: (netns) => (netns % 2 === 0 ? 'blue' : undefined),
  };
}

/** Where `-o live` tells of losses depends on when it has asked for them; what else it writes does not. */
const LOSS_NOTE = /^-- .*\n/gm;

type View = readonly [OutputName, OutputOptions?];

const create = ([name, options]: View, source: RecordSource) =>
  outputKind(name).create(createContext(source), { fold: 'auto', showPlaces: true, ...options });

async function live(one: Case, view: View): Promise<string> {
  let text = '';
  let output: Output | undefined;
  await run(one, (source) => {
    const made = create(view, source);
    output = made;
    const onRead = (idleMs: number) => {
      text += takeText(made, idleMs);
    };
    return { intake: new JourneyIntake(made, source.places, made.choice), onRead };
  });
  for (const piece of output?.finish() ?? []) text += Buffer.from(piece).toString();
  return text;
}

/** @returns the source's losses */
async function record(one: Case, path: string, deflates: boolean) {
  let file: MemoryFile | undefined;
  const source = await run(one, (source) => {
    const made = recordInMemory(source, createFacts(source.header, one.fields), { deflates });
    file = made.file;
    return { intake: made.recorder, onRead: () => {} };
  });
  writeFileSync(path, file!.bytes);
  return source.losses();
}

const VIEWS: readonly View[] = [
  ['aggregate'],
  ['aggregate', { fold: 'never', order: 'begin' }],
  ['live'],
  ['live', { fold: 'never', width: () => 120 }],
  ['live', { choice: new Choice({ only: ['dropped'] }) }],
  ['json'],
  ['json', { choice: new Choice({ only: ['dropped'] }) }],
  ['paths'],
  ['pcapng'],
  ['perfetto'],
  ['chrome'],
  ['speedscope'],
];
/** Of packets with bytes. */
const ONCE: View = ['pcapng', { once: true }];
const fields = createFields(32, (b) => [
  { name: 'port', type: b.int('short', 2), offset: 0 },
  { name: 'saddr', type: b.int('int', 4), offset: 4, tag: 'ipv4' },
  { name: 'cookie', type: b.int('long', 8), offset: 8, tag: 'hex' },
  { name: 'caller', type: b.int('long', 8), offset: 16 },
  { name: 'len', type: b.int('int', 4), offset: 24 },
]);
const CASES: readonly Case[] = [
  { batch: 4096, rings: {} },
  { batch: 7, rings: {} },
  { batch: 300, rings: { hasReturns: true } },
  { batch: 4096, rings: { hasReturns: true, packets: 100, hasSnapshots: true }, fields },
  // A reading ends for its bytes.
  { batch: 4096, rings: { ringBytes: 1 << 21, dataBytes: 1000 } },
];

test.each(CASES.map((one, index) => [index, one] as const))(
  'the same bytes, the same text, live and shown: case %s',
  async (index, one) => {
    const path = join(dir, String(index));
    const losses = await record(one, path, index % 2 === 1);
    for (const view of one.rings.hasSnapshots ? [...VIEWS, ONCE] : VIEWS) {
      const [name, options] = view;
      using recording = Recording.open(path);
      const [text, shown] = [
        await live(one, view),
        await showText(recording, name, { showPlaces: true, ...options }),
      ].map((each) => (name === 'live' ? each.replace(LOSS_NOTE, '') : each)) as [string, string];
      expect(text.length).toBeGreaterThan(1000);
      if (shown !== text) expect(shown.split('\n')).toEqual(text.split('\n'));
      expect(recording.losses()).toEqual(losses);
      expect(recording.endedEarly).toBeUndefined();
    }
    expect(losses.missed.shown).toBeGreaterThan(0n);
  },
);
