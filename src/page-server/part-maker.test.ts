/** Parts of a recording, as the page gets them while it is read. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type PartText, readTrace } from '../../ui/src/trace/read.js';
import { Recording } from '../recording/recording.js';
import { TraceRun } from '../trace/run.js';
import type { TraceCounts } from './messages.js';
import { PartMaker } from './part-maker.js';

const RECORDING = fileURLToPath(new URL('../../tests/recordings/v1/graph.ipft', import.meta.url));

async function make(eventsPerSecond?: number) {
  using recording = Recording.open(RECORDING);
  const parts: (PartText & { readonly journeys: number; readonly events: number })[] = [];
  let counts: TraceCounts | undefined;
  const maker = new PartMaker(recording, {
    ...{ maxMemoryBytes: 1 << 26, maxHeapBytes: 1 << 26, eventsPerSecond },
    async handOn({ kind, bytes, ...counted }) {
      const isText = kind === 'head' || kind === 'tail';
      parts.push({ kind, text: Buffer.from(bytes).toString(isText ? 'utf8' : 'base64'), ...counted });
    },
    onCounts: (now) => {
      counts = now;
    },
  });
  const run = new TraceRun(recording, maker.intake, maker);
  await run.run(new AbortController().signal);
  await run.finish();
  return { parts, counts: counts!, trace: await readTrace(parts) };
}

test('names have parts of their own: the others can be left out, and what is left is read', async () => {
  const { parts, counts, trace } = await make();
  expect(trace.problem).toBeUndefined();
  expect([trace.journeys.length, trace.events.count]).toEqual([counts.journeys, counts.events]);
  expect(counts).toMatchObject({ lost: 0, summed: { journeys: 0, events: 0, outcomes: {} } });
  const names = parts.filter(({ journeys }) => journeys === 0);
  expect(names.map(({ kind }) => kind)).toEqual(['head', 'journeys', 'details', 'tail']);
  const without = await readTrace(names);
  expect(without.journeys).toEqual([]);
  expect(without.functions).toEqual(trace.functions);
  expect(without.places).toEqual(trace.places);
});

test('what is beyond the budget is counted: nothing is counted twice, or not at all', async () => {
  const whole = await make();
  const { counts, trace } = await make(1);
  const { summed } = counts;
  expect(trace.journeys.length).toBe(1);
  expect([counts.journeys, counts.events]).toEqual([whole.counts.journeys, whole.counts.events]);
  expect(trace.journeys.length + summed.journeys).toBe(counts.journeys);
  expect(trace.events.count + summed.events).toBe(counts.events);
  expect(Object.values(summed.outcomes).reduce((sum, count) => sum + count, 0)).toBe(summed.journeys);
});
