/** The page of `ipft ui` in a browser, with its real server. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { HEAD } from '../../ui/src/trace/testing.js';
import { type OpenOptions, useBrowser } from '../support/browser.js';
import { type LivePageOptions, startLivePage } from '../support/live-page.js';

const { open } = useBrowser();

const TABLE = '#view=table';
const RECORDING = fileURLToPath(new URL('../recordings/v1/function.ipft', import.meta.url));

async function start(options: LivePageOptions & OpenOptions = {}) {
  const live = await startLivePage(options);
  const opened = await open(live.address, { hash: TABLE, ...options, isLive: true });
  const { page } = opened;
  return {
    ...{ live, page },
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await live[Symbol.asyncDispose]();
    },
  };
}

const numbers = (page: Page) => page.locator('.table-row:not(.table-head) > :first-child').allInnerTexts();
const journeys = (...all: number[]) => ({
  journeys: all.map((number) => ({ number, begin: number * 1000, count: 2 })),
});
const state = (page: Page) => page.locator('.live-state').innerText();

describe('what shall be traced', () => {
  test('an expression is looked at while it is typed, and its error is marked at its place', async () => {
    await using started = await start();
    const { page, live } = started;
    const field = page.getByLabel('packets', { exact: true });
    await field.fill('host 10.0.0.5 and nonsense and tcp');
    await expect.poll(() => page.locator('mark').allInnerTexts()).toEqual(['nonsense']);
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('#expression-problem').innerText()).toContain('nonsense');
    // The mark lies below its word.
    const [mark, box] = await Promise.all([page.locator('mark').boundingBox(), field.boundingBox()]);
    expect(mark!.y).toBeGreaterThanOrEqual(box!.y);
    expect(mark!.y + mark!.height).toBeLessThanOrEqual(box!.y + box!.height);
    await field.fill('host 10.0.0.5 and');
    await expect.poll(() => page.locator('mark').allInnerTexts()).toEqual([' ']);
    await field.fill('host 10.0.0.5 and tcp');
    await expect.poll(() => field.getAttribute('aria-invalid')).toBe('false');
    expect(await page.locator('mark').count()).toBe(0);
    expect(live.asked).toEqual([]);
  });

  test('the fields begin with the words of the command line, and become words', async () => {
    await using started = await start({ words: ['-r', '^ip_', '--dev', 'my eth', 'tcp', 'port', '80'] });
    const { page, live } = started;
    const value = (label: string) => page.getByLabel(label).inputValue();
    expect(await page.getByLabel('packets', { exact: true }).inputValue()).toBe('tcp port 80');
    expect([await value('functions'), await value('more options')]).toEqual(['^ip_', `--dev 'my eth'`]);
    await page.getByLabel('bytes of each packet').fill('96');
    await page.keyboard.press('Enter');
    await expect.poll(() => live.asked).toEqual([['--dev', 'my eth', '-r', '^ip_', '--snaplen', '96', 'tcp port 80']]);
    await expect.poll(() => state(page)).toBe('tracing');
    expect(await page.getByRole('button', { name: 'start' }).isVisible()).toBe(false);
  });

  test('what is wrong with it is said, and nothing begins', async () => {
    await using started = await start();
    const { page, live } = started;
    live.problem = { message: 'there is no device eth9', hint: 'ip link shows them' };
    await page.getByLabel('more options').fill('--dev eth9');
    await page.getByRole('button', { name: 'start' }).click();
    await expect.poll(() => page.getByRole('alert').innerText()).toBe('there is no device eth9 ip link shows them');
    expect(await state(page)).toBe('nothing is traced');
    expect(await page.getByLabel('more options').inputValue()).toBe('--dev eth9');
  });

  test('without root recordings can be opened, and nothing else', async () => {
    await using started = await start({ canTrace: false });
    const { page } = started;
    await expect.poll(() => state(page)).toBe('no recording is open');
    expect(await page.getByRole('button', { name: 'trace …' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'start' }).count()).toBe(0);
  });
});

describe('a trace that runs', () => {
  test('packets come into the table as they end', async () => {
    await using started = await start();
    const { page, live } = started;
    live.begin();
    await expect.poll(() => page.locator('main').innerText()).toContain('No packet has been seen yet');
    await live.add({ ...journeys(1, 2), functions: ['ip_rcv'] });
    await expect.poll(() => numbers(page)).toEqual(['1', '2']);
    await live.add({ ...journeys(3), functions: ['tcp_v4_rcv'], fn: 1 });
    live.count({ journeys: 1234, events: 5678 });
    await expect.poll(() => numbers(page)).toEqual(['1', '2', '3']);
    await expect.poll(() => page.locator('.live-counts').innerText()).toBe('1,234 packets, 5,678 events traced');
    await page.keyboard.press('/');
    await page.keyboard.type('fn:tcp_v4_rcv');
    await expect.poll(() => numbers(page)).toEqual(['3']);
    await live.add({ ...journeys(4), fn: 1 });
    await expect.poll(() => numbers(page)).toEqual(['3', '4']);
    await page.getByRole('button', { name: 'stop' }).click();
    await expect.poll(() => live.asked).toEqual(['stop']);
    live.enter('ended');
    await expect.poll(() => state(page)).toBe('the trace has ended');
    expect(await numbers(page)).toEqual(['3', '4']);
  });

  test('the last packet stays in sight, unless one looks at others', async () => {
    await using started = await start();
    const { page, live } = started;
    const upTo = (first: number, last: number) =>
      journeys(...Array.from({ length: last - first + 1 }, (_, index) => first + index));
    live.begin();
    await live.add({ ...upTo(1, 100), functions: ['a'] });
    await expect.poll(async () => (await numbers(page)).at(-1)).toBe('100');
    await live.add(upTo(101, 200));
    await expect.poll(async () => (await numbers(page)).at(-1)).toBe('200');
    await page.locator('.rows').evaluate((rows) => rows.scrollTo(0, 0));
    await expect.poll(async () => (await numbers(page))[0]).toBe('1');
    await live.add(upTo(201, 300));
    await expect.poll(() => page.locator('.facts [role=status]').innerText()).toContain('300 packets');
    expect((await numbers(page))[0]).toBe('1');
  });

  test('the picture pauses, by a key, too, and then shows what has come', async () => {
    await using started = await start();
    const { page, live } = started;
    live.begin();
    await live.add({ ...journeys(1), functions: ['a'] });
    await expect.poll(() => numbers(page)).toEqual(['1']);
    await page.keyboard.press('p');
    await expect.poll(() => state(page)).toBe('tracing, paused');
    await live.add(journeys(2));
    live.count({ journeys: 2, events: 4 });
    await expect.poll(() => page.locator('.live-counts').innerText()).toContain('2 packets');
    expect(await numbers(page)).toEqual(['1']);
    await page.getByRole('button', { name: 'go on' }).click();
    await expect.poll(() => numbers(page)).toEqual(['1', '2']);
  });

  test('all views show it, and the packet that is looked at stays', async () => {
    await using started = await start();
    const { page, live } = started;
    live.begin();
    await live.add({ ...journeys(1, 2), functions: ['a', 'b'] });
    await expect.poll(() => numbers(page)).toEqual(['1', '2']);
    await page.locator('.table-row', { hasText: '0x2' }).click();
    let next = 3;
    for (const [key, view] of [
      ['1', 'timeline'],
      ['2', 'paths'],
      ['3', 'table'],
    ]) {
      await page.keyboard.press(key!);
      expect(await page.locator('main').getAttribute('aria-label')).toBe(view);
      await live.add({ ...journeys(next++), fn: 1 });
      await expect.poll(() => page.locator('.facts [role=status]').innerText()).toContain(`${next - 1} packets`);
      expect(await page.getByRole('complementary').getAttribute('aria-label')).toBe('packet 2');
      expect(await page.getByRole('complementary').locator('dd').last().innerText()).toBe('of 2');
    }
  });

  test('another trace takes its place', async () => {
    await using started = await start({ hash: `${TABLE}&packet=2` });
    const { page, live } = started;
    live.begin([], 'the first');
    await live.add({ ...journeys(1, 2), functions: ['a'] });
    // What the address names is there when it comes.
    await expect.poll(() => page.getByRole('complementary').count()).toBe(1);
    expect(await page.title()).toBe('ipft: the first');
    live.begin(['udp'], 'the second');
    await live.add({ ...journeys(2), functions: ['b'] });
    await expect.poll(() => page.title()).toBe('ipft: the second');
    await expect.poll(() => numbers(page)).toEqual(['2']);
    expect(await page.getByRole('complementary').count()).toBe(0);
    expect(new URL(page.url()).hash).toBe(TABLE);
  });

  test('what is lost, counted only, or forgotten, is told in words', async () => {
    await using started = await start();
    const { page, live } = started;
    // The server forgets when it has 64 MiB.
    const sent = [
      { part: 0, ...HEAD },
      { part: 2, kind: 'forgotten', journeys: 3, events: 6 },
    ];
    await page.route('**/parts?*from=0', (route) =>
      route.fulfill({ body: sent.map((part) => `${JSON.stringify(part)}\n`).join('') }),
    );
    live.begin();
    await live.add({ ...journeys(1, 2, 3), functions: ['a'] });
    live.count({
      ...{ journeys: 10, events: 100, lost: 1, missed: 2 },
      summed: { journeys: 7, events: 90, outcomes: { delivered: 6, dropped: 1 } },
    });
    live.warn('a module was not looked at');
    const told = page.locator('.live-missing');
    for (const text of [
      'The oldest 3 packets with 6 events are no longer kept.',
      '1 event could not be read',
      '2 calls could not be seen',
      '7 packets with 90 events were only counted: 6 delivered, 1 dropped.',
      'a module was not looked at',
    ])
      await expect.poll(() => told.innerText()).toContain(text);
  });

  test('whatever names there are, no script of them runs', async () => {
    const evil = '</script><img src=x onerror=alert(1)><script>alert(1)</script>';
    await using started = await start({ words: [evil] });
    const { page, live } = started;
    live.begin([evil, '--dev', evil], evil);
    await live.add({
      journeys: [{ number: 1, begin: 0, count: 1, over: { text: evil, end_text: evil, outcome: evil } }],
      functions: [evil],
    });
    live.warn(evil);
    live.enter('ended', { message: evil, hint: evil });
    await expect.poll(() => page.getByRole('alert').innerText()).toContain(evil);
    await expect.poll(() => numbers(page)).toEqual(['1']);
    expect(await page.title()).toContain('onerror');
    for (const view of ['1', '2', '3', '4']) await page.keyboard.press(view);
    expect(await page.locator('img, body script:not([type])').count()).toBe(0);
  });
});

