import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { usedBytes } from '../../tests/support/memory.js';
import { createHeader } from '../../tests/support/trace-header.js';
import { createEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import { Places } from '../base/places.js';
import type { Reading, RecordSource, SourceEnd, SourceTaker } from '../base/record-source.js';
import { LiveSource } from '../capture/live-source.js';
import type { EventSink, JourneyTracker } from '../journey/tracker.js';
import { Collector } from '../library/collector.js';
import { AggregateOutput } from '../output/aggregate.js';
import { createJsonOutput } from '../output/json.js';
import { createContext, type Output } from '../output/output.js';
import { PathsOutput } from '../output/paths.js';
import { JourneyIntake } from './journey-intake.js';
import { type TraceClient, TraceRun } from './run.js';

/** By hand more: IPFT_SOAK_EVENTS=10000000 node_modules/.bin/vitest run --project unit src/trace/run.test.ts */
const SOAK_EVENTS = Number(process.env['IPFT_SOAK_EVENTS'] ?? 300_000);
const SOAK_MS = 10_000 + SOAK_EVENTS / 20;
const MIB = 1 << 20;

const SIZES = { ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 5 };
const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));
const header = createHeader(targets);
const context = () => createContext({ header, places: new Places() });

/** Counts events, and the journeys of which something is missing. */
class Counts implements EventSink {
  readonly hasRoom = true;
  events = 0;
  gaps = 0;

  event(): void {
    this.events++;
  }

  ended(journey: Journey): void {
    if (journey.gap) this.gaps++;
  }
}

/** A run of what the rings hold, which is read step by step. */
class Steps {
  readonly run: TraceRun;
  readonly source: LiveSource;
  readonly #intake: JourneyIntake;

