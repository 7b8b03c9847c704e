/** The timeline in a browser: its packets are reached by keys, and the address says what part of the time is in sight. */
import { expect, test } from 'vitest';
import { useBrowser } from '../support/browser.js';
import type { MadeJourney } from '../support/pages.js';

const { openTrace } = useBrowser();

const JOURNEYS = Array.from({ length: 3 }, (_, index): MadeJourney => {
  const calls = ['ip_rcv', 'nf_hook_slow', 'kfree_skbmem'].map((fn, at) => ({ fn, at: at * 1500 }));
  return { begin: index * 1_000_000, calls, outcome: index === 1 ? 'dropped' : 'consumed' };
});

test('arrows choose packets, and what is chosen is told in words; + and 0 zoom', async () => {
  await using opened = await openTrace({ journeys: JOURNEYS }, { hash: '#view=timeline' });
  const { page } = opened;
  await page.locator('canvas').first().waitFor();
  await page.locator('main [tabindex="0"]').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.getByText(/^Packet 2: .*dropped/).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('complementary', { name: 'packet 2' }).waitFor();
  await page.locator('main [tabindex="0"]').first().focus();
  await page.keyboard.press('+');
  await page.waitForURL((url) => new URLSearchParams(url.hash.slice(1)).has('from'));
  await page.keyboard.press('0');
  await page.waitForURL((url) => !new URLSearchParams(url.hash.slice(1)).has('from'));
  expect(await page.getByRole('complementary').count()).toBe(1);
});