test('when the server is gone, the page says so, and keeps what it has', async () => {
  await using started = await start();
  const { page, live } = started;
  live.begin();
  await live.add({ ...journeys(1, 2), functions: ['a'] });
  await expect.poll(() => numbers(page)).toEqual(['1', '2']);
  await live.end();
  await expect.poll(() => page.getByRole('alert').innerText()).toContain('What is here stays');
  expect(await numbers(page)).toEqual(['1', '2']);
  await page.locator('.table-row', { hasText: '0x1' }).click();
  await expect.poll(() => page.getByRole('complementary').locator('dd').last().innerText()).toBe('of 1');
  expect(await page.getByRole('button', { name: 'open …' }).isDisabled()).toBe(true);
});

test('when it answers again, it goes on', async () => {
  await using started = await start();
  const { page, live } = started;
  live.begin();
  await live.add({ ...journeys(1), functions: ['a'] });
  await expect.poll(() => numbers(page)).toEqual(['1']);
  for (const asked of ['**/status?*', '**/status', '**/parts?*']) await page.route(asked, (route) => route.abort());
  await live.add(journeys(2));
  await expect.poll(() => state(page)).toBe('ipft does not answer');
  await page.unrouteAll();
  await expect.poll(() => state(page)).toBe('tracing');
  await expect.poll(() => numbers(page)).toEqual(['1', '2']);
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
});

