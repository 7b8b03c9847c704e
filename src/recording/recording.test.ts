import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelRings } from '../../tests/support/kernel-rings.js';
import { record, showText } from '../../tests/support/recorded.js';
import { createHeader } from '../../tests/support/trace-header.js';
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

test.each([false, true])('Recording: all that was recorded is there, deflated: %s', async (deflates) => {
  const path = join(dir, `all-${deflates}`);
  const { truth } = recordTo(path, deflates);
  using recording = Recording.open(path);
  const lines = (await showText(recording, 'json')).trimEnd().split('\n');
  const journeys = lines.filter((line) => line.startsWith('{"type":"journey"'));
  expect(lines.length - journeys.length).toBe(truth.events - truth.lostEvents);
  expect(recording.endedEarly).toBeUndefined();
  expect(recording.losses().ends).toBe(BigInt(truth.lostEnds));
});

test('Recording: its size is known where its path leads to nothing any longer', () => {
  const path = join(dir, 'gone');
  recordTo(path);
  const { size } = statSync(path);
  using recording = Recording.open([path, join(path, 'below a file')]);
  expect(recording.sizeBytes).toBe(size);
  rmSync(path);
  expect(recording.sizeBytes).toBe(size);
});
