/** What expressions choose of real packets, against libpcap itself. */
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PacketFilter } from '../../src/filter/packet-filter.js';
import { DLT_EN10MB, DLT_RAW } from '../../src/filter/pcap/expression.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';
import { Chance, makeFrame } from '../support/frames.js';
import { takenByLibpcap } from '../support/libpcap-reference.js';
import { findInner, makeTunnelFrame } from '../support/tunnel-frames.js';
import { filterOf, functionsOf, innerFilterOf, open } from './chosen-packets.js';
import { Network, ROOT, run, until } from './harness.js';

/**
 * Of each kind that differs in what it reads of a real skb. What is then calculated is the same bytecode, of which
 * tests/objects/expressions.test.ts has all kinds, on the same frames.
 */
const ON_FRAMES = [
  ...['ip', 'ip6', 'arp', 'tcp port 443', 'host 10.0.0.1', 'stp', 'host 2001:db8::1', 'ether host 02:00:00:00:00:01'],
  ...['ether[11:2] = 0x0208', 'ether[14:4] > 7', 'vlan', 'vlan 5', 'vlan and tcp', 'vlan 7 and vlan 5'],
  ...['not vlan and udp', 'mpls', 'pppoes and tcp', 'geneve', 'greater 90', 'ip[0] & 0xf != 5', 'icmp[0] = 8'],
  ...['tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420', 'icmp6'],
];

/**
 * The forms in which a received frame is seen at the functions below: the kernel takes away a tag that no device is for,
 * and two at once if the first has no id.
 */
function formsOf(frame: Buffer): Buffer[] {
  const isTagged = (one: Buffer) => one.length >= 18 && [0x8100, 0x88a8].includes(one.readUInt16BE(12));
  const strip = (one: Buffer) => Buffer.concat([one.subarray(0, 12), one.subarray(16)]);
  if (!isTagged(frame)) return [frame];
  const once = strip(frame);
  const hasId = (frame.readUInt16BE(14) & 0xfff) > 0;
  return [frame, hasId || !isTagged(once) ? once : strip(once)];
}

/** Of the packet in a tunnel, the same. */
const INNER_ON_FRAMES = [
  ...['ip', 'tcp port 443', 'host 10.0.0.1', 'host 2001:db8::1', 'vlan', 'ether host 02:00:00:00:00:01', 'greater 90'],
  ...['ip[0] & 0xf != 5', 'tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420', 'icmp[0] = 8'],
];

const SENDER = 'ipft-frames';
const TAP = 'ipft-tap';

describe('expressions choose the frames that libpcap chooses', () => {
  const chance = new Chance(47);
  const frames = Array.from({ length: 60 }, () => makeFrame(chance).bytes);
  const tunnels = Array.from({ length: 60 }, () => makeTunnelFrame(chance).bytes);
  let sender: ChildProcessByStdio<Writable, Readable, null>;
  beforeAll(() => {
    const script = ['-IS', join(ROOT, 'tests/vm/frames.py')];
    sender = spawn('/usr/bin/python3', script, { stdio: ['pipe', 'pipe', 'inherit'] });
    execFileSync('modprobe', ['dummy']);
    execFileSync('modprobe', ['tun']);
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('link', 'add', SENDER, 'type', 'dummy');
    ip('tuntap', 'add', 'dev', TAP, 'mode', 'tap');
    for (const device of [SENDER, TAP]) {
      execFileSync('sysctl', ['-q', `net.ipv6.conf.${device}.disable_ipv6=1`]);
      ip('link', 'set', device, 'up');
    }
  });
  afterAll(() => {
    sender?.kill();
    spawnSync('ip', ['link', 'del', SENDER]);
    spawnSync('ip', ['link', 'del', TAP]);
  });

  /** A program that takes nothing where libpcap makes none. */
  function programOf(text: string, linkType: number): Uint8Array {
    const result = compileWithLibpcap(text, linkType);
    return 'program' in result ? result.program : Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);
  }

  test.each(ON_FRAMES)('%s', async (text) => {
    const program = programOf(text, DLT_EN10MB);
    await expectTaken(filterOf(text), frames, (frame) => takenByLibpcap(program, frame));
  });

  test.each(INNER_ON_FRAMES)('in a tunnel, %s', async (text) => {
    const [ethernet, ip] = [programOf(text, DLT_EN10MB), programOf(text, DLT_RAW)];
    await expectTaken(innerFilterOf(text), tunnels, (frame) => {
      const found = findInner({ bytes: frame, hasEthernet: true }, frame.length);
      return found !== undefined && takenByLibpcap(found.hasEthernet ? ethernet : ip, frame.subarray(found.at));
    });
  });

  /** Sends the frames, and has them received. */
  async function expectTaken(filter: PacketFilter, frames: readonly Buffer[], takes: (frame: Buffer) => boolean) {
    const wanted = {
      packet: frames.filter(takes).length,
      tap: frames.filter((frame) => formsOf(frame).some(takes)).length,
    };
    const { session } = await open(
      filter,
      // A frame that is of no protocol which is known here is freed without its tag.
      /^(dev_hard_start_xmit|netif_receive_skb|netif_rx|ip_rcv|ipv6_rcv|skb_release_data)$/,
    );
    using opened = session;
    await opened.attach(new AbortController().signal);
    let began = 0;
    const nothing = { event() {}, ended() {}, moved() {}, snapshot() {}, process() {} };
    const read = () => opened.read({ ...nothing, began: () => void began++ });
    const counts = { packet: 0, tap: 0 };
    for (const [kind, device] of [
      ['packet', SENDER],
      ['tap', TAP],
    ] as const) {
      began = 0;
      sender.stdin.write(`${[kind, device, ...frames.map((frame) => frame.toString('hex'))].join(' ')}\n`);
      await once(sender.stdout, 'data');
      await until(
        () => {
          read();
          return began >= wanted[kind];
        },
        () => `the begin of ${wanted[kind]} journeys, not ${began}`,
      );
      run('ip', ['link', 'show', device]);
      read();
      counts[kind] = began;
    }
    expect(counts).toEqual(wanted);
    await opened.release();
  }
});

