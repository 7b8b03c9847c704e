/** Files for speedscope, opened by speedscope itself: the package's own page, served here. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBrowser } from '../support/browser.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RELEASE = join(ROOT, 'node_modules/speedscope/dist/release');
const RECORDING = join(ROOT, 'examples/recordings/gateway.ipft');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const browser = useBrowser();
const traces = new Map<string, Buffer>();
let server: Server;
beforeAll(async () => {
  for (const output of ['speedscope', 'chrome']) {
    const words = [join(ROOT, 'bin/ipft.js'), 'show', RECORDING, '-o', output];
    traces.set(`${output}.json`, execFileSync(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] }));
  }
  server = createServer(({ url = '' }, response) => {
    const name = basename(new URL(url, 'http://127.0.0.1').pathname) || 'index.html';
    response.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream');
    response.end(traces.get(name) ?? readFileSync(join(RELEASE, name)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server?.close());

test.each([
  ['speedscope', 'journey 1, consumed in icmp_rcv+0x258: 10.0.0.2 > 192.0.2.9 (SNAT 192.0.2.1): ICMP echo request', 20],
  ['chrome', 'netns 4026532178 (client) (pid 1), 10.0.0.2 > 192.0.2.9 ICMP', 9],
])('-o %s', async (output, first, profiles) => {
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using context = await browser.context();
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  page.on('dialog', (dialog) => void wrong.push(dialog.message()));
  await page.goto(`${at}/index.html#profileURL=${at}/${output}.json`);
  await page.getByText(`(1/${profiles})`).waitFor();
  const text = () => page.locator('body').innerText();
  expect(await text()).toContain(first);
  // The list of functions, with the time in each.
  await page.getByText('Sandwich').click();
  await page
    .getByText(/^ip_output/)
    .first()
    .waitFor();
  expect(await text()).toContain('__dev_queue_xmit');
  expect(wrong).toEqual([]);
});
