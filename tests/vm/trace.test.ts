/** Real packets through a real kernel: the trace shows the packets that were sent. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compiled,
  example,
  extension,
  ipft,
  Network,
  parseEvents,
  run,
  Tracing,
  traceWhile,
  until,
} from './harness.js';
import { FEW, KERNEL } from './kernels.js';

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-vm-test-'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const LINE = /^(\d+) +(\d{3}) +(\S+) +(\S+)( \( .* \))?$/;

describe('-o aggregate', () => {
  test('shows the path of marked pings with their lengths, and nothing of unmarked ones', async () => {
    const result = await traceWhile(['-m', '0xdeadbeef', '-e', example('skb-len.bpf.c'), ...FEW], () => {
      network.ping(0xdeadbeef, { bytes: 100 });
      network.ping(0x1234, { bytes: 300 });
    });
    expect(result.status).toBe(0);
    const [header, separator, ...lines] = result.stdout.trimEnd().split('\n');
    expect(header).toBe('Timestamp            CPU                   Module                         Function');
    // In the order of ends: the first packet may have waited for its neighbour.
    expect(separator).toMatch(/^=== journey \d, consumed.*, \d+\.\d{3}us, \d+ events$/);
    const journeys = lines.join('\n').split(/^===.*\n/m);
    expect(journeys).toHaveLength(3);
    const events = lines.filter((line) => !line.startsWith('==='));
    for (const line of events) {
      const [, timestamp = '', cpu = '', module = '', name = '', fields] = LINE.exec(line) ?? [];
      expect(line).toBe(`${timestamp.padEnd(20)} ${cpu} ${module.padStart(24)} ${name.padStart(32)}${fields}`);
      expect(['( len: 128 )', '( len: 142 )']).toContain(fields?.trim()); // 20 IP + 8 ICMP + 100; + 14 Ethernet
    }
    const functions = events.map((line) => LINE.exec(line)?.[4]);
    const path = [
      '__ip_local_out',
      'ip_output',
      'ip_finish_output2',
      'dev_hard_start_xmit',
      ...(KERNEL.hasModuleBtf ? ['veth_xmit'] : []),
      'skb_scrub_packet',
    ];
    expect(functions.filter((name) => path.includes(name ?? ''))).toEqual([...path, ...path, ...path]);
    if (KERNEL.hasModuleBtf) expect(events.filter((line) => / veth +veth_xmit /.test(line))).toHaveLength(3);
    for (const journey of journeys) {
      const times = journey.split('\n').map((line) => BigInt(LINE.exec(line)?.[1] ?? 0));
      if (times.at(-1) === 0n) times.pop();
      expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    }
    expect(result.stderr).toMatch(/^Attaching program \(total \d+, succeeded \d+, failed \d+, filtered: \d+\)$/m);
    expect(result.stderr).toMatch(/^Trace ready!$/m);
    expect(result.stderr).toContain(`Got ${events.length} traces`);
  });
});

describe('an extension', () => {
  test('is refused with the line that the verifier does not like', () => {
    const result = ipft('-m', '9', '-r', '^ip_output$', '-e', extension('refused.bpf.c'));
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("ipft: the kernel's verifier refuses the extension");
    expect(result.stderr).toContain('; *(volatile __u64 *)(data + 4096) = 1; /* the culprit */');
    expect(result.stderr).toMatch(/invalid access to (memory|mem)/);
    expect(result.stderr).not.toMatch(/^ +at /m);
    expect(result.stdout).toBe('');
  });
});

