/** `ipft ui` in a browser: a recording that is shown live, and pages of other origins that try to reach it. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBrowser } from '../support/browser.js';
import { RunningUi } from '../support/ui-server.js';

const RECORDING = fileURLToPath(new URL('../recordings/v1/function.ipft', import.meta.url));
/** A page that tries what pages can. */
const ELSEWHERE = new URL('elsewhere.html', import.meta.url);
const OTHER = fileURLToPath(new URL('../recordings/v1/graph.ipft', import.meta.url));

const { context } = useBrowser();

let ui: RunningUi;
beforeAll(async () => {
  ui = await RunningUi.start(RECORDING);
});
afterAll(async () => {
  await ui?.[Symbol.asyncDispose]();
});

test('a recording is drawn, another one is opened from the page, and when the server has gone the page says so', async () => {
  const own = await RunningUi.start(RECORDING);
  const pages = await context();
  const page = await pages.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() !== 'log' && !isRefusal) wrong.push(message.text());
  });
  await page.goto(`${own.address}#view=table`);
  const rows = page.locator('.table-row:not(.table-head)');
  await expect.poll(() => rows.count()).toBe((await own.status()).journeys);
  await page.locator('input[type=file]').setInputFiles(OTHER);
  await own.untilStatus(({ title, state }) => title === 'graph.ipft' && state === 'ended', 'the other recording');
  await expect.poll(() => rows.count()).toBe((await own.status()).journeys);
  expect(wrong).toEqual([]);
  await own[Symbol.asyncDispose]();
  await expect.poll(() => page.getByText(/does not answer|has ended|has gone|no longer/i).count()).toBeGreaterThan(0);
  expect(await rows.count()).toBeGreaterThan(0);
  await pages.close();
});

describe('a page of another origin', () => {
  let elsewhere: Server;
  let origin: string;
  beforeAll(async () => {
    elsewhere = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end(readFileSync(ELSEWHERE)),
    );
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  });
  afterAll(() => elsewhere?.close());

  /** What it can find out of an address, by whatever a page has. */
  async function attack(address: string) {
    const pages = await context();
    const page = await pages.newPage();
    await page.goto(origin);
    const found = await page.evaluate<string[]>(`attack(${JSON.stringify(address)})`);
    // Nor is it shown within another page, where clicks could be had for it.
    for (const frame of page.frames()) {
      // A frame that got nothing may go again.
      const content = await frame.content().catch(() => '');
      expect(content).not.toContain('data-part="live"');
    }
    // A form goes to where it is sent, and the answer is shown.
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const form = await pages.newPage();
      await form.goto(origin);
      const [answer] = await Promise.all([
        form.waitForResponse((response) => response.url().includes('/start')),
        form.evaluate(`sendForm(${JSON.stringify(address)}, ${JSON.stringify(enctype)})`),
      ]);
      expect([403, 404]).toContain(answer.status());
    }
    await pages.close();
    return found;
  }

  test('reads nothing and starts nothing, without the token and even with it', async () => {
    const before = await ui.untilStatus(({ state }) => state === 'ended', 'the recording');
    expect(await attack(`http://127.0.0.1:${ui.port}/`)).toEqual([]);
    expect(await attack(ui.address)).toEqual([]);
    // The same machine by another name is another origin.
    expect(await attack(ui.address.replace('127.0.0.1', 'localhost'))).toEqual([]);
    expect(await ui.status()).toEqual(before);
  });
});