describe('a packet is known by an expression', () => {
  let network: Network;
  beforeAll(() => {
    execFileSync('modprobe', ['veth']);
    network = new Network();
  });
  afterAll(() => network?.[Symbol.dispose]());

  test('within tunnels and around them, and nothing else', async () => {
    const ip = (namespace: string, ...args: string[]) => execFileSync('ip', ['-n', namespace, ...args]);
    for (const module of ['ip_gre', 'vxlan']) execFileSync('modprobe', [module]);
    for (const [namespace, own, other] of [
      [network.here, 1, 2],
      [network.there, 2, 1],
    ] as const) {
      const ends = ['local', `10.11.0.${own}`, 'remote', `10.11.0.${other}`];
      ip(namespace, 'link', 'add', 'tunnel-g', 'type', 'gre', ...ends);
      ip(namespace, 'link', 'add', 'tunnel-v', 'type', 'vxlan', 'id', '42', 'dstport', '4789', ...ends);
      for (const [device, net] of [
        ['tunnel-g', 12],
        ['tunnel-v', 13],
      ] as const) {
        ip(namespace, 'addr', 'add', `10.${net}.0.${own}/24`, 'dev', device);
        ip(namespace, 'link', 'set', device, 'up');
      }
    }
    for (const to of ['10.12.0.2', '10.13.0.2']) network.ping(0, { count: 1, to });
    const pings = () => {
      for (const to of ['10.11.0.2', '10.12.0.2', '10.13.0.2']) network.ping(0, { count: 1, to });
    };
    // A request and its answer each: the packet around is the same skb.
    for (const [text, count] of [
      ['icmp and host 10.12.0.2', 2],
      ['icmp and net 10.13.0.0/16', 2],
      ['ip proto 47', 2],
      // The frame within may be one of ARP.
      ['udp port 4789 and udp[39] = 1', 2],
      ['icmp', 6],
      ['icmp and host 10.14.0.2', 0],
      ['tcp or net 8.0.0.0/8', 0],
    ] as const) {
      const found = await functionsOf(text, pings);
      expect([text, found.length]).toEqual([text, count]);
      for (const functions of found) expect(functions).toContain('ip_rcv');
    }
  });

  test('in a tunnel: on the device of WireGuard', async () => {
    execFileSync('modprobe', ['wireguard']);
    execFileSync('ip', ['-n', network.here, 'link', 'add', 'tunnel', 'type', 'wireguard']);
    execFileSync('ip', ['-n', network.here, 'addr', 'add', '10.15.0.1/24', 'dev', 'tunnel']);
    execFileSync('ip', ['-n', network.here, 'link', 'set', 'tunnel', 'up']);
    // It has no peer, and drops what it gets.
    const traffic = () => {
      spawnSync('ip', ['netns', 'exec', network.here, 'ping', '-c', '1', '-W', '1', '10.15.0.2']);
      network.ping(0, { count: 1 });
    };
    expect((await functionsOf(innerFilterOf('icmp and dst host 10.15.0.2'), traffic)).length).toBe(1);
    expect(await functionsOf(innerFilterOf('tcp'), traffic)).toEqual([]);
  });
});
