/** The paths and comparisons of a page in a browser. */
import { describe, expect, test } from 'vitest';
import { useBrowser } from '../support/browser.js';
import type { MadeJourney } from '../support/pages.js';

const { openTrace } = useBrowser();

const IN = ['ip_rcv', 'ip_rcv_core', 'ip_local_deliver', 'nf_hook_slow', 'tcp_v4_rcv', 'tcp_filter'];
const calls = (names: readonly string[], stepNs = 1000) => names.map((fn, index) => ({ fn, at: index * stepNs }));
/** 20 packets: 17 are delivered, 2 more with a detour, one is dropped. */
const JOURNEYS: readonly MadeJourney[] = Array.from({ length: 20 }, (_, index): MadeJourney => {
  const begin = index * 100_000;
  if (index === 7) {
    const names = [...IN.slice(0, 4), 'nf_drop', 'kfree_skb'];
    return { begin, outcome: 'dropped', calls: calls(names, 9000), fate: { reason: 8 } };
  }
  const names = index < 2 ? [...IN.slice(0, 2), 'ip_options', ...IN.slice(2)] : IN;
  return { begin, outcome: 'delivered', calls: calls(names), fate: { stage: 'queued' } };
});
const paths = { hash: '#view=paths' };

describe('the paths', () => {
  test('say what most packets do, and draw where others part', async () => {
    await using opened = await openTrace({ journeys: JOURNEYS }, paths);
    const { page } = opened;
    await expect
      .poll(() => page.locator('.paths-summary').innerText())
      .toContain('20 packets take 3 paths; 17 of them');
    const boxes = await page.locator('.box').allInnerTexts();
    const find = (text: string) => boxes.find((box) => box.includes(text));
    expect(find('ip_rcv')).toContain('20 packets');
    expect(find('ip_rcv')).toContain('some differ');
    expect(find('dropped')).toContain('1 packet');
    expect(find('delivered')).toContain('19 packets');
  });

  test('a box chooses its packets, by mouse and by keys, and the address says so', async () => {
    await using opened = await openTrace({ journeys: JOURNEYS }, paths);
    const { page } = opened;
    await page.locator('.box', { hasText: 'dropped' }).click();
    await expect.poll(() => page.url()).toContain('node=3');
    expect(await page.locator('.chosen').innerText()).toContain('1 packet on path 3');
    expect(await page.locator('.path-row[aria-selected="true"]').count()).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('.chosen').count()).toBe(0);
    await page.locator('.box-head').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.chosen').innerText()).toContain('1 packet');
    await page.getByRole('button', { name: 'only these' }).click();
    await expect.poll(() => page.getByRole('status').first().innerText()).toContain('1 of 20 packets');
  });

  test('small differences are drawn when they are asked for', async () => {
    await using opened = await openTrace({ journeys: JOURNEYS }, paths);
    const { page } = opened;
    const before = await page.locator('.box').count();
    await page.getByLabel('show small differences').check();
    await expect.poll(() => page.locator('.box').count()).toBeGreaterThan(before);
    expect(await page.locator('.box', { hasText: 'ip_options' }).innerText()).toContain('2 packets');
  });

  test('of 10,000 paths the rare ones are told in words, and drawn when they are chosen', async () => {
    const journeys = Array.from({ length: 10_000 }, (_, index): MadeJourney => {
      const letters = [...String(index)].map((digit, place) => `f${place}_${digit}`);
      return { begin: index * 1000, outcome: 'delivered', calls: calls(index < 40 ? IN : [...IN, ...letters]) };
    });
    await using opened = await openTrace({ journeys }, paths);
    const { page } = opened;
    await expect.poll(() => page.locator('.paths-head').innerText()).toContain('9,949 other paths of 1 packet each');
    const rows = page.locator('.paths-side .rows');
    await rows.focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.chosen').innerText()).toContain('path 9961');
    await expect.poll(() => page.locator('.box.is-chosen').count()).toBeGreaterThan(0);
  });
});

describe('a comparison', () => {
  test('begins with a packet that was dropped, and says where it parts from others', async () => {
    await using opened = await openTrace({ journeys: JOURNEYS }, { hash: '#view=compare' });
    const { page } = opened;
    const text = () => page.locator('.compare-summary').innerText();
    await expect.poll(text).toContain('4 functions of 6 and 6 are the same.');
    expect(await text()).toContain('They part after nf_hook_slow: left passes 2 functions from tcp_v4_rcv, right');
    expect(await text()).toContain('The right one took');
    const ended = page.getByRole('row', { name: /^ended/ });
    expect(await ended.innerText()).toMatch(/delivered[\s\S]*dropped/);
    expect(await page.locator('.only-right').allInnerTexts()).toEqual([
      expect.stringContaining('nf_drop'),
      expect.stringContaining('kfree_skb'),
    ]);
  });

  test('packets are chosen by number, and a wrong number is told', async () => {
    await using opened = await openTrace({ journeys: JOURNEYS }, { hash: '#view=compare&packet=3&other=4' });
    const { page } = opened;
    await expect.poll(() => page.locator('.compare-summary').innerText()).toContain('Both pass the same 6 functions.');
    await page.getByLabel('right: packet').fill('1');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain('other=1');
    await expect.poll(() => page.locator('.only-right').innerText()).toContain('ip_options');
    await page.getByLabel('right: packet').fill('99');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('no packet with this number');
    await page.getByRole('button', { name: 'swap left and right' }).click();
    await expect.poll(() => page.locator('.only-left').innerText()).toContain('ip_options');
  });

  test('fields that differ are marked', async () => {
    // The field counts the calls: it differs behind a function that one packet passes alone.
    const late: MadeJourney = { begin: 0, calls: calls([...IN.slice(0, 5), 'tcp_checksum', ...IN.slice(5)]) };
    const hash = '#view=compare&packet=1&other=2';
    await using opened = await openTrace({ journeys: [{ begin: 0, calls: calls(IN) }, late], field: 'mark' }, { hash });
    await expect.poll(() => opened.page.locator('.compare .rows').innerText()).toContain('mark: 5 ≠ 6');
    await using other = await openTrace(
      { journeys: JOURNEYS.slice(0, 3), field: 'mark' },
      { hash: hash.replace('2', '3') },
    );
    await expect.poll(() => other.page.locator('.compare').innerText()).toContain('not marked: mark');
  });

  test('one packet, and none', async () => {
    await using one = await openTrace({ journeys: JOURNEYS.slice(0, 1) }, { hash: '#view=compare' });
    expect(await one.page.locator('.compare').innerText()).toContain('no second packet');
    for (const view of ['compare', 'paths']) {
      await using none = await openTrace({ journeys: [] }, { hash: `#view=${view}` });
      expect(await none.page.locator('main').innerText()).toContain('no packet in this trace');
    }
  });
});
