/** Compares the packets that are shown of a process with those on the wire, by packet. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parsePacket } from '../../src/packets/parse.js';
import { formatPacket } from '../../src/packets/text.js';
import { type JourneyLine, ROOT, splitJson, until } from './harness.js';
import { KERNEL } from './kernels.js';

export const PYTHON = '/usr/bin/python3';
export const SCRIPT = join(ROOT, 'tests/vm/processes.py');
/** From the first function that sees a received packet on. */
export const FUNCTIONS = '^(__ip_local_out|__ip6_local_out|netif_rx_internal|ip_rcv|ipv6_rcv|tcp_v[46]_rcv)$';
/** With kprobes, older kernels don't count what they leave out. */
const COUNTING = KERNEL.chosen.function === 'kprobe' ? ['-b', 'ftrace'] : [];
/** What a trace needs, so that its packets can be compared. */
export const COMPARABLE = ['-o', 'json', '--strict', '--snaplen', '256', '-r', FUNCTIONS, ...COUNTING];

/** A program in a namespace. */
export function start(namespace: string, ...args: string[]) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...args]);
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.pipe(process.stderr);
  return { child, output: () => stdout, ended: once(child, 'close') };
}

/** Runs tests/vm/processes.py. */
export const python = (namespace: string, ...args: string[]) => start(namespace, PYTHON, '-IS', SCRIPT, ...args);

/** Whether a line in tcpdump's manner is of a packet with one of the ports or identifiers that a process has printed. */
function belongsTo(said: string): (line: string) => boolean {
  const [tcp, udp, icmp] = said
    .trim()
    .split('\n')
    .map((line) => new Set(line.trim().split(' ')));
  return (line) => {
    const [, identifier] = /echo re.*, id (\d+),/.exec(line) ?? [];
    if (identifier !== undefined) return icmp!.has(identifier);
    const ports = [...line.matchAll(/(?:\.\d+|\]):(\d+)/g)].map(([, port]) => port!);
    return ports.some((port) => (line.includes('Flags') ? tcp : udp)!.has(port));
  };
}

const format = (frame: string) => {
  const bytes = Buffer.from(frame, 'hex');
  const snapshot = { bytes, lengthBytes: bytes.length, hasEthernet: true, protocol: bytes.readUInt16BE(12) };
  return formatPacket(parsePacket({ ...snapshot, vlan: undefined, gso: undefined }));
};

/** Packets, all in tcpdump's manner. */
export interface Compared {
  /** Whether the trace has missed nothing. */
  readonly isWhole: boolean;
  readonly shown: string[];
  /** Those whose journeys say that they may have a gap. */
  readonly gaps: string[];
  /** What these and their copies say of their packets: the text, and all headers that were first and last read. */
  readonly held: string[];
  /** Those on the wire that belong to the process. */
  readonly captured: string[];
  /** All on the wire. */
  readonly all: string[];
}

/** Captures what passes the device of a namespace, and loopback. */
export class Wire {
  readonly #captures: readonly ReturnType<typeof start>[];
  #from: readonly number[] = [];

  private constructor(captures: readonly ReturnType<typeof start>[]) {
    this.#captures = captures;
  }

  static async capture(namespace: string): Promise<Wire> {
    const captures = ['veth-a', 'lo'].map((device) => python(namespace, 'capture', device));
    await until(() => captures.every(({ output }) => output() !== ''), 'packets are captured');
    const wire = new Wire(captures);
    await wire.begin(0);
    return wire;
  }

  /**
   * What was captured before does not count.
   * @param connections that were made on each device: their packets come to the capture later than to the process
   */
  async begin(connections: number): Promise<void> {
    const countTcp = (output: string) =>
      output
        .split('\n')
        .slice(0, -1)
        .filter((line) => line !== '' && format(line).includes('Flags')).length;
    const areThere = () => this.#captures.every(({ output }) => countTcp(output()) >= 3 * connections);
    await until(areThere, 'the connections are captured');
    this.#from = this.#captures.map(({ output }) => output().length);
  }

