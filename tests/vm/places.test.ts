/** Where packets are: `--netns` and `--dev`, between other filters; and what `--no-follow` leaves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Network, run, traceWhile } from './harness.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

interface Line {
  readonly function?: string;
  readonly ipft?: { readonly type: string; readonly netns?: string; readonly device?: string };
}

const PINGED = /^(ip_output|ip_finish_output2|ip_rcv|icmp_rcv|icmp_echo)$/.source;

/** What is shown of a ping, with its answer, between the two namespaces. */
async function ping(args: readonly string[], functions = PINGED) {
  const { stdout, stderr } = await traceWhile(['-o', 'json', '-r', functions, ...args], () =>
    network.ping(9, { count: 1 }),
  );
  const lines = stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return { lines, functions: lines.flatMap((line) => line.function ?? []), stderr };
}

const count = (functions: readonly string[], name: string) => functions.filter((one) => one === name).length;

describe('packets are followed from where they are wanted, until they are freed', () => {
  test('a namespace: what it sends from the first function on, and what it gets from its device on', async () => {
    for (const netns of [
      network.here,
      `/run/netns/${network.here}`,
      `net:[${statSync(`/run/netns/${network.here}`).ino}]`,
    ]) {
      const { functions } = await ping(['--netns', netns]);
      expect(functions[0], netns).toBe('ip_output');
      // The request goes on to the other namespace; the answer begins there, and is seen when it arrives.
      expect(count(functions, 'ip_output'), netns).toBe(1);
      expect(count(functions, 'icmp_echo'), netns).toBe(1);
      expect(count(functions, 'ip_rcv'), netns).toBe(2);
    }
  });

  test('several are each allowed; a device in any namespace, and in one', async () => {
    const both = await ping(['--netns', network.here, '--netns', network.there]);
    expect(count(both.functions, 'ip_output')).toBe(2);
    const device = await ping(['--dev', 'veth-b']);
    expect(device.functions[0]).toBe('ip_rcv');
    const elsewhere = await ping(['--dev', `veth-b@${network.here}`, '--dev', 'veth-nowhere']);
    expect(elsewhere.functions).toEqual([]);
    expect(elsewhere.stderr).toContain("there is no interface 'veth-nowhere' now; ipft waits for it");
    // No process is in these namespaces.
    expect(elsewhere.stderr).toContain(`there is no interface 'veth-b' in the namespace ${network.here} now`);
    expect(device.stderr).not.toContain('there is no interface');
    expect(elsewhere.stderr).toContain(`no packet on veth-b@${network.here} or veth-nowhere was seen`);
    const there = await ping(['--dev', `veth-b@${network.there}`, '--dev', 'veth-nowhere']);
    expect(there.functions).toEqual(device.functions);
    expect(there.stderr).not.toContain("there is no interface 'veth-b'");
  });

  test('with a mark, or an expression, a packet must be all of it', async () => {
    expect((await ping(['-m', '9', '--netns', network.here])).functions).toContain('icmp_echo');
    expect((await ping(['-m', '8', '--netns', network.here])).functions).toEqual([]);
    expect((await ping(['-m', '9', '--dev', 'veth-b'])).functions).toEqual([]);
    const echo = await ping(['icmp[0] = 0', '--dev', 'veth-b']);
    expect(count(echo.functions, 'icmp_echo')).toBe(0);
    // It gets its device within ip_output.
    expect(echo.functions[0]).toBe('ip_finish_output2');
  });

  test('a device that comes later, by its whole name, whatever stood behind it before', async () => {
    const { stdout, stderr } = await traceWhile(['-o', 'json', '-r', PINGED, '--dev', 'late'], () => {
      const ip = (...args: string[]) => run('ip', ['-n', network.here, ...args]);
      const sendOn = (device: string, bytes: number) => {
        ip('addr', 'replace', '10.47.0.1/24', 'dev', device);
        ip('link', 'set', device, 'up');
        const args = ['ping', '-q', '-c1', '-W1', '-s', String(bytes), '10.47.0.2'];
        spawnSync('ip', ['netns', 'exec', network.here, ...args]);
        ip('link', 'set', device, 'down');
      };
      ip('link', 'add', 'late', 'type', 'dummy');
      sendOn('late', 100);
      for (const name of ['late-and-longer', 'later', 'lat']) {
        ip('link', 'set', 'late', 'name', name);
        sendOn(name, 200);
        ip('link', 'set', name, 'name', 'late');
      }
      sendOn('late', 300);
      ip('link', 'del', 'late');
    });
    expect(stderr).toContain("there is no interface 'late' now");
    expect(stdout.match(/"function":"ip_finish_output2"/g)).toHaveLength(2);
  });
});

test('--no-follow: only the functions at which a packet is what is asked for', async () => {
  const here = await ping(['--netns', network.here, '--no-follow']);
  expect(count(here.functions, 'icmp_echo')).toBe(0);
  expect(here.functions[0]).toBe('ip_output');
  expect(count(here.functions, 'ip_rcv')).toBe(1);
  const both = await ping(['--netns', network.here, '--no-follow', '-m', '9']);
  // The answer has no mark.
  expect(count(both.functions, 'ip_rcv')).toBe(0);
  expect(both.functions).toContain('ip_output');
});
