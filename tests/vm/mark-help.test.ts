/**
 * Each command that `ipft mark-help` prints is run as it is: it marks the packets that it names, and its undoing leaves
 * nothing behind.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatMarkHelp, interpretMarkHelp, type RawMarkHelp } from '../../src/cli/commands/mark-help.js';
import { ipft, Network, traceWhile } from './harness.js';

const UDP_PORT = 4711;
const FEW = '^(ip_output|dev_hard_start_xmit)$';

let network: Network;
/** Has iptables and ip6tables that are the older ones, which do without nftables. */
const legacy = mkdtempSync(join(tmpdir(), 'ipft-legacy-'));

beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  for (const name of ['iptables', 'ip6tables']) symlinkSync(`/usr/sbin/${name}-legacy`, join(legacy, name));
});
afterAll(() => {
  network[Symbol.dispose]();
  rmSync(legacy, { recursive: true, force: true });
});

/** The indented lines below a title, before and behind `undo:`. */
function commandsOf(title: string, raw: Partial<RawMarkHelp>): { add: string[]; undo: string[] } {
  const text = formatMarkHelp(interpretMarkHelp({ mask: '0xffffffff', ...raw }));
  const part = text.split('\n\n').find((one) => one.startsWith(`${title}\n`)) ?? '';
  const [add = [], undo = []] = part
    .split('  undo:\n')
    .map((lines) => lines.split('\n').flatMap((line) => /^ {4}(\S.*)/.exec(line)?.[1] ?? []));
  expect(add.length).toBeGreaterThan(0);
  return { add, undo };
}

/** Lines of a shell in a namespace. */
function shell(namespace: string, lines: readonly string[], path = ''): string {
  const script = `set -e\n${path === '' ? '' : `PATH=${path}:$PATH\n`}${lines.join('\n')}\n`;
  return execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-c', script], { encoding: 'utf8' });
}

/** Counts packets with a mark where they leave one namespace and come into the other. */
class Probe implements Disposable {
  constructor(readonly mark: number) {
    for (const [namespace, hook] of this.#places()) {
      const chain = `chain marked { type filter hook ${hook} priority 0; meta mark ${mark} counter; }`;
      shell(namespace, [`nft 'table inet probe { ${chain}; }'`]);
    }
  }

  #places() {
    return [
      [network.here, 'postrouting'],
      [network.there, 'prerouting'],
    ] as const;
  }

  #counts: readonly number[] = [0, 0];

  /** The numbers of packets since the last call. */
  take(): { sent: number; came: number } {
    const counts = this.#places().map(([namespace]) =>
      Number(/counter packets (\d+)/.exec(shell(namespace, ['nft list table inet probe']))?.[1]),
    );
    const [sent = 0, came = 0] = counts.map((count, index) => count - this.#counts[index]!);
    this.#counts = counts;
    return { sent, came };
  }

  [Symbol.dispose](): void {
    for (const [namespace] of this.#places()) shell(namespace, ['nft delete table inet probe']);
  }
}

const ping = (to: string, mark = 0) => network.ping(mark, { count: 1, to });
const udp = (to: string) => network.exec('bash', '-c', `echo >/dev/udp/${to}/${UDP_PORT}`);

interface Case {
  readonly args: Partial<RawMarkHelp>;
  /** The mark that its packets then have. */
  readonly mark: number;
  /** Sends `packets` that are to be marked. */
  readonly marked: () => void;
  readonly packets: number;
  /** Sends packets that are not to be marked. */
  readonly other: () => void;
}

const CASES: readonly Case[] = [
  {
    ...{ args: { to: '10.11.0.2' }, mark: 0xdeadbeef, packets: 1 },
    ...{ marked: () => ping('10.11.0.2'), other: () => ping('fd11::2') },
  },
  {
    ...{ args: { mark: '7', from: 'fd11::/64', to: 'fd11::2', port: `${UDP_PORT}` }, mark: 7, packets: 1 },
    ...{ marked: () => udp('fd11::2'), other: () => ping('fd11::2') },
  },
  {
    ...{ args: { port: `${UDP_PORT}` }, mark: 0xdeadbeef, packets: 2 },
    marked: () => {
      udp('10.11.0.2');
      udp('fd11::2');
    },
    other: () => ping('10.11.0.2'),
  },
  // A mask, and an address with bits that the prefix ignores.
  {
    ...{ args: { mark: '0x1200', mask: '0xff00', to: '10.11.0.9/24' }, mark: 0x1200, packets: 1 },
    ...{ marked: () => ping('10.11.0.2'), other: () => ping('fd11::2') },
  },
];

const rawTables = (suffix: string) => () => [`iptables${suffix} -t raw -S`, `ip6tables${suffix} -t raw -S`];
const WAYS = [
  { title: 'nftables', path: () => '', sends: true, state: () => ['nft -s list ruleset'] },
  { title: 'iptables', path: () => '', sends: true, state: rawTables('') },
  { title: 'iptables', path: () => legacy, sends: true, state: rawTables('-legacy') },
  {
    ...{ title: 'tc', path: () => '', sends: false },
    state: (device: string) => ['qdisc show', 'filter show'].map((what) => `tc ${what} dev ${device} ingress`),
  },
];

