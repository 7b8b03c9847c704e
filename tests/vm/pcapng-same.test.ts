/** `-o pcapng` of real packets, as tshark reads it: what it decodes is what tcpdump has captured on the same wire. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPcapng } from '../support/pcapng.js';
import { IPFT, ipft, Network, ROOT, recordWhile, run, splitJson, traceWhile, until } from './harness.js';

const MARK = 61;
/** Where packets come in, and on both sides of a change of place. */
const FUNCTIONS =
  '^(ip_output|ip6_output|dev_hard_start_xmit|veth_xmit|__netif_receive_skb|ip_rcv|tcp_v4_rcv|kfree_skbmem)$';
/** Names may have what a terminal and JSON mind. */
const DEVICE = 'ev\x1b"\\\u00e9';
const COMMAND = 'e\x1b[2J"\\\n';

let dir: string;
let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['-a', 'veth', '8021q', 'nf_tables']);
  dir = mkdtempSync(join(tmpdir(), 'ipft-pcapng-'));
  network = new Network();
  const ip = (namespace: string, ...args: string[]) => execFileSync('ip', ['-n', namespace, ...args]);
  for (const [namespace, device, host] of [
    [network.here, 'veth-a', 1],
    [network.there, 'veth-b', 2],
  ] as const) {
    ip(namespace, 'link', 'add', 'link', device, 'name', DEVICE, 'type', 'vlan', 'id', '5');
    ip(namespace, 'addr', 'add', `10.15.0.${host}/24`, 'dev', DEVICE);
    ip(namespace, 'link', 'set', DEVICE, 'addrgenmode', 'none', 'up');
  }
  // Neighbours are found now, so that the traces hold only what the tests send.
  network.ping(MARK + 1, { count: 1, to: '10.15.0.2' });
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Fields of packets, as tshark decodes them. */
function decode(file: string, fields: readonly string[], filter = ''): Record<string, string>[] {
  const { status, stdout, stderr } = run('tshark', [
    ...['-n', '-r', file, '-T', 'fields', '-E', 'occurrence=f', '-o', 'tcp.analyze_sequence_numbers:FALSE'],
    ...(filter === '' ? [] : ['-Y', filter]),
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  expect(status, stderr).toBe(0);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? '']));
  });
}

/** What a packet on the wire is known by. */
const WIRE = [
  ...['frame.len', 'eth.src', 'eth.dst', 'vlan.id', 'ip.id', 'ip.ttl', 'ip.checksum', 'ipv6.dst'],
  ...['icmp.seq', 'icmp.checksum', 'icmpv6.checksum', 'udp.checksum', 'tcp.seq_raw', 'tcp.checksum'],
];

/** What the tests send, at any device that it passes, without what asks for neighbours; a tag moves what stands behind it. */
const WANTED =
  'ip src host 10.11.0.1 or (ip6 src host fd11::1 and ip6[40] < 133) or ip src host 10.15.0.1 or (vlan and ip src host 10.15.0.1)';

/** The bytes of packets in the older format, in nanoseconds or microseconds. */
function readPcap(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 24; at < file.length; ) {
    const end = at + 16 + file.readUInt32LE(at + 8);
    packets.push(file.subarray(at + 16, end));
    at = end;
  }
  return packets;
}