  constructor(kernel: KernelRings, sink: EventSink, handOn: TraceClient['handOn'] = async () => {}) {
    this.source = new LiveSource(kernel, header);
    this.#intake = new JourneyIntake(sink, this.source.places);
    this.run = new TraceRun(this.source, this.#intake, { handOn, finish: async () => {} });
  }

  get tracker(): JourneyTracker {
    return this.#intake.tracker;
  }

  /** Returns whether more is left. */
  read(): boolean {
    const { moved, drained } = this.#intake.read(this.source, 4096);
    return moved && !drained;
  }
}

/** Reads at a rate at which the ring is never empty. Returns how much memory was in use in the middle and at the end. */
async function soak(kernel: KernelRings, sink: EventSink, handOn: (idleMs: number) => void) {
  const steps = new Steps(kernel, sink);
  const { events } = kernel.truth;
  let middle = 0;
  for (let round = 0; kernel.truth.events - events < SOAK_EVENTS; round++) {
    kernel.fill();
    steps.read();
    handOn(0);
    if (middle === 0 && kernel.truth.events - events > SOAK_EVENTS / 2) middle = usedBytes();
    if (round % 64 === 0) await immediate();
  }
  return { tracker: steps.tracker, run: steps.run, middle, end: usedBytes() };
}

test(
  'TraceRun: journeys are handed on while the ring is never empty, and none is taken for one without an end',
  async () => {
    const kernel = new KernelRings(SIZES);
    const taker = new Counts();
    const { tracker, run, middle, end } = await soak(kernel, taker, () => {});
    // What lies in the rings, and a tenth of a second, may still come.
    const pending = SIZES.ringBytes / 32 + 100_000_000 / 2000;
    expect(tracker.journeys).toBeGreaterThan(kernel.truth.ended - pending / SIZES.eventsPerJourney);
    expect(tracker.journeys).toBeGreaterThan(kernel.truth.ended / 2);
    expect(end - middle).toBeLessThan(8 * MIB);
    await run.finish();
    expect(taker.events + kernel.truth.lostEvents).toBe(kernel.truth.events);
    // The ring of ends is too small for the ring of events: where it is full, they go among these.
    expect(tracker.counts.get('unknown') ?? 0).toBe(kernel.truth.lostEnds);
    expect(kernel.truth.lostEnds).toBeLessThan(kernel.truth.ended / 1000);
  },
  SOAK_MS,
);

test('TraceRun: what is kept of journeys depends on what lies between their times, not on how large the ring is', () => {
  const kernel = new KernelRings({ ...SIZES, ringBytes: 1 << 24, endsBytes: 1 << 22 });
  const taker = new Counts();
  const steps = new Steps(kernel, taker);
  const { tracker } = steps;
  kernel.fill();
  let most = 0;
  while (taker.events < kernel.truth.events / 2) {
    steps.read();
    most = Math.max(most, taker.events / 6 - tracker.journeys);
  }
  // A tenth of a second, and a batch.
  expect(most).toBeLessThan((100_000_000 / 2000 + 4096) / 5);
  expect(tracker.counts.get('unknown')).toBeUndefined();
});

test('TraceRun: a reader that stands still for a while takes no journey for one without an end', async () => {
  const kernel = new KernelRings({ ...SIZES, ringBytes: 1 << 20, endsBytes: 1 << 19 });
  const taker = new Counts();
  const steps = new Steps(kernel, taker);
  const { tracker, run } = steps;
  for (let round = 0; round < 40; round++) {
    kernel.happen(9000);
    steps.read();
    // Much later in the rings' time: all that was read seems to be long over.
    kernel.ns += 1_000_000_000;
    kernel.happen(100);
    while (steps.read());
  }
  await run.finish();
  expect(kernel.truth).toMatchObject({ lostEvents: 0, lostEnds: 0 });
  expect(tracker.counts.get('unknown')).toBeUndefined();
  expect(taker.gaps).toBe(0);
});

test('TraceRun: the end reads what had come by then, in steps, and waits for a record that is being written', async () => {
  const kernel = new KernelRings({ ...SIZES, ringBytes: 1 << 20, endsBytes: 1 << 19 });
  const taker = new Counts();
  const counts: number[] = [];
  const { run } = new Steps(kernel, taker, async () => {
    // When the trace has ended, more comes.
    if (counts.length === 0) kernel.happen(5000);
    counts.push(taker.events);
    if (taker.events >= 10_000) kernel.events.submit(busy);
  });
  kernel.happen(10_000);
  const busy = kernel.events.reserve(24, true)!;
  kernel.events.event(busy, kernel.ns, 0xffffff, 0, 0, 0);
  kernel.happen(3000);
  const { events } = kernel.truth;
  await run.finish();
  expect(taker.events).toBe(events);
  expect(counts.length).toBeGreaterThan(3);
  // Records, not only events, make a step.
  expect(Math.max(...counts.map((count, index) => count - (counts[index - 1] ?? 0)))).toBeLessThanOrEqual(4096);
});

test('TraceRun: asking for losses does not ask the kernel for misses each time', () => {
  const kernel = new KernelRings(SIZES);
  let asked = 0;
  const { countMisses } = kernel;
  kernel.countMisses = () => {
    asked++;
    return countMisses.call(kernel);
  };
  const { source } = new Steps(kernel, new Counts());
  for (let i = 0; i < 1000; i++) source.losses();
  expect(asked).toBeLessThan(10);
});

/** A source that is no session: records in an array, the last of which is the end of all. */
class ListedRecords implements RecordSource {
  readonly header = header;
  readonly places = new Places();
  readonly coverage = { traced: 2, refused: [], unwatched: [] };
  readonly #records: ((taker: SourceTaker) => void)[];
  readonly #atNs: bigint;

  constructor(records: ((taker: SourceTaker) => void)[], atNs: bigint) {
    this.#records = records;
    this.#atNs = atNs;
  }

  get isOver(): boolean {
    return this.#records.length === 0;
  }

  read(taker: SourceTaker, limit: number): Reading {
    const records = this.#records.splice(0, limit);
    for (const record of records) record(taker);
    const upToNs = this.isOver ? this.#atNs : 0n;
    return { events: records.length, moved: records.length > 0, drained: this.isOver, upToNs };
  }

  end(): SourceEnd {
    return { atNs: this.#atNs, living: [] };
  }

  losses(): TraceLosses {
    const missed = { shown: 0n, deciding: 0n };
    return { ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n }, missed, countsMisses: true, switchedOff: [] };
  }