describe('-l', () => {
  test('lists the functions with the addresses and positions that the kernel has', () => {
    const result = ipft('-l');
    expect(result.status).toBe(0);
    const rows = result.stdout.trimEnd().split('\n');
    expect(rows.length).toBeGreaterThan(1000);
    const symbols = readFileSync('/proc/kallsyms', 'latin1');
    for (const wanted of ['ip_rcv', 'kfree_skbmem']) {
      const address = new RegExp(`^([0-9a-f]{16}) . ${wanted}$`, 'm').exec(symbols)?.[1];
      expect(rows).toContain(`${wanted.padStart(64)}\t${'vmlinux'.padStart(16)}\t0x${address}\t0`);
    }
    const veth = rows.find((row) => row.includes('veth_xmit'));
    if (KERNEL.hasModuleBtf) expect(veth).toMatch(/^ {55}veth_xmit\t {12}veth\t0x[0-9a-f]{16}\t0$/);
    expect(rows.find((row) => row.includes(' ip_output\t'))).toMatch(/\t2$/);
    const one = ipft('-l', '--module-regex', '^vmlinux$', '-r', '^ip_output$').stdout;
    expect(one.trimEnd().split('\n')).toHaveLength(1);
  });

  test('leaves out nothing that ftrace sees of a marked packet', async () => {
    const tracefs = '/sys/kernel/tracing';
    const rows = ipft('-l', ...FEW).stdout.split('\n');
    const listed = new Set(rows.map((row) => row.trim().split('\t')[0] ?? ''));
    // By their line numbers: the kernel looks up each name in all of its symbols, which takes minutes here.
    const available = readFileSync(`${tracefs}/available_filter_functions`, 'latin1').split('\n');
    const numbers = [...available.keys()].filter((index) => listed.has(available[index]?.split(' ')[0] ?? ''));
    writeFileSync(`${tracefs}/set_ftrace_filter`, numbers.map((index) => index + 1).join('\n'));
    writeFileSync(`${tracefs}/trace_clock`, 'mono');
    const result = await traceWhile(['-m', '6', '-o', 'json', ...FEW], () => {
      writeFileSync(`${tracefs}/current_tracer`, 'function');
      network.ping(6, { count: 1 });
      writeFileSync(`${tracefs}/tracing_on`, '0');
    });
    const trace = readFileSync(`${tracefs}/trace`, 'latin1');
    writeFileSync(`${tracefs}/current_tracer`, 'nop');
    writeFileSync(`${tracefs}/set_ftrace_filter`, '');
    writeFileSync(`${tracefs}/tracing_on`, '1');
    const events = parseEvents(result.stdout);
    const seen = events.map((event) => String(event['function']));
    // Between the first and the last function of the packet, in the same process: all that ftrace saw is the packet's.
    const microseconds = events.map((event) => Number(event['timestamp']) / 1000);
    const [first = 0, last = 0] = [microseconds[0], microseconds.at(-1)];
    const expected = [...trace.matchAll(/^ +ping-\d+ .* (\d+\.\d+): (\S+) </gm)]
      .filter(([, time]) => Number(time) * 1e6 > first - 1 && Number(time) * 1e6 < last + 1)
      .map(([, , name]) => name ?? '');
    expect(expected.length).toBeGreaterThan(FEW.length > 0 ? 5 : 10);
    expect(expected.filter((name) => !seen.includes(name))).toEqual([]);
  });
});

describe('the process', () => {
  test('leaves nothing behind when it is killed', async () => {
    const programs = () => run('bpftool', ['prog', 'show']).stdout.match(/name ipft_\w+/g) ?? [];
    const links = () => run('bpftool', ['link', 'show']).stdout.match(/^\d+: .*/gm) ?? [];
    using tracing = new Tracing(['-m', '3', '-e', compiled(example('skb-len.bpf.c')), '-r', '^ip_(output|rcv)$']);
    await tracing.ready();
    expect(programs().length).toBeGreaterThan(0);
    // 5.10 has no links to perf events.
    if (KERNEL.hasModuleBtf) expect(links().length).toBeGreaterThan(0);
    await tracing.stop('SIGKILL');
    await until(
      () => programs().length + links().length === 0,
      () => [...programs(), ...links()].join(),
    );
  });
});