test('packets that come in at a device are those that tcpdump captures there', async () => {
  const captured = join(dir, 'wire.pcap');
  const args = [
    'netns',
    'exec',
    network.there,
    'tcpdump',
    '-i',
    'veth-b',
    '-Q',
    'in',
    '-U',
    '-s',
    '256',
    '-w',
    captured,
  ];
  const tcpdump = spawn('ip', [...args, WANTED], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  tcpdump.stderr.on('data', (data) => {
    said += data;
  });
  try {
    await until(
      () => said.includes('listening'),
      () => `tcpdump: ${said}`,
    );
    const written = join(dir, 'once.pcapng');
    const { status, stderr } = await traceWhile(
      [WANTED, '-r', FUNCTIONS, '-o', 'pcapng', '--once', '--output-file', written],
      () => {
        network.ping(MARK, { count: 2 });
        network.ping(MARK, { count: 1, to: 'fd11::2' });
        network.ping(MARK, { count: 1, to: '10.15.0.2', bytes: 1000 });
        network.send('tcp', '10.11.0.2', MARK, 20_000);
        network.sendInVain('10.11.0.2', MARK, 30);
      },
    );
    expect(status, stderr).toBe(0);
    tcpdump.kill('SIGINT');
    await until(() => tcpdump.exitCode !== null, 'the end of tcpdump');
    const wire = decode(captured, WIRE);
    expect(wire.filter((packet) => packet['tcp.seq_raw'] !== '').length).toBeGreaterThan(5);
    expect(wire.filter((packet) => packet['vlan.id'] === '5').length).toBe(1);
    expect(wire.some((packet) => Number(packet['frame.len']) > 1514)).toBe(true);
    const there = 'frame.comment contains "\\"device\\":\\"veth-b\\""';
    const ours = decode(written, [...WIRE, 'frame.comment'], there);
    expect(ours.map(({ 'frame.comment': _, ...packet }) => packet)).toEqual(wire);
    for (const { 'frame.comment': comment } of ours)
      expect(JSON.parse(comment!)).toMatchObject({ device: 'veth-b', ipft: { netns_name: network.there } });
    expect(wire.some((packet) => packet['icmpv6.checksum'] !== '')).toBe(true);
    // The kernel's memory has them up to where its fragments begin.
    const [{ packets = [] } = {}] = readPcapng(readFileSync(written));
    const inward = packets.filter(({ comment }) => comment.device === 'veth-b');
    for (const [index, bytes] of readPcap(readFileSync(captured)).entries()) {
      // tcpdump counts a tag that it has put back.
      const length = Math.min(inward[index]!.bytes.length, bytes.length);
      expect(length).toBeGreaterThanOrEqual(Math.min(bytes.length, 66));
      expect(inward[index]!.bytes.toString('hex', 0, length)).toBe(bytes.subarray(0, length).toString('hex'));
    }
  } finally {
    tcpdump.kill('SIGKILL');
  }
});

test('a recording: the same events as in JSON, hostile names, drops; live into a pipe', async () => {
  const rules = `table ip f { chain input { type filter hook input priority 0; udp dport 9 drop; }; }`;
  run('ip', ['netns', 'exec', network.there, 'nft', rules]);
  const recorded = join(dir, 'trace.ipft');
  const send = `
open('/proc/self/comm', 'w').write(${JSON.stringify(COMMAND)})
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for to in ('10.15.0.2', '10.11.0.2'): s.sendto(b'abc', (to, 9))`;
  const traffic = () => network.exec('/usr/bin/python3', '-IS', '-c', send);
  const { status, stderr } = await recordWhile(
    recorded,
    ['udp dst port 9', '-r', FUNCTIONS, '--fields', 'tuple'],
    traffic,
  );
  expect(status, stderr).toBe(0);
  const written = join(dir, 'trace.pcapng');
  expect(ipft('show', recorded, '-o', 'pcapng', '--output-file', written).status).toBe(0);
  const { events, journeys } = splitJson(ipft('show', recorded, '--time', 'wall', '-o', 'json').stdout);
  const fields = [
    'frame.time_epoch',
    'frame.interface_name',
    'frame.packet_id',
    'frame.verdict.ebpf_tc',
    'frame.comment',
  ];
  const packets = decode(written, [...fields, 'udp.dstport', 'frame.drop_count']);
  expect(packets.length).toBe(events.length);
  for (const [index, event] of events.entries()) {
    const packet = packets[index]!;
    const { packet_id, timestamp, ...rest } = event;
    const { ipft: facts, ...comment } = JSON.parse(packet['frame.comment']!);
    expect(comment).toEqual(rest);
    // JSON's numbers have 53 bits here.
    const ns = BigInt(packet['frame.time_epoch']!.replace('.', ''));
    expect(Math.abs(Number(ns - BigInt(timestamp as number)))).toBeLessThanOrEqual(256);
    expect(Number(packet['frame.packet_id'])).toBe(event['journey']);
    expect(packet['frame.interface_name']).toBe(
      event['module'] === 'vmlinux' ? event['function'] : `${event['function']} (${event['module']})`,
    );
    expect(facts).toMatchObject({ outcome: 'dropped', sender: expect.stringMatching(/^e\\x1b\[2J"\\\\x0a\[\d+\]$/) });
  }
  expect(new Set(events.map(({ device }) => device))).toContain(DEVICE);
  expect(packets.filter((packet) => Number(packet['frame.verdict.ebpf_tc']) === 2).length).toBe(journeys.length);
  expect(journeys.map(({ outcome }) => outcome)).toEqual(['dropped', 'dropped']);
  expect(packets.every((packet) => packet['udp.dstport'] === '9')).toBe(true);

  // As Wireshark captures from it, without a file.
  const ready = join(dir, 'ready');
  const trace = `${process.execPath} ${IPFT} 'udp dst port 9' -r '${FUNCTIONS}' -o pcapng --count 2 --ready-file ${ready}`;
  const shark = `tshark -n -l -i - -T fields -e frame.packet_id -e frame.comment`;
  const piped = spawn('sh', ['-c', `${trace} | ${shark}`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, errors] = ['', ''];
  piped.stdout.on('data', (data) => {
    stdout += data;
  });
  piped.stderr.on('data', (data) => {
    errors += data;
  });
  await until(
    () => spawnSync('test', ['-s', ready]).status === 0,
    () => `ready: ${errors}`,
  );
  traffic();
  await until(
    () => piped.exitCode !== null,
    () => `the end: ${errors}`,
  );
  const live = stdout.split('\n').filter((line) => line !== '');
  expect(live.length).toBe(events.length);
  expect(live.map((line) => JSON.parse(line.split('\t')[1]!).function)).toEqual(
    events.map((event) => event['function']),
  );
});

test('segmentation offload: the length is that of the packet in the kernel; nothing is malformed', async () => {
  const written = join(dir, 'large.pcapng');
  const args = ['-m', String(MARK), '-r', FUNCTIONS, '-o', 'pcapng', '--output-file', written, '--snaplen', '60'];
  const { status, stderr } = await traceWhile(args, () => void network.send('tcp', '10.11.0.2', MARK, 200_000));
  expect(status, stderr).toBe(0);
  const [{ packets = [] } = {}] = readPcapng(readFileSync(written));
  const decoded = decode(written, ['frame.len', 'frame.cap_len', 'tcp.len', 'ip.len', '_ws.malformed']);
  expect(decoded.length).toBe(packets.length);
  expect(decoded.filter((packet) => packet['_ws.malformed'] !== '')).toEqual([]);
  const large = decoded.filter((packet) => Number(packet['frame.len']) > 10_000);
  expect(large.length).toBeGreaterThan(1);
  expect(large.every((packet) => Number(packet['frame.cap_len']) <= 60)).toBe(true);
  expect(decoded.some((packet) => packet['frame.cap_len'] === '60')).toBe(true);
  const payload = (packet: Record<string, string>) => Number(packet['frame.len']) - Number(packet['tcp.len']);
  for (const packet of large) expect([52, 66]).toContain(payload(packet));
});
