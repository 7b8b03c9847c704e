/** Recordings that an earlier ipft has made are shown as they were then, by any later one, for ever. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TEXTS } from '../../scripts/recordings.js';
import { openRecording } from '../../src/library/open-recording.js';
import type { OutputName } from '../../src/output/outputs.js';
import { VERSION } from '../../src/recording/format.js';
import { Recording } from '../../src/recording/recording.js';
import { showText } from '../support/recorded.js';

const FOLDER = fileURLToPath(new URL('../recordings', import.meta.url));
const versions = readdirSync(FOLDER);
const kept = versions.flatMap((version) =>
  readdirSync(join(FOLDER, version))
    .filter((name) => name.endsWith('.ipft'))
    .map((name) => join(version, name.replace(/\.ipft$/, ''))),
);
const texts = Object.entries(TEXTS) as [OutputName, string][];

test('there are recordings of each version of the format', () => {
  expect(versions).toEqual(Array.from({ length: VERSION }, (_, index) => `v${index + 1}`));
  expect(kept.length).toBeGreaterThan(3);
});

test.each(kept.flatMap((name) => texts.map(([output, ending]) => [name, output, ending] as const)))(
  'tests/recordings/%s: what -o %s shows of it',
  async (name, output, ending) => {
    using recording = Recording.open(join(FOLDER, `${name}.ipft`));
    const { follow } = recording.facts.plan;
    const text = await showText(recording, output, { showPlaces: follow });
    expect(text).toBe(readFileSync(join(FOLDER, `${name}.${ending}`), 'utf8'));
    expect(recording.endedEarly).toBeUndefined();
  },
);

test.each(kept)('tests/recordings/%s: the library has what JSON has', async (name) => {
  await using session = await openRecording(join(FOLDER, `${name}.ipft`));
  await session.stop();
  const lines = readFileSync(join(FOLDER, `${name}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const events = (await session.allEvents()).map(({ timestampNs, function: its, journey }) => [
    ...[Number(timestampNs), its, journey],
  ]);
  expect(events).toEqual(
    lines.filter((line) => line.type !== 'journey').map((line) => [line.timestamp, line.function, line.journey]),
  );
  const journeys = (await session.allJourneys()).map(({ number, outcome, reason }) => [
    number,
    outcome,
    reason ?? null,
  ]);
  expect(journeys).toEqual(
    lines.filter((line) => line.type === 'journey').map((line) => [line.journey, line.outcome, line.reason]),
  );
});
