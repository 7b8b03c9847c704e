/** The last one in its guest (vitest.config.ts): a lockdown can't be lifted before the next boot. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ipft, Network, traceWhile } from './harness.js';

test('lockdown: of integrity allows tracing, of confidentiality does not, and is told', async () => {
  execFileSync('modprobe', ['veth']);
  using network = new Network();
  writeFileSync('/sys/kernel/security/lockdown', 'integrity');
  const result = await traceWhile(['-m', '3', '-r', '^ip_output$'], () => network.ping(3, { count: 1 }));
  expect(result.stdout).toMatch(/ip_output$/m);
  writeFileSync('/sys/kernel/security/lockdown', 'confidentiality');
  const refused = ipft('-m', '3');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('this kernel is locked down (confidentiality)');
  expect(refused.stderr).toContain('secure boot');
});
