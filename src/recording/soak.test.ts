/** Recordings of many events are shown in memory that does not grow with them. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usedBytes } from '../../tests/support/memory.js';
import { record } from '../../tests/support/recordings.js';
import { JourneyTracker } from '../journey/tracker.js';
import { createContext } from '../output/output.js';
import { OUTPUT_NAMES, outputKind } from '../output/outputs.js';
import { Recording } from './recording.js';

/** By hand more: IPFT_SOAK_EVENTS=100000000 node_modules/.bin/vitest run --project unit src/recording/soak.test.ts */
const SOAK_EVENTS = Number(process.env['IPFT_SOAK_EVENTS'] ?? 2_000_000);
const SOAK_MS = 60_000 + SOAK_EVENTS / 5;
const MIB = 1 << 20;

let dir: string;
let path: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-soak-'));
  path = join(dir, 'trace.ipft');
  const file = openSync(path, 'w');
  record({ events: SOAK_EVENTS }, (piece) => {
    for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
  });
  closeSync(file);
}, SOAK_MS);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(OUTPUT_NAMES)(
  'Recording: memory does not depend on the number of events, -o %s',
  (name) => {
    using recording = Recording.open(path);
    const page = { frame: { before: '', after: '' }, header: recording.header };
    const output = outputKind(name).create(createContext(recording), { maxBytes: 64 * MIB, fold: 'auto', page });
    const tracker = new JourneyTracker(output, recording.places);
    const began = process.cpuUsage();
    let bytes = 0;
    let middle = 0;
    while (!recording.isOver) {
      tracker.settle(recording.read(tracker).upToNs);
      for (let hasMore = true; hasMore; ) {
        hasMore = output.tick(0);
        const text = output.take();
        bytes += text.length;
        output.giveBack?.(text);
      }
      if (middle === 0 && tracker.events > SOAK_EVENTS / 2) middle = usedBytes();
    }
    const last = usedBytes();
    const { living, atNs } = recording.end();
    tracker.finish(living, atNs);
    for (const text of output.finish()) bytes += text.length;
    const { user, system } = process.cpuUsage(began);
    if (process.env['IPFT_SOAK_EVENTS']) {
      const { rss } = process.memoryUsage();
      console.log(
        `${name}: ${(user + system) / 1e6} s of processor time, ${bytes} bytes of text, ${rss >> 20} MiB resident`,
      );
    }
    expect(tracker.events).toBe(SOAK_EVENTS);
    expect(tracker.lostJourneys).toBe(0);
    expect(bytes).toBeGreaterThan(0);
    expect(last - middle).toBeLessThan(8 * MIB);
  },
  SOAK_MS,
);