  countUnreadEnds(): number {
    return 0;
  }
}

test('TraceRun: a duration ends a refresh that takes long', async () => {
  const source: RecordSource = Object.assign(new ListedRecords([() => {}], 0n), { refresh: untilAborted });
  Object.defineProperty(source, 'isOver', { value: false });
  const client = { handOn: async () => {}, finish: async () => {} };
  const run = new TraceRun(source, new JourneyIntake(new Counts(), source.places), client, { durationMs: 1 });
  await run.run(new AbortController().signal);
});

/** Attaches for ever, if nobody ends it. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

test('TraceRun: any source of records is read to its end, and then the run is over', async () => {
  const fate = { ...{ dropped: false, received: true, stage: 'queued' as const, reason: 0, location: 0n, symbol: '' } };
  const at = (timestampLow: number, sequence: number) => (taker: SourceTaker) =>
    taker.event({ ...createEvent(), journey: 7, sequence, timestampLow, target: sequence });
  const source = new ListedRecords(
    [
      (taker) => taker.began({ journey: 7, timestampNs: 10n, packetId: 1n, parent: 0, place: undefined }),
      at(10, 0),
      at(20, 1),
      (taker) => taker.missed(15n, 25n),
      (taker) =>
        taker.ended({
          ...{ journey: 7, timestampNs: 30n, events: 2 },
          fate: { ...fate, device: '', family: 2, protocol: 17 },
        }),
    ],
    1_000_000_000n,
  );
  const output = createJsonOutput(createContext(source), {});
  let text = '';
  const run = new TraceRun(source, new JourneyIntake(output, source.places), {
    handOn: async (idleMs) => {
      output.tick(idleMs);
      text += Buffer.from(output.take()).toString();
    },
    finish: async () => {
      for (const piece of output.finish()) text += Buffer.from(piece).toString();
    },
  });
  await run.run(new AbortController().signal);
  await run.finish();
  const lines = text.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { function: 'a', timestamp: 10 },
    { function: 'b', timestamp: 20 },
    { type: 'journey', outcome: 'delivered', events: 2, gap: true, protocol: 'UDP' },
  ]);
});

const OUTPUTS: Record<string, () => Output> = {
  json: () => createJsonOutput(context()),
  aggregate: () => new AggregateOutput(context(), { maxBytes: 4 * MIB }),
  paths: () => new PathsOutput(context(), { maxBytes: 4 * MIB }),
};

test.each(Object.keys(OUTPUTS))(
  '%s: memory stays as it is while the ring is never empty',
  async (name) => {
    const output = OUTPUTS[name]!();
    let bytes = 0;
    let largest = 0;
    const { tracker, run, middle, end } = await soak(new KernelRings(SIZES), output, (idleMs) => {
      for (let hasMore = true; hasMore; ) {
        hasMore = output.tick(idleMs);
        if (output.pendingBytes === 0) continue;
        const text = output.take();
        bytes += text.length;
        largest = Math.max(largest, text.length);
        output.giveBack?.(text);
      }
    });
    expect(end - middle).toBeLessThan(8 * MIB);
    await run.finish();
    for (const piece of output.finish()) {
      bytes += piece.length;
      largest = Math.max(largest, piece.length);
    }
    expect(bytes).toBeGreaterThan(0);
    expect(largest).toBeLessThan(2 * MIB);
    expect(tracker.journeys).toBeGreaterThan(0);
  },
  SOAK_MS,
);

test(
  'Collector: memory stays as it is while the ring is never empty, with and without someone who iterates',
  async () => {
    for (const iterates of [false, true]) {
      const maxEvents = 100_000;
      const collector = new Collector({
        targets,
        hasReturns: false,
        readFields: undefined,
        dataSize: 0,
        names: header.names,
        places: new Places(),
        maxEvents,
      });
      const iterator = collector.events.iterate();
      let taken = 0;
      const { tracker, middle, end } = await soak(new KernelRings(SIZES), collector, (idleMs) => {
        while (collector.tick(idleMs)) {
          expect(iterates).toBe(true);
          for (let i = 0; i < 1000; i++) void iterator.next().then(() => taken++);
        }
        if (iterates) void iterator.next().then(() => taken++);
      });
      expect(end - middle).toBeLessThan(32 * MIB);
      expect(tracker.journeys).toBeGreaterThan(0);
      expect(collector.unkept).toBe(0);
      if (iterates) expect(taken + collector.events.forgotten).toBeGreaterThan(SOAK_EVENTS / 2);
    }
  },
  SOAK_MS * 2,
);
