/** Modules that are loaded and unloaded while tracing: events name the function that was called. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Network, parseEvents, run, Tracing } from './harness.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

test('one that is unloaded and loaded again at once, and another one in its place', async () => {
  const ip = (...args: string[]) => execFileSync('ip', ['-n', network.here, ...args]);
  /** Sends a packet through a device of a kind, which exists as long as this takes. */
  const sendThrough = (kind: string) => {
    ip('link', 'add', 'device0', 'type', kind);
    ip('addr', 'add', '10.12.0.1/24', 'dev', 'device0');
    ip('link', 'set', 'device0', 'up', 'arp', 'off');
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', '29', '10.12.0.77']);
    ip('link', 'del', 'device0');
  };
  for (const module of ['dummy', 'ifb']) run('modprobe', ['-r', module]);
  const functions = '^(ip_output|dummy_xmit|ifb_xmit)$';
  using tracing = new Tracing(['-m', '29', '-b', 'kprobe', '--follow-modules', '-r', functions, '-o', 'json']);
  await tracing.ready();
  const traced = (module: string, times: number) =>
    tracing.until(
      () => tracing.stderr.split(`Module ${module} loaded: 1 of its 1 functions are traced now`).length > times,
      `${module} is traced for the ${times}. time`,
    );
  run('modprobe', ['dummy', 'numdummies=0']);
  await traced('dummy', 1);
  sendThrough('dummy');
  // In one command, so that ipft does not look at the modules in between.
  run('sh', ['-c', 'modprobe -r dummy && modprobe dummy numdummies=0']);
  await traced('dummy', 2);
  sendThrough('dummy');
  run('modprobe', ['-r', 'dummy']);
  run('modprobe', ['ifb', 'numifbs=0']);
  await traced('ifb', 1);
  sendThrough('ifb');
  const { status, stdout, stderr } = await tracing.stop();
  for (const module of ['dummy', 'ifb']) run('modprobe', ['-r', module]);
  expect(existsSync('/sys/module/dummy')).toBe(false);
  expect(parseEvents(stdout).map((event) => `${event['module']} ${event['function']}`)).toEqual([
    ...['vmlinux ip_output', 'dummy dummy_xmit'],
    ...['vmlinux ip_output', 'dummy dummy_xmit'],
    ...['vmlinux ip_output', 'ifb ifb_xmit'],
  ]);
  expect(stderr).toContain('Nothing was lost');
  expect(status).toBe(0);
});
