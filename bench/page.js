/**
 * The page of `-o html` in a browser, of recordings whose delays differ as those of real packets do. It is measured on this
 * machine, not in a guest: what it takes is told beside what is wanted of it.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { median, row } from './rows.js';

const IPFT = fileURLToPath(new URL('../bin/ipft.js', import.meta.url));
const IN_PAGE = fileURLToPath(new URL('in-page.js', import.meta.url));
const USER_SIDE = fileURLToPath(new URL('user-side.js', import.meta.url));
/** What is wanted of each number of events: the page's bytes, milliseconds until it is drawn, bytes that it holds. */
const WANTED = [
  { events: 1_000_000, name: '10⁶', bytes: 4e6, readyMs: 500, heapBytes: 150e6 },
  { events: 10_000_000, name: '10⁷', bytes: 40e6, readyMs: 4000, heapBytes: 1500e6 },
];
const SHOW_S = 3;
const FRAME_MS = 8;
const FRAMES = 120;
const WAIT_MS = 120_000;

/**
 * @param {{ runs: number, work: string, note: (text: string) => void }} context
 * @returns {Promise<import('./rows.js').Row[]>}
 */
export async function page({ runs, work, note }) {
  // As root there is no sandbox.
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const about = {
      kernel: '',
      browser: `Chromium ${browser.version().split('.')[0]}`,
      against: 'wanted',
      goal: '≤ 1',
    };
    const rows = [];
    for (const { events, name, bytes, readyMs, heapBytes } of WANTED) {
      const [recording, file] = [join(work, `${events}.ipft`), join(work, `${events}.html`)];
      execFileSync(process.execPath, [USER_SIDE, 'recording', String(events), recording]);
      const shown = Array.from({ length: events === 1_000_000 ? runs : 1 }, () => show(recording, file));
      note(`page of ${name} events, written`);
      /** @type {Awaited<ReturnType<typeof open>>[]} */
      const found = [];
      for (let run = 0; run < runs; run++) found.push(await open(browser, pathToFileURL(file).href));
      note(`page of ${name} events, opened`);
      const of = `of ${name} events`;
      const column = (/** @type {keyof Awaited<ReturnType<typeof open>>} */ key) => found.map((one) => one[key]);
      rows.push(
        row({ ...about, what: `size ${of}`, unit: 'MB' }, [statSync(file).size / 1e6], [bytes / 1e6]),
        row({ ...about, what: `drawn ${of}`, unit: 'ms' }, column('readyMs'), [readyMs]),
        row({ ...about, what: `CPU time until then ${of}`, unit: 'ms' }, column('cpuMs'), [readyMs]),
        row({ ...about, what: `memory ${of}`, unit: 'MB' }, column('heapMB'), [heapBytes / 1e6]),
        row({ ...about, what: `a frame while it moves, median, ${of}`, unit: 'ms' }, column('frameMs'), [FRAME_MS]),
      );
      if (events === 1_000_000)
        rows.push(row({ ...about, what: `ipft show -o html ${of}`, unit: 's' }, shown, [SHOW_S]));
    }
    return rows;
  } finally {
    await browser.close();
  }
}

/** @param {string} recording @param {string} file @returns {number} seconds */
function show(recording, file) {
  const out = openSync(file, 'w');
  const begin = performance.now();
  execFileSync(process.execPath, [IPFT, 'show', recording, '-o', 'html'], { stdio: ['ignore', out, 'ignore'] });
  closeSync(out);
  return (performance.now() - begin) / 1000;
}

/**
 * Opens a page once, and moves its timeline.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 */
async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  try {
    const opened = await context.newPage();
    const session = await context.newCDPSession(opened);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await opened.addInitScript({ path: IN_PAGE });
    await opened.goto(`${url}#scale=own`);
    const readyMs = await waitUntilDrawn(opened);
    const { metrics } = await session.send('Performance.getMetrics');
    const cpuMs = (metrics.find(({ name }) => name === 'ThreadTime')?.value ?? 0) * 1000;
    await session.send('HeapProfiler.collectGarbage');
    const heap = await session.send('Runtime.getHeapUsage');
    /** @type {number[]} */
    const frames = await opened.evaluate(`benchmark.moveTimeline(${FRAMES})`);
    return { readyMs, cpuMs, heapMB: (heap.usedSize + heap.backingStorageSize) / 1e6, frameMs: median(frames) };
  } finally {
    await context.close();
  }
}

/** @param {import('playwright-core').Page} opened */
async function waitUntilDrawn(opened) {
  for (const begin = Date.now(); Date.now() - begin < WAIT_MS; ) {
    const at = Number(await opened.evaluate('benchmark.drawnAt'));
    if (at > 0) return at;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the page was not drawn within ${WAIT_MS / 1000} s`);
}
