/** Listings in README and docs that need a guest: terminals, traces of one marked ping, but for times and CPUs, and refusals. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { documents } from '../../scripts/docs.js';
import { needsGuest, renderInGuest, withoutNumbers } from '../../scripts/docs-guest.js';
import { ipft, Network, ROOT, scriptWithProgram, traceWhile } from './harness.js';
import { KERNEL } from './kernels.js';

const BLOCK = /^<!-- (trace|refusal): (.+) -->\n\n```\n([\s\S]*?)^```$/gm;
const blocks = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) =>
    [...readFileSync(join(ROOT, 'docs', name), 'utf8').matchAll(BLOCK)].map((match) => [name, match] as const),
  );

const listings = (kind: string) => blocks.filter(([, match]) => match[1] === kind);

/** What is the same each time, and on each kernel. */
const withoutTimes = (text: string) =>
  text
    .replace(/^\d+ +\d{3} /gm, 'TIME CPU ')
    .replace(/\d+\.\d{3}us/g, 'TIME')
    .replace(/, consumed in \S+\+0x\w+/g, ', consumed')
    .replace(/^ +slowest step: .*/gm, 'STEP')
    .replace(/\d+ events?/g, 'N events')
    .replace(/\b402653\d{4}\b/g, 'NETNS');

test('there are traces and refusals in the docs', () => {
  expect(listings('trace').length).toBeGreaterThan(0);
  expect(listings('refusal').length).toBeGreaterThan(0);
});

test.each(listings('trace'))('docs/%s: a trace', async (_name, [, , args = '', text = '']) => {
  execFileSync('modprobe', ['veth']);
  using network = new Network();
  const words = args.split(' ').map((word) => (word.endsWith('.lua') ? scriptWithProgram(join(ROOT, word)) : word));
  const result = await traceWhile(words, () => network.ping(9, { count: 1 }));
  // Where modules have no BTF, their functions are not traced.
  const expected = KERNEL.hasModuleBtf ? text : text.replace(/^(\d+ +\d{3} +veth | +veth_xmit ).*\n/gm, '');
  expect(withoutTimes(result.stdout)).toBe(withoutTimes(expected));
});

/** Every kernel's verifier has its own words; the docs say whose they show. */
test.each(listings('refusal'))('docs/%s: what the verifier of 6.12 says', (_name, [, , file = '', text = '']) => {
  const { stderr } = ipft('check', file);
  // Registers and numbers of instructions are the compiler's matter; the rest is the same with any.
  const words = (said: string) => said.split('\n').filter((line) => !/^ {2}(\d+: |\()/.test(line));
  if (release().startsWith('6.12.')) expect(words(stderr)).toEqual(words(text));
  else expect(stderr.split('\n')[0]).toBe(text.split('\n')[0]);
});

/** A document has many commands. */
const DOCUMENT_MS = 5 * inject('patienceMs');

/** The docs show 6.12; what other kernels print differs in functions and backends. */
if (release().startsWith('6.12.')) {
  test.each(documents().filter((path) => needsGuest(readFileSync(join(ROOT, path), 'utf8'))))(
    '%s: what is seen in a terminal',
    async (path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      // Until the kernel has left out no call, as it does, and ipft says, where an interrupt comes within another program.
      let rendered: string;
      const begin = performance.now();
      do rendered = await renderInGuest(text);
      while (/ were missed, |, gap possible: /.test(rendered) && performance.now() - begin < DOCUMENT_MS);
      expect(withoutNumbers(rendered)).toBe(withoutNumbers(text));
    },
    3 * DOCUMENT_MS,
  );
}