  get #lines(): string[] {
    return this.#captures.flatMap(({ output }, index) => {
      const text = output().slice(this.#from[index]).trim();
      return text === '' ? [] : text.split('\n').map(format);
    });
  }

  /** Waits until nothing passes: what the kernel closes is answered. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.#lines.length; ) {
      before = this.#lines.length;
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }

  /**
   * Ends capturing.
   * @param said the ports and identifiers of the process
   */
  compare(said: string, { status, json }: { status: number | null; json: string }): Compared {
    for (const { child } of this.#captures) child.kill('SIGKILL');
    const all = this.#lines;
    const textOf = ({ ipft }: JourneyLine) => ipft?.packet.text ?? '';
    const { journeys } = splitJson(json);
    const withGap = journeys.filter(({ gap }) => gap);
    const shown = journeys.filter(({ parent }) => parent === null).map(textOf);
    const gaps = withGap.map(textOf);
    const held = withGap.map(({ ipft }) => `${ipft?.packet.text} ${JSON.stringify(ipft?.packet)}`);
    const captured = all.filter(belongsTo(said)).sort();
    return { isWhole: status === 0, shown: shown.sort(), gaps, held, captured, all };
  }
}

/** What is in `lines` and not in `others`, as often as it is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** The addresses of a packet, with its ports. */
const endsOf = (line: string) => line.match(/^(\S+) > (\S+?):? /)!.slice(1);

/**
 * Whether a journey may hold a packet: in its text, as what became of its first packet, or in its last headers, where these are
 * of another protocol.
 */
function mayHold(line: string): (journey: string) => boolean {
  const ends = endsOf(line);
  // Addresses and ports, as JSON has them.
  const parts = ends.flatMap((end) => {
    const [, address = end, port] = /^\[?(.*?)\]?:(\d+)$/.exec(end) ?? [];
    return [`"${address}"`, ...(port === undefined ? [] : [`Port":${port}`])];
  });
  return (journey) => [ends, parts].some((all) => all.every((part) => journey.includes(part)));
}

/**
 * All that is shown is on the wire and the process's, and all of its packets on the wire are shown. Where the kernel left
 * out the end of a packet, the next one in its memory may be taken for it: then that journey says that it may have a gap.
 */
export function check({ isWhole, shown, gaps, held, captured, all }: Compared): void {
  if (isWhole) expect(shown).toEqual(captured);
  for (const line of without(shown, captured)) expect(gaps).toContain(line);
  for (const line of without(captured, shown)) {
    expect(held.some(mayHold(line)), `${line} is missing, and no journey has a gap that may hold it`).toBe(true);
  }
  // Both talked, and of this one there is everything.
  expect(captured.length).toBeGreaterThan(150);
  expect(all.length).toBeGreaterThan(1.8 * captured.length);
  for (const kind of [/Flags \[S\]/, /Flags \[R/, /ICMP6?.*unreachable.* port/, /echo request/, /UDP/, /Flags \[F/])
    expect(captured.filter((line) => kind.test(line)).length).toBeGreaterThanOrEqual(2);
}

/** Servers in both namespaces, of which port 81 gives no answer, and no error either. */
export class Servers implements Disposable {
  readonly #servers: ReturnType<typeof start>['child'][] = [];

  async start(namespaces: readonly string[]): Promise<void> {
    const rules = 'chain in { type filter hook input priority 0; tcp dport 81 drop; };';
    for (const namespace of namespaces) {
      const { child: nft, ended } = start(namespace, 'nft', `table inet ipft_test { ${rules} }`);
      await ended;
      expect(nft.exitCode).toBe(0);
      const { child, output } = python(namespace, 'serve');
      this.#servers.push(child);
      await until(() => output() !== '', 'a server listens');
    }
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.kill('SIGKILL');
  }
}
