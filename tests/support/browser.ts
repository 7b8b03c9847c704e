/** A browser that opens pages as a person's does, and tells all that goes wrong in them. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { type MadeTrace, makePage } from './pages.js';

export interface OpenOptions {
  /** The address behind `#`. */
  readonly hash?: string;
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'dark' | 'light';
  readonly touch?: boolean;
  /** Whether the page has a server of its own, which may refuse what is asked of it, and end. */
  readonly isLive?: boolean;
}

/** A page that is open; closing it requires that nothing went wrong. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  readonly url: string;
}

/** Starts a browser for the tests of a file. */
export function useBrowser() {
  const directory = mkdtempSync(join(tmpdir(), 'ipft-browser-'));
  let browser: Browser;
  let files = 0;
  beforeAll(async () => {
    // As root there is no sandbox.
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true });
  });

  /** Writes a page, and returns its address. */
  function write(pieces: Iterable<Uint8Array | string>): string {
    const path = join(directory, `${++files}.html`);
    const file = openSync(path, 'w');
    for (const piece of pieces) writeSync(file, typeof piece === 'string' ? Buffer.from(piece) : piece);
    closeSync(file);
    return pathToFileURL(path).href;
  }

  async function open(url: string, options: OpenOptions = {}): Promise<OpenPage> {
    const { hash = '', width = 1200, height = 800, colorScheme = 'light', touch: hasTouch = false } = options;
    const { isLive = false } = options;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, hasTouch });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('console', (message) => {
      const isRefusal = message.text().startsWith('Failed to load resource');
      if (message.type() !== 'log' && !(isLive && isRefusal)) wrong.push(message.text());
    });
    page.on('request', (request) => {
      const isOwn = /^(file|data):/.test(request.url()) || (isLive && request.url().startsWith(url));
      if (!isOwn) wrong.push(`a request to ${request.url()}`);
    });
    page.on('dialog', (dialog) => void wrong.push(`a dialog: ${dialog.message()}`));
    await page.goto(`${url}${hash}`);
    await page.waitForSelector('.app, #page > .notice:not(:has-text("Reading"))');
    return {
      ...{ page, url },
      async [Symbol.asyncDispose]() {
        await context.close();
        expect(wrong).toEqual([]);
      },
    };
  }

  return {
    write,
    open,
    /** Windows of their own, for pages that are served. */
    context: () => browser.newContext({ viewport: { width: 1200, height: 800 } }),
    /** Opens the page of a made-up trace. */
    openTrace: (made: MadeTrace, options?: OpenOptions) => open(write(makePage(made)), options),
  };
}
