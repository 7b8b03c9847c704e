import { execFileSync, spawnSync } from 'node:child_process';
import { type Journey, trace } from 'ipft';
import { afterEach, beforeEach, expect, test } from 'vitest';

const [HERE, THERE] = ['ipft-example-here', 'ipft-example-there'];

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'pipe' });
}

beforeEach(() => {
  run('ip', 'netns', 'add', HERE);
  run('ip', 'netns', 'add', THERE);
  run('ip', 'link', 'add', 'veth0', 'netns', HERE, 'type', 'veth', 'peer', 'name', 'veth1', 'netns', THERE);
  run('ip', '-n', HERE, 'addr', 'add', '10.77.0.1/24', 'dev', 'veth0');
  run('ip', '-n', THERE, 'addr', 'add', '10.77.0.2/24', 'dev', 'veth1');
  run('ip', '-n', HERE, 'link', 'set', 'veth0', 'up');
  run('ip', '-n', THERE, 'link', 'set', 'veth1', 'up');
});

afterEach(() => {
  for (const namespace of [HERE, THERE]) spawnSync('ip', ['netns', 'del', namespace]);
});

/** Sends one ping, and returns what became of it. */
async function ping(): Promise<Journey> {
  await using session = await trace({
    // The request alone: the answer would be a journey of its own.
    expression: 'icmp[icmptype] == icmp-echo and dst host 10.77.0.2',
    // A few functions, since older kernels attach one by one.
    functions: /^(ip_output|ip_rcv|ip_local_deliver|nf_hook_slow|icmp_rcv)$/,
  });
  spawnSync('ip', ['netns', 'exec', HERE, 'ping', '-c', '1', '-W', '1', '10.77.0.2']);
  await session.stop();
  const [journey] = await session.allJourneys();
  if (!journey) throw new Error('no ping was seen');
  return journey;
}

test('a ping is answered', { timeout: 300_000 }, async () => {
  const journey = await ping();
  expect(journey.outcome).toBe('consumed');
  expect(journey.events.at(-1)?.function).toBe('icmp_rcv');
});

test('a ping that a rule forbids goes through netfilter, and is dropped there', { timeout: 300_000 }, async () => {
  const rule = 'table ip example { chain in { type filter hook input priority 0; icmp type echo-request drop; }; }';
  run('ip', 'netns', 'exec', THERE, 'nft', rule);
  const journey = await ping();
  expect(journey).toMatchObject({ outcome: 'dropped', lost: 0 });
  expect(journey.location).toMatch(/^(nf_hook_slow|nft_do_chain)\+/);
  // Linux tells reasons since 5.17.
  expect([undefined, 'SKB_DROP_REASON_NETFILTER_DROP']).toContain(journey.reason);
  const functions = journey.events.map((event) => event.function);
  expect(functions).toContain('nf_hook_slow');
  expect(functions).not.toContain('icmp_rcv');
});
