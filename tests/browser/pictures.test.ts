/** The pictures of docs/looking.md show the page as it is: they are taken again, and compared. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodePng, type Picture } from '../../scripts/pictures/png.js';
import { PICTURES, PICTURES_DIRECTORY, takePictures } from '../../scripts/pictures.js';
import { root } from '../../scripts/setup.js';

/** A picture in the docs takes no more bytes. */
const MAX_BYTES = 60_000;
/** Fonts differ from machine to machine, and with them where words stand: what a square looks like on the whole does not. */
const SQUARE = 20;
/** So much may the mean of a colour be another, of 255. */
const MAX_DIFFERENCE = 24;
/** So many squares may be others. */
const MAX_SHARE = 0.06;

const RENEW = 'npm run docs -- pictures makes them anew';
const names = Object.keys(PICTURES);
const taken = new Map<string, { readonly screenshot: Buffer; readonly words: string }>();

beforeAll(async () => {
  // As root there is no sandbox.
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    await takePictures(browser, (name, shown) => void taken.set(name, shown));
  } finally {
    await browser.close();
  }
});

describe.each(names)('the picture of %s', (name) => {
  const file = (ending: string) => readFileSync(join(root, PICTURES_DIRECTORY, `${name}.${ending}`));

  test('has the words of the page', () => {
    expect(taken.get(name)?.words, RENEW).toBe(file('words.txt').toString());
  });

  test('looks as the page does, and is small', () => {
    expect(file('png').length).toBeLessThan(MAX_BYTES);
    const [kept, now] = [decodePng(file('png')), decodePng(taken.get(name)!.screenshot)];
    expect([kept.width, kept.height]).toEqual([now.width, now.height]);
    expect(shareOfOthers(kept, now), RENEW).toBeLessThan(MAX_SHARE);
  });

  test('stands in the docs, with a text that says what it shows', () => {
    const text = readFileSync(join(root, 'docs/looking.md'), 'utf8');
    expect(text).toMatch(new RegExp(`!\\[[^\\]]{40,}\\]\\(images/${name}\\.png\\)`));
  });
});

test('a page that looks otherwise is noticed', async () => {
  const [one, other] = names.map((name) => decodePng(taken.get(name)!.screenshot)) as [Picture, Picture];
  expect(shareOfOthers(one, other)).toBeGreaterThan(3 * MAX_SHARE);
  expect(shareOfOthers(one, { ...one, pixels: one.pixels.map((value) => 255 - value) })).toBeGreaterThan(0.9);
});

/** The share of squares whose mean colour is another, in what both pictures have. */
function shareOfOthers(one: Picture, other: Picture): number {
  const [columns, lines] = [one.width, Math.min(one.height, other.height)].map((size) => Math.floor(size / SQUARE));
  let others = 0;
  for (let line = 0; line < lines!; line++) {
    for (let column = 0; column < columns!; column++) {
      const [a, b] = [one, other].map((picture) => meansOf(picture, column * SQUARE, line * SQUARE));
      if (a!.some((mean, channel) => Math.abs(mean - b![channel]!) > MAX_DIFFERENCE)) others++;
    }
  }
  return others / (columns! * lines!);
}

function meansOf({ width, pixels }: Picture, left: number, top: number): number[] {
  const sums = [0, 0, 0];
  for (let y = top; y < top + SQUARE; y++)
    for (let x = left; x < left + SQUARE; x++)
      for (let channel = 0; channel < 3; channel++) sums[channel]! += pixels[(y * width + x) * 3 + channel]!;
  return sums.map((sum) => sum / SQUARE ** 2);
}