/** The commands are the same on all kernels: one kernel gets all cases, the others one case for each way. */
const HAS_ALL = release().startsWith('6.12.');

describe.each(WAYS)('mark-help: $title', ({ title, path, sends, state }) => {
  test.each(HAS_ALL && path() === '' ? CASES : CASES.slice(2, 3))('$args', ({ args, mark, marked, packets, other }) => {
    using probe = new Probe(mark);
    // Sent packets are counted here, received ones there: a mark does not leave its namespace.
    const places = [
      { namespace: network.here, device: 'veth-a' },
      { namespace: network.there, device: 'veth-b' },
    ];
    const states = () => places.map(({ namespace, device }) => shell(namespace, state(device)));
    const before = states();
    for (const { namespace, device } of places) {
      shell(namespace, commandsOf(title, { ...args, dev: device }).add, path());
    }
    expect(states()).not.toEqual(before);
    marked();
    expect(probe.take()).toEqual({ sent: sends ? packets : 0, came: packets });
    other();
    expect(probe.take()).toEqual({ sent: 0, came: 0 });
    for (const { namespace, device } of places) {
      shell(namespace, commandsOf(title, { ...args, dev: device }).undo, path());
    }
    expect(states()).toEqual(before);
    marked();
    expect(probe.take()).toEqual({ sent: 0, came: 0 });
  });
});

test.each(WAYS.filter(({ sends }) => sends))('mark-help: $title keeps the bits beside the mask', ({ title, path }) => {
  const { add, undo } = commandsOf(title, { mark: '0x1200', mask: '0xff00', to: '10.11.0.2' });
  using probe = new Probe(0x1255);
  shell(network.here, add, path());
  ping('10.11.0.2', 0xab55);
  expect(probe.take().sent).toBe(1);
  shell(network.here, undo, path());
});

test('mark-help: tc leaves a clsact qdisc of others, and their filters, as they are', () => {
  const { add, undo } = commandsOf('tc', { to: '10.11.0.2', dev: 'veth-b' });
  shell(network.there, [
    'tc qdisc add dev veth-b clsact',
    'tc filter add dev veth-b ingress protocol ip pref 6000 matchall action skbedit priority 1:5 continue',
  ]);
  const state = () => {
    const text = shell(network.there, ['tc qdisc show dev veth-b', 'tc filter show dev veth-b ingress']);
    return text.replace(/rule hit \d+|\d+ sec/g, '');
  };
  const before = state();
  const first = spawnSync('ip', ['netns', 'exec', network.there, 'sh', '-c', add[0]!]);
  expect(first.status).not.toBe(0);
  using probe = new Probe(0xdeadbeef);
  shell(network.there, add.slice(1));
  ping('10.11.0.2');
  expect(probe.take().came).toBe(1);
  // The filter behind ours saw it too.
  expect(shell(network.there, ['tc -s filter show dev veth-b ingress pref 6000'])).toMatch(/Sent \d+ bytes 1 pkt/);
  shell(network.there, undo.slice(0, -1));
  expect(state()).toBe(before);
  shell(network.there, ['tc qdisc del dev veth-b clsact']);
});

describe('mark-help: sockets', () => {
  test.each(['10.11.0.2', 'fd11::2'])('ping %s', (to) => {
    using probe = new Probe(0xdeadbeef);
    const [line = ''] = commandsOf('ping', { to }).add;
    shell(network.here, [`${line} -q -c 1 -w 10`]);
    expect(probe.take().sent).toBe(1);
  });

  test('SO_MARK in Python', () => {
    using probe = new Probe(0xdeadbeef);
    const [line = ''] = commandsOf('SO_MARK in Python', {}).add;
    const program = [
      'import socket, struct',
      'sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      line,
      'sock.sendto(b"x", ("10.11.0.2", 4711))',
    ];
    network.exec('/usr/bin/python3', '-c', program.join('\n'));
    expect(probe.take().sent).toBe(1);
  });

  test('SO_MARK in C', () => {
    using probe = new Probe(0xdeadbeef);
    const [line = ''] = commandsOf('SO_MARK in C', {}).add;
    const program = `#include <arpa/inet.h>
#include <sys/socket.h>
int main(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(${UDP_PORT}) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, "10.11.0.2", &to.sin_addr);
	${line}
	return sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1;
}
`;
    const file = join(legacy, 'mark');
    execFileSync('clang', ['-x', 'c', '-o', file, '-'], { input: program });
    network.exec(file);
    expect(probe.take().sent).toBe(1);
  });
});

test('mark-help: the last line traces what was marked', async () => {
  const { add, undo } = commandsOf('nftables', { to: '10.11.0.2' });
  const said = ipft('mark-help', '--to', '10.11.0.2').stdout;
  expect(said).toBe(formatMarkHelp(interpretMarkHelp({ mask: '0xffffffff', to: '10.11.0.2' })));
  const line = said.trimEnd().split('\n').at(-1)!;
  expect(line).toBe('    ipft -m 0xdeadbeef --follow');
  shell(network.here, add);
  const { stdout } = await traceWhile([...line.trim().split(' ').slice(1), '-r', FEW], () => ping('10.11.0.2'));
  shell(network.here, undo);
  expect(stdout).toContain('=== journey 1, ');
  expect(stdout).toMatch(/ip_output|dev_hard_start_xmit/);
});
