import { expect, test } from 'vitest';
import { createHeader } from '../../tests/support/trace-header.js';
import { PLACE_NETNS, PLACE_SIZE } from '../abi/layout.js';
import { NameBook } from './name-book.js';

test('NameBook: of names that nobody takes only so many are kept, the newest, and they can be told again', () => {
  const book = new NameBook({ ...createHeader([]), netnsName: (netns) => `name ${netns}` });
  const place = new DataView(new ArrayBuffer(PLACE_SIZE));
  const COUNT = 50_000;
  for (let netns = 1; netns <= COUNT; netns++) {
    place.setUint32(PLACE_NETNS, netns, true);
    book.seePlace(place, 0);
  }
  const take = () => Object.keys((book.take() as { netns?: object } | undefined)?.netns ?? {}).map(Number);
  const names = take();
  expect(names.length).toBe(1 << 14);
  expect(Math.min(...names)).toBe(COUNT - names.length + 1);
  expect(take()).toEqual([]);
  book.repeat();
  expect(take()).toEqual(names);
});
