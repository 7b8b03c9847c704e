import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { record } from '../../tests/support/recorded.js';
import { createHeader } from '../../tests/support/trace-header.js';
import type { RecordSource } from '../base/record-source.js';
import { createJsonOutput } from '../output/json.js';
import { createContext } from '../output/output.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import { TraceRun } from '../trace/run.js';
import { Recording } from './recording.js';

const SIZES = { ringBytes: 1 << 19, endsBytes: 1 << 17, eventsPerJourney: 5 };
const targets = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-recording-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Records what the same kernel does each time. */
function recordTo(path: string, deflates = false): KernelRings {
  const kernel = new KernelRings(SIZES);
  writeFileSync(
    path,
    record(kernel, createHeader(targets), () => kernel.fill(), { deflates }),
  );
  return kernel;
}

async function show(source: RecordSource): Promise<string> {
  const output = createJsonOutput(createContext(source), {});
  let text = '';
  const run = new TraceRun(source, new JourneyIntake(output, source.places), {
    handOn: async (idleMs) => {
      for (let hasMore = true; hasMore; ) {
        hasMore = output.tick(idleMs);
        text += Buffer.from(output.take()).toString();
      }
    },
    finish: async () => {
      for (const piece of output.finish()) text += Buffer.from(piece).toString();
    },
  });
  await run.run(new AbortController().signal);
  await run.finish();
  return text;
}

test.each([false, true])('Recording: all that was recorded is there, deflated: %s', async (deflates) => {
  const path = join(dir, `all-${deflates}`);
  const { truth } = recordTo(path, deflates);
  using recording = Recording.open(path);
  const lines = (await show(recording)).trimEnd().split('\n');
  const journeys = lines.filter((line) => line.startsWith('{"type":"journey"'));
  expect(lines.length - journeys.length).toBe(truth.events - truth.lostEvents);
  expect(recording.endedEarly).toBeUndefined();
  expect(recording.losses().ends).toBe(BigInt(truth.lostEnds));
});
