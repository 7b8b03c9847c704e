/** The traces in the docs are what `ipft` prints for one marked ping, but for times and CPUs. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Network, ROOT, traceWhile } from './harness.js';

const BLOCK = /^<!-- trace: (.+) -->\n\n```\n([\s\S]*?)^```$/gm;
const blocks = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) =>
    [...readFileSync(join(ROOT, 'docs', name), 'utf8').matchAll(BLOCK)].map((match) => [name, match] as const),
  );

const withoutTimes = (text: string) => text.replace(/^\d+ +\d{3} /gm, 'TIME CPU ');

test('there are traces in the docs', () => {
  expect(blocks.length).toBeGreaterThan(0);
});

test.each(blocks)('docs/%s', async (_name, [, args = '', text = '']) => {
  execFileSync('modprobe', ['veth']);
  using network = new Network();
  const result = await traceWhile(args.split(' '), () => network.ping(9, { count: 1 }));
  expect(withoutTimes(result.stdout)).toBe(withoutTimes(text));
});
