/** The page in a browser: what people see, click and type. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { useBrowser } from '../support/browser.js';
import { bytes, icmp, ipv4, tcp } from '../support/headers.js';
import { type MadeJourney, makePage } from '../support/pages.js';

const { write, open, openTrace } = useBrowser();

const calls = (...names: string[]) => names.map((fn, index) => ({ fn, at: index * 1500, place: index < 2 ? 2 : 3 }));
const syn = (port: number) => ipv4(6, tcp([40000, port], 2), { from: '10.0.0.1', to: '10.0.0.2' });
const TRACE: readonly MadeJourney[] = [
  {
    begin: 1_000_000,
    outcome: 'delivered',
    calls: calls('ip_rcv', 'nf_hook_slow', 'tcp_v4_rcv'),
    packet: syn(80),
    fate: { stage: 'queued' },
  },
  {
    ...{
      begin: 2_000_000,
      outcome: 'dropped',
      calls: calls('ip_rcv', 'nf_hook_slow', 'kfree_skbmem'),
      packet: syn(22),
    },
    fate: { reason: 8, location: 1n, symbol: 'nf_hook_slow+0xa9/0x110' },
    over: { sender: { ...{ pid: 71, command: 'ssh' }, ...NOTHING_ELSE() } },
  },
  {
    begin: 3_000_000,
    calls: calls('ip_rcv', 'icmp_rcv'),
    packet: ipv4(1, icmp(8, 0, 1, bytes([1]))),
    over: { gap: true, lost: 2 },
  },
];
function NOTHING_ELSE() {
  return { cgroup: undefined, container: undefined, unit: undefined, pod: undefined };
}

describe('the table', () => {
  test('has a row for each packet, in the order that is asked for, by mouse and by keys', async () => {
    await using opened = await openTrace({ journeys: TRACE }, { hash: '#view=table' });
    const { page } = opened;
    const column = (index: number) =>
      page.locator(`.table-row:not(.table-head) > :nth-child(${index})`).allInnerTexts();
    expect(await column(1)).toEqual(['1', '2', '3']);
    expect(await column(5)).toEqual([
      expect.stringContaining('10.0.0.1:40000 > 10.0.0.2:80'),
      expect.stringContaining('10.0.0.1:40000 > 10.0.0.2:22'),
      expect.stringContaining('ICMP echo request'),
    ]);
    await page.getByRole('button', { name: 'outcome', exact: true }).click();
    expect(await column(1)).toEqual(['3', '1', '2']);
    await page
      .getByRole('button', { name: /^outcome/ })
      .first()
      .click();
    expect(await column(1)).toEqual(['2', '1', '3']);
    await page.getByRole('grid', { name: 'packets' }).focus();
    await page.keyboard.press('End');
    expect(await page.getByRole('complementary').getAttribute('aria-label')).toBe('packet 3');
    await page.keyboard.press('ArrowUp');
    expect(await page.getByRole('complementary').getAttribute('aria-label')).toBe('packet 1');
  });

  test('has the columns that are asked for, and the address keeps them', async () => {
    await using opened = await openTrace({ journeys: TRACE }, { hash: '#view=table' });
    const { page, url } = opened;
    const heads = (of: Page) => of.getByRole('columnheader').allInnerTexts();
    await page.getByText('columns', { exact: true }).click();
    await page.getByLabel('destination').check();
    await page.getByLabel('by, for').uncheck();
    const wanted = ['#', 'begin, s ▴', 'took', 'events', 'packet', 'destination', 'outcome', 'first seen in'];
    expect(await heads(page)).toEqual(wanted);
    await using again = await open(url, { hash: new URL(page.url()).hash });
    expect(await heads(again.page)).toEqual(wanted);
    await page.getByRole('button', { name: 'the usual ones' }).click();
    expect(new URL(page.url()).hash).not.toContain('columns');
  });

  test('cuts no number', async () => {
    const late = TRACE.map((journey) => ({ ...journey, begin: journey.begin + 123_456_789_012 }));
    await using opened = await openTrace({ journeys: late }, { hash: '#view=table', width: 700 });
    const cut = await opened.page
      .locator('.table-row > .number')
      .evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length);
    expect(cut).toBe(0);
  });

  test('finds packets by words: address, function, outcome, process, time, and their opposite', async () => {
    await using opened = await openTrace({ journeys: TRACE }, { hash: '#view=table' });
    const { page } = opened;
    const found = async (words: string) => {
      await page.keyboard.press('/');
      await page.keyboard.press('Control+A');
      await page.keyboard.type(words);
      await page.waitForURL((url) => new URLSearchParams(url.hash.slice(1)).get('find') === words);
      await page.keyboard.press('Escape');
      return page.locator('.table-row:not(.table-head) > :first-child').allInnerTexts();
    };
    expect(await found('10.0.0.2:22')).toEqual(['2']);
    expect(await found('fn:tcp_v4')).toEqual(['1']);
    expect(await found('!outcome:dropped ip_rcv')).toEqual(['1', '3']);
    expect(await found('by:ssh reason:reason_8')).toEqual(['2']);
    expect(await found('slower:2us')).toEqual(['1', '2']);
    expect(await found('gap:yes netns:blue')).toEqual([]);
    expect(await page.getByText('No packet fits these words.').isVisible()).toBe(true);
    expect(await found('"no such" (*[')).toEqual([]);
  });
});

test('a packet: why it ended, its events with fields and places, its bytes', async () => {
  await using opened = await openTrace({ journeys: TRACE, field: 'len' }, { hash: '#view=table&packet=2' });
  const panel = opened.page.getByRole('complementary');
  expect(await panel.locator('dd').allInnerTexts()).toEqual([
    'dropped: REASON_8 in nf_hook_slow+0xa9',
    expect.stringMatching(/^0\.002000000 s, at \d\d:\d\d:\d\d\.\d{9}; it took 3\.000 µs$/),
    'ssh[71]',
  ]);
  await panel.getByText('len:').first().waitFor();
  expect(await panel.locator('.event-row').allInnerTexts()).toEqual([
    expect.stringMatching(/\+0 ns\s+4026531840 eth0\s+ip_rcv\s+len: 0/),
    expect.stringMatching(/\+1\.500 µs\s+nf_hook_slow\s+len: 1/),
    expect.stringMatching(/\+3\.000 µs\s+blue veth1\s+kfree_skbmem\s+len: 2/),
  ]);
  await panel.getByText(/^Bytes/).click();
  expect(await panel.locator('pre').innerText()).toMatch(/^0000\s+45 00/);
  await opened.page.keyboard.press('Escape');
  expect(await panel.isVisible()).toBe(false);
});

test('returns: calls within calls, durations, what is lost', async () => {
  const graph: MadeJourney = {
    begin: 0,
    calls: [
      { fn: 'ip_rcv', at: 0, took: 9000 },
      { fn: 'nf_hook_slow', at: 1000, took: 2500, depth: 1 },
      { fn: 'tcp_v4_rcv [tcp_mod]', at: 5000, depth: 1 },
    ],
  };
  await using opened = await openTrace({ journeys: [graph], hasReturns: true }, { hash: '#view=table&packet=1' });
  expect(await opened.page.locator('.event-row .function').allInnerTexts()).toEqual([
    'ip_rcv',
    'nf_hook_slow',
    '↩ nf_hook_slow 2.500 µs',
    'tcp_v4_rcv [tcp_mod] return lost',
    '↩ ip_rcv 9.000 µs',
  ]);
});

test('a link opens the same again, and the browser goes back', async () => {
  await using opened = await openTrace({ journeys: TRACE }, { hash: '#view=table&find=dropped&packet=2&sort=-took' });
  const { page, url } = opened;
  expect(await page.getByRole('searchbox').inputValue()).toBe('dropped');
  expect(await page.locator('[aria-selected=true]').count()).toBe(1);
  await page.keyboard.press('Escape');
  await page.goBack();
  expect(await page.getByRole('complementary').isVisible()).toBe(true);
  await using again = await open(url, { hash: new URL(page.url()).hash });
  expect(await again.page.getByRole('complementary').getAttribute('aria-label')).toBe('packet 2');
});

describe('whatever names there are', () => {
  const EVIL = [
    '</script><script>alert(1)</script>',
    '<!-- <script> --><img src=x onerror=alert(1)>',
    'x'.repeat(10_000),
    '\x1b[2J\u202e\0\ud800',
    '__proto__',
  ];

  test('no script of them runs, and they are shown as they are', async () => {
    const journeys = EVIL.map((name, index): MadeJourney => {
      const process = { pid: index, command: name, ...NOTHING_ELSE(), unit: name };
      return {
        ...{ begin: index * 1000, outcome: 'dropped', calls: calls(name, `${name} [${name.replaceAll(']', '')}]`) },
        fate: { symbol: `${name}+0x1/0x2`, reason: 1 },
        over: { sender: process, receiver: process },
      };
    });
    const places = EVIL.map((device, index) => ({ netns: index + 1, ifindex: 1, device }));
    const made = { journeys, places, namespaces: Object.fromEntries(EVIL.entries()), field: '</script><b>' };
    for (const view of ['table', 'timeline', 'paths', 'compare']) {
      await using opened = await openTrace(made, {
        hash: `#view=${view}&packet=1&other=2&find=${encodeURIComponent('<b>')}`,
      });
      await opened.page.locator('main').waitFor();
      await using other = await openTrace(made, { hash: `#view=${view}&packet=2&other=3` });
      await other.page.locator('main').waitFor();
      expect(await other.page.locator('img, script:not([type=module])').count()).toBe(0);
    }
  });

  test('an address that makes no sense shows what is there', async () => {
    const hash = '#view=nothing&packet=99&other=-1&from=x&until=1e400&group=%00&sort=__proto__&node=[object';
    await using opened = await openTrace({ journeys: TRACE }, { hash });
    expect(await opened.page.locator('main').getAttribute('aria-label')).toBe('timeline');
  });
});

describe('what is not whole', () => {
  test('says so', async () => {
    const page = Buffer.concat([...makePage({ journeys: TRACE })]).toString();
    const cut = page.slice(0, page.indexOf('<script type="application/ipft" data-part="tail">'));
    await using opened = await open(write([cut]), { hash: '#view=table' });
    expect(await opened.page.getByRole('alert').innerText()).toContain('cut short');
    expect(await opened.page.locator('.table-row').count()).toBe(4);
    const damaged = page.replace(/(data-part="journeys">.{100})./, '$1*');
    await using other = await open(write([damaged]));
    expect(await other.page.getByRole('alert').innerText()).toContain('damaged');
    await using none = await open(write([page.slice(0, page.indexOf('data-part="head"'))]));
    expect(await none.page.locator('.notice').innerText()).toContain('there is no trace in it');
  });

  test('without packets there is nothing to draw, and the page says so', async () => {
    for (const view of ['table', 'timeline', 'paths', 'compare']) {
      await using opened = await openTrace({ journeys: [] }, { hash: `#view=${view}` });
      expect(await opened.page.locator('main').innerText()).toMatch(/no packet/i);
    }
  });
});

describe('on any screen', () => {
  test('what stands above the packets takes a third of a small one at most', async () => {
    for (const view of ['table', 'timeline']) {
      await using opened = await openTrace({ journeys: TRACE }, { hash: `#view=${view}`, width: 360, height: 640 });
      const box = await opened.page.locator('.timeline-box, .rows').boundingBox();
      expect(box?.y).toBeLessThanOrEqual(640 / 3);
    }
  });

  test('a narrow window has the packet below, and nothing beside it', async () => {
    for (const view of ['table', 'timeline', 'paths', 'compare']) {
      const options = { hash: `#view=${view}&packet=2&other=1`, width: 360, height: 640 };
      await using opened = await openTrace({ journeys: TRACE }, options);
      expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    }
  });

  test('dark is dark', async () => {
    await using opened = await openTrace({ journeys: TRACE }, { colorScheme: 'dark' });
    const back = await opened.page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(back).toBe('rgb(21, 24, 28)');
  });
});

test('a million events', async () => {
  const names = Array.from({ length: 60 }, (_, index) => `function_${index}`);
  function* many(): Iterable<MadeJourney> {
    const all = calls(...names);
    for (let index = 0; index < 16_667; index++) yield { begin: index * 90_000, calls: all };
  }
  await using opened = await openTrace({ journeys: many() }, { hash: '#view=table&sort=-number' });
  expect(await opened.page.getByRole('status').innerText()).toBe('16,667 packets, 1,000,020 events');
  expect(await opened.page.locator('.table-row:nth-child(1) > :first-child').last().innerText()).toBe('16667');
  await opened.page.getByRole('grid', { name: 'packets' }).focus();
  await opened.page.keyboard.press('End');
  expect(await opened.page.getByRole('complementary').getAttribute('aria-label')).toBe('packet 1');
});
