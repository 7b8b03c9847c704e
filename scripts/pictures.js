/**
 * The pictures of the page in docs/images/: `npm run docs -- pictures` opens the page of a recording in Chromium and writes
 * them, each with what a screen reader is told beside it. tests/browser/pictures.test.ts compares both with the page.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { decodePng, encodePng } from './pictures/png.js';
import { BROWSER_PACKAGES, ensurePackages } from './setup/packages.js';
import { root } from './setup.js';

export const PICTURES_DIRECTORY = 'docs/images';
/** The recording whose page is shown. */
export const PICTURED = 'examples/recordings/gateway.ipft';

/**
 * What is shown: the page's address behind `#`, the height of the window, and what is there when all has been read.
 * @type {Readonly<Record<string, { hash: string, height: number, until: string }>>}
 */
export const PICTURES = {
  timeline: { hash: '#scale=own&from=0&until=25000000', height: 560, until: '.timeline canvas' },
  paths: { hash: '#view=paths&find=outcome:dropped', height: 560, until: '.box' },
  compare: { hash: '#view=compare&packet=10&other=7', height: 560, until: '.compare' },
  packet: { hash: '#packet=7&scale=own&from=0&until=8000000', height: 560, until: '.packet-view summary' },
};
const WIDTH = 1000;
/** The page has some thirty colours, and what is between them where letters end. */
const COLOURS = 128;
const MAX_LINES = 56;

/**
 * Opens the page of `PICTURED` once for each picture.
 * @param {import('playwright-core').Browser} browser
 * @param {(name: string, shown: { screenshot: Buffer, words: string }) => Promise<void> | void} take
 */
export async function takePictures(browser, take) {
  const work = mkdtempSync(join(tmpdir(), 'ipft-pictures-'));
  try {
    const file = join(work, 'page.html');
    const show = [join(root, 'bin/ipft.js'), 'show', join(root, PICTURED), '-o', 'html'];
    writeFileSync(
      file,
      execFileSync(process.execPath, show, { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 }),
    );
    for (const [name, { hash, height, until }] of Object.entries(PICTURES)) {
      // Times of day are those of a time zone.
      const look = /** @type {const} */ ({ colorScheme: 'light', timezoneId: 'UTC', reducedMotion: 'reduce' });
      const context = await browser.newContext({ viewport: { width: WIDTH, height }, ...look });
      const page = await context.newPage();
      await page.goto(`${pathToFileURL(file).href}${hash}`);
      await page.waitForSelector(until);
      // The timeline draws in the next frame.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      await take(name, { screenshot: await page.screenshot(), words: await readWords(page) });
      await context.close();
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a screen reader is told first: how many rows of a list there are is a matter of fonts. @param {import('playwright-core').Page} page */
async function readWords(page) {
  const lines = (await page.locator('body').ariaSnapshot()).split('\n');
  return `${lines.slice(0, MAX_LINES).join('\n')}\n`;
}

/** Writes the pictures of the docs, and their words. @param {(path: string) => void} note called with each file */
export async function renderPictures(note) {
  ensurePackages(BROWSER_PACKAGES);
  mkdirSync(join(root, PICTURES_DIRECTORY), { recursive: true });
  // As root there is no sandbox.
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    await takePictures(browser, (name, { screenshot, words }) => {
      for (const [ending, content] of /** @type {const} */ ([
        ['png', encodePng(decodePng(screenshot), COLOURS)],
        ['words.txt', words],
      ])) {
        const path = join(PICTURES_DIRECTORY, `${name}.${ending}`);
        writeFileSync(join(root, path), content);
        note(path);
      }
    });
  } finally {
    await browser.close();
  }
}
