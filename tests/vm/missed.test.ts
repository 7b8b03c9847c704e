/** Packets that the kernel sends while it is within a program: their calls are missed, which is told. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiled, extension, Network, splitJson, traceWhile } from './harness.js';
import { KERNEL } from './kernels.js';

const MARK = 0x59;
const CONNECTIONS = 40;
/** The second segment of a connection goes out a second after the first, by a timer, whatever the CPU is doing then. */
const WAITING_MS = 2500;

let network: Network;
beforeAll(() => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
  const inNamespace = (namespace: string, rules: string) =>
    execFileSync('ip', ['netns', 'exec', namespace, 'nft', `table inet ipft_test { ${rules} }`]);
  inNamespace(network.here, `chain out { type filter hook output priority 0; tcp dport 9 meta mark set ${MARK}; };`);
  inNamespace(network.there, 'chain in { type filter hook prerouting priority 0; tcp dport 9 drop; };');
});
afterAll(() => network?.[Symbol.dispose]());

test('calls that are missed since the CPU is within a program are told, and their packets may have a gap', async () => {
  // The extension takes long, in a function whose CPU may be interrupted.
  const args = ['-m', String(MARK), '-b', 'kprobe', '-e', compiled(extension('slow.bpf.c')), '-o', 'json'];
  const functions = '^(ip_send_skb|__ip_local_out|ip_output|ip_rcv)$';
  const { stdout, stderr } = await traceWhile([...args, '-r', functions], async () => {
    const script = `
      const { connect } = require('node:net');
      for (let i = 0; i < ${CONNECTIONS}; i++) connect(9, '10.11.0.2').on('error', () => {});
      setTimeout(() => process.exit(), ${WAITING_MS});`;
    const onOneCpu = ['netns', 'exec', network.here, 'taskset', '-c', '0'];
    const connecting = spawn('ip', [...onOneCpu, process.execPath, '-e', script], { stdio: 'inherit' });
    const ended = once(connecting, 'close');
    const pinging = spawn('ip', [...onOneCpu, 'ping', '-q', '-f', '-m', String(MARK), '10.11.0.2'], {
      stdio: 'ignore',
    });
    await ended;
    pinging.kill();
    await once(pinging, 'close');
  });
  // There the kernel side can't ask, and only the end of the trace says so.
  if (!KERNEL.hasPerCpuVariables) {
    expect(stderr).toContain('probes that are missed this kernel does not count');
    return;
  }
  expect(stderr).toMatch(/calls of functions that free, copy or deliver packets were missed/);
  const { journeys } = splitJson(stdout);
  expect(journeys.some(({ gap }) => gap)).toBe(true);
});
