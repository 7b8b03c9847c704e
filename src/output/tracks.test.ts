import { expect, test } from 'vitest';
import { type Placed, Tracks } from './tracks.js';

const place = (number: number, beginNs: bigint): Placed => ({ number, track: number, beginNs, endNs: beginNs + 10n });

test('copies are told with their parent, whichever comes first; what is remembered of either has a bound', () => {
  const told: (readonly [parent: number, copy: number, at: bigint])[] = [];
  const tracks = new Tracks({
    addNamespace() {},
    addLane() {},
    addCopy: (parent, copy, at) => void told.push([parent.number, copy.number, at]),
  });
  tracks.remember(place(1, 100n), 0);
  tracks.remember(place(2, 105n), 1);
  tracks.remember(place(4, 90n), 3);
  tracks.remember(place(5, 200n), 3);
  // Its copies seem to be made before it and after it.
  tracks.remember(place(3, 100n), 0);
  expect(told.splice(0)).toEqual([
    [1, 2, 105n],
    [3, 4, 100n],
    [3, 5, 110n],
  ]);
  const before = tracks.keptBytes;
  // Copies of parents that never come, and so many journeys that the first ones are forgotten.
  for (let number = 10; number < 100_010; number++) tracks.remember(place(number, 0n), number + 1_000_000);
  expect(tracks.keptBytes).toBeLessThan(before + 8_000_000);
  expect(told).toEqual([]);
  tracks.remember(place(100_010, 0n), 1);
  tracks.remember(place(100_011, 0n), 100_010);
  tracks.remember(place(1_100_009, 0n), 0);
  expect(told).toEqual([
    [100_010, 100_011, 0n],
    [1_100_009, 100_009, 0n],
  ]);
});
