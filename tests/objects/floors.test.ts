/** The benchmark's programs share headers with the tracer's: they are compiled here, since `npm run bench` runs seldom. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileFloors } from '../../bench/floors.js';

test('the floors of the benchmark compile', () => {
  const work = mkdtempSync(join(tmpdir(), 'ipft-floors-'));
  try {
    compileFloors(work);
    expect(readdirSync(work)).toHaveLength(9);
  } finally {
    rmSync(work, { recursive: true });
  }
});