describe('recordings', () => {
  test('one that is picked is shown', async () => {
    await using started = await start();
    const { page } = started;
    await expect.poll(() => state(page)).toBe('nothing is traced');
    const picked = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'open …' }).focus();
    await page.keyboard.press('Enter');
    await (await picked).setFiles(RECORDING);
    await expect.poll(() => state(page)).toBe('the trace has ended');
    await expect.poll(() => numbers(page)).toContain('1');
    expect(await page.title()).toContain('function.ipft');
    await expect.poll(() => page.locator('.live-title').innerText()).toBe('function.ipft');
  });

  test('one that is dropped is shown, and what is none is told', async () => {
    await using started = await start({ canTrace: false });
    const { page } = started;
    await drop(page, 'none.ipft', Buffer.from('no recording at all'));
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('none.ipft');
    await drop(page, 'dropped.ipft', readFileSync(RECORDING));
    await expect.poll(() => page.title()).toBe('ipft: dropped.ipft');
    await expect.poll(() => numbers(page)).toContain('1');
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

/** Drops a file onto the page, as a file manager does. */
async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(`{
    const made = new DataTransfer();
    const bytes = Uint8Array.from(atob('${bytes.toString('base64')}'), (letter) => letter.charCodeAt(0));
    made.items.add(new File([bytes], '${name}'));
    made;
  }`);
  await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer });
  expect(await page.locator('.live-drop').innerText()).toContain('Drop a recording');
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  expect(await page.locator('.live-drop').count()).toBe(0);
}

test('on a narrow window there is room for packets', async () => {
  await using started = await start({ width: 360, height: 640 });
  const { page, live } = started;
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  const form = page.locator('#live-form');
  const top = async () => (await page.locator('.rows').boundingBox())?.y;
  await expect.poll(() => form.isVisible()).toBe(true);
  live.begin();
  await live.add({ ...journeys(1, 2), functions: ['a'] });
  await expect.poll(() => numbers(page)).toEqual(['1', '2']);
  // The form goes by itself when a trace runs: the key would bring it back.
  await expect.poll(() => form.isVisible()).toBe(false);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  expect(await top()).toBeLessThanOrEqual(640 / 3);
  await page.keyboard.press('t');
  await expect.poll(() => form.isVisible()).toBe(true);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  expect(await top()).toBeLessThanOrEqual((640 * 2) / 3);
});
