/** Real packets through a real kernel: what is shown is what was sent. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { example, extension, ipft, Network, parseEvents, run, Tracing, traceWhile } from './harness.js';
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
    expect(separator).toMatch(/^=== journey 1, consumed.*, \d+\.\d{3}us, \d+ events$/);
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

  test('ends a line after the function when there is no extension, and honours the mask and the filters', async () => {
    const filters = ['-r', '^(ip_output|dev_hard_start_xmit|ip_rcv)$'];
    const result = await traceWhile(['-m', '0x30', '--mask', '0xf0', ...filters], () => {
      network.ping(0xabcd3e, { count: 1 });
      network.ping(0x43, { count: 1 });
    });
    const lines = result.stdout.trimEnd().split('\n').slice(2);
    expect(lines.map((line) => LINE.exec(line)?.slice(3))).toEqual([
      ['vmlinux', 'ip_output', undefined],
      ['vmlinux', 'dev_hard_start_xmit', undefined],
    ]);
    expect(lines[0]).toMatch(/ip_output$/);
    if (!KERNEL.hasModuleBtf) return;
    const modules = await traceWhile(['-m', '7', '--module-regex', '^veth$', '-o', 'json'], () =>
      network.ping(7, { count: 1 }),
    );
    const seen = parseEvents(modules.stdout);
    expect(new Set(seen.map(({ module }) => module))).toEqual(new Set(['veth']));
    expect(seen.map((line) => line['function'])).toContain('veth_xmit');
  });

  test('with mark 0 it shows packets that have none, also where a mark reaches the highest bit of the mask', async () => {
    const filters = ['-r', '^ip_output$', '--mask', '0x80000001', '-o', 'json', '--json-events-only'];
    const count = async (mark: string, packet: number) => {
      const result = await traceWhile(['-m', mark, ...filters], () => {
        network.ping(0x12, { count: 1 });
        network.ping(packet, { count: 1 });
      });
      return parseEvents(result.stdout).length;
    };
    // One of the two, and the answers, which have no mark.
    expect(await count('0', 0x80000012)).toBe(3);
    expect(await count('0x80000000', 0x80000012)).toBe(1);
  });
});

describe('-o json', () => {
  test('types the values of every kind of field', async () => {
    const result = await traceWhile(
      ['-m', '77', '-o', 'json', '--json-events-only', '-e', extension('types.bpf.c'), '-r', '^dev_hard_start_xmit$'],
      () => {
        network.send('udp', '10.11.0.2', 77, 333);
        network.send('udp', 'fd11::2', 77, 333);
      },
    );
    expect(result.stderr).not.toContain('bug:');
    const lines = result.stdout.trimEnd().split('\n');
    const [v4, v6] = parseEvents(result.stdout);
    expect(lines).toHaveLength(2);
    const fixed = { mark: '0x4d', gso_type: '<none>', gso_size: 0, linear: true, letter: 'i', tiny: -8 };
    expect(v4).toMatchObject({
      ...fixed,
      len: 14 + 20 + 8 + 333,
      protocol: 'IPV4',
      module: 'vmlinux',
      function: 'dev_hard_start_xmit',
      is_return: false,
    });
    expect(v6).toMatchObject({ ...fixed, len: 14 + 40 + 8 + 333, protocol: 'IPV6' });
    expect(lines[0]).toContain('"negative":-9000000000000000001,"largest":18446744073709551615,');
    expect(v4?.['skb']).toBe(v4?.['packet_id']);
    expect(v4?.['packet_id']).toMatch(/^0xff[0-9a-f]{14}$/);
    expect(Object.keys(v4 ?? {}).slice(0, 7)).toEqual([
      ...['packet_id', 'timestamp', 'processor_id', 'module', 'function', 'is_return', 'len'],
    ]);
  });

  test('shows segmentation of TCP, over IPv4 and IPv6', async () => {
    const result = await traceWhile(
      ['-m', '5', '-o', 'json', '-e', extension('types.bpf.c'), '-r', '^dev_hard_start_xmit$'],
      () => {
        network.send('tcp', '10.11.0.2', 5, 60_000);
        network.send('tcp', 'fd11::2', 5, 60_000);
      },
    );
    const events = parseEvents(result.stdout);
    // Segments with data have more than headers and options, which fill 126 bytes at most; some may be sent twice.
    const payload = (protocol: string, header: number) =>
      events
        .filter((event) => event['protocol'] === protocol && Number(event['len']) > 126)
        .reduce((sum, { len }) => sum + Number(len) - header, 0);
    expect(payload('IPV4', 14 + 20 + 32)).toBeGreaterThanOrEqual(60_000);
    expect(payload('IPV6', 14 + 40 + 32)).toBeGreaterThanOrEqual(60_000);
    expect(events).toContainEqual(expect.objectContaining({ protocol: 'IPV4', gso_type: 'tcpv4', gso_size: 1448 }));
    expect(events).toContainEqual(expect.objectContaining({ protocol: 'IPV6', gso_type: 'tcpv6', gso_size: 1428 }));
  });
});

describe('an extension', () => {
  test('drops events with a non-zero return', async () => {
    const args = [
      '-m',
      '9',
      '-o',
      'json',
      '-r',
      '^(ip_output|dev_hard_start_xmit)$',
      '-e',
      extension('drop-small.bpf.c'),
    ];
    const result = await traceWhile(args, () => {
      network.ping(9, { count: 1, bytes: 100 });
      network.ping(9, { count: 1, bytes: 1100 });
    });
    expect(parseEvents(result.stdout).map(({ len }) => len)).toEqual([1128, 1142]);
  });

  test('comes from the skeleton as printed, compiled by hand, and needs no clang', async () => {
    const source = join(dir, 'skeleton.bpf.c');
    writeFileSync(source, ipft('--gen', 'bpf-module-skeleton').stdout);
    execFileSync('clang', ['-target', 'bpf', '-O2', '-g', '-c', source, '-o', join(dir, 'skeleton.bpf.o')]);
    const args = ['-m', '9', '-r', '^dev_hard_start_xmit$', '-e', join(dir, 'skeleton.bpf.o')];
    const result = await traceWhile(args, () => network.ping(9, { count: 1, bytes: 10 }), { CC: '/nonexistent' });
    expect(result.stdout).toMatch(/ dev_hard_start_xmit \( len: 52 \)\n$/);
  });

  test('may have a license, maps, globals, constants and functions of its own', async () => {
    const args = [
      '-m',
      '9',
      '-o',
      'json',
      '-r',
      '^(ip_output|ip_finish_output|dev_hard_start_xmit)$',
      '-e',
      extension('maps.bpf.c'),
    ];
    const result = await traceWhile(args, () => network.ping(9, { count: 2, bytes: 100 }));
    const shown = parseEvents(result.stdout).map(({ seen, count, doubled }) => [seen, count, doubled]);
    expect(shown).toEqual([
      [1, 1, 256],
      [2, 2, 256],
      [1, 3, 284],
      [3, 4, 256],
      [4, 5, 256],
      [2, 6, 284],
    ]);
  });

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

describe('loss', () => {
  test('of events that find no room is counted: shown and lost together are all', async () => {
    const functions = ['ip_output', 'ip_finish_output', 'dev_hard_start_xmit', '__dev_queue_xmit'];
    const args = ['-m', '3', '-o', 'json', '--ring-size', '4K', '-r', `^(${functions.join('|')})$`];
    let sent = 0;
    const result = await traceWhile(args, () => {
      sent = network.ping(3, { count: 400, more: ['-f', '-l', '64'] });
    });
    const shown = parseEvents(result.stdout).length;
    const lost = Number(
      /warning: (\d+) events were lost, since the ring was full \(CPU \d+: /.exec(result.stderr)?.[1],
    );
    expect(lost).toBeGreaterThan(0);
    expect(shown + lost).toBe(functions.length * sent);
  });

  test('does not happen where there is room; sampling keeps one in N', async () => {
    const only = ['-r', '^ip_output$', '-o', 'json'];
    const all = await traceWhile(['-m', '3', ...only], () => network.ping(3, { count: 100, more: ['-f'] }));
    expect(parseEvents(all.stdout)).toHaveLength(100);
    expect(all.stderr).not.toContain('were lost');
    const some = await traceWhile(['-m', '3', ...only, '--perf-sample-period', '10'], () =>
      network.exec('taskset', '1', 'ping', '-q', '-f', '-c', '100', '-m', '3', '10.11.0.2'),
    );
    expect(parseEvents(some.stdout)).toHaveLength(10);
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
    using tracing = new Tracing(['-m', '3', '-e', example('skb-len.bpf.c'), ...FEW]);
    await tracing.ready();
    expect(programs().length).toBeGreaterThan(0);
    // 5.10 has no links to perf events.
    if (KERNEL.hasModuleBtf) expect(links().length).toBeGreaterThan(0);
    await tracing.stop('SIGKILL');
    for (let tries = 0; tries < 300 && programs().length + links().length > 0; tries++) await sleep(200);
    expect([...programs(), ...links()]).toEqual([]);
  });

  test('prints what was collected at SIGTERM, and ends at once at the second signal', async () => {
    using first = new Tracing(['-m', '3', '-r', '^ip_output$']);
    await first.ready();
    network.ping(3, { count: 2 });
    const result = await first.stop('SIGTERM');
    expect(result.status).toBe(0);
    expect(result.stdout.match(/ip_output$/gm)).toHaveLength(2);
    // Nobody reads: the result can't be written, the first signal waits for that, the second does not.
    using second = new Tracing(['-m', '3', '-o', 'json', '-r', '^(ip_output|ip_finish_output|dev_hard_start_xmit)$']);
    await second.ready();
    second.process.stdout?.pause();
    network.ping(3, { count: 1500, more: ['-f'] });
    await sleep(2000);
    second.process.kill('SIGINT');
    await sleep(3000);
    expect(second.process.exitCode).toBeNull();
    second.process.kill('SIGINT');
    // The kernel holds the process until it has released the trampolines: on 6.1 that takes a second.
    for (let tries = 0; tries < 50 && second.process.exitCode === null; tries++) await sleep(100);
    expect(second.process.exitCode).toBe(130);
  });

  test('accepts connections on loopback once it is ready', async () => {
    using tracing = new Tracing([
      '-m',
      '3',
      '-r',
      '^ip_output$',
      '--enable-probe-server',
      '--probe-server-port',
      '14000',
    ]);
    await tracing.ready();
    await new Promise<void>((resolve, reject) => {
      connect(14000, '127.0.0.1', resolve).on('error', reject);
    });
    expect((await tracing.stop()).status).toBe(0);
  });
});

describe('errors', () => {
  test.each([
    [['-r', 'no_such_function'], 'the filters leave none of the '],
    [['-e', '/nonexistent/x.bpf.c'], 'reading the extension /nonexistent/x.bpf.c: no such file'],
    [['-e', textFile()], 'is no sound BPF object: ELF at byte 0'],
  ])('%j: one message, exit status 1, no stack', (args, message) => {
    const result = ipft('-m', '1', ...args);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/^ +at /m);
    expect(result.stdout).toBe('');
  });

  test('tell what is missing: privileges, tracefs, clang, libbpf', () => {
    const node = process.execPath;
    // Root without capabilities: another user might not be able to read this checkout.
    const user = run('setpriv', ['--bounding-set=-all', '--inh-caps=-all', node, 'bin/ipft.js', '-m', '1']);
    expect(user.status).toBe(1);
    expect(user.stderr).toContain('CAP_BPF and CAP_PERFMON are missing');

    const unmounted = run('unshare', [
      '-m',
      'sh',
      '-c',
      `umount /sys/kernel/debug/tracing /sys/kernel/tracing; umount /sys/kernel/debug; ${node} bin/ipft.js -m 1`,
    ]);
    expect(unmounted.status).toBe(1);
    expect(unmounted.stderr).toContain('mount -t tracefs tracefs /sys/kernel/tracing');

    const noBtf = run('unshare', ['-m', 'sh', '-c', `mount -t tmpfs none /sys/kernel/btf; ${node} bin/ipft.js -m 1`]);
    expect(noBtf.stderr).toContain('CONFIG_DEBUG_INFO_BTF');

    const noClang = run(node, ['bin/ipft.js', '-m', '1', '-e', example('skb-len.bpf.c')], { PATH: '/nonexistent' });
    expect(noClang.status).toBe(1);
    expect(noClang.stderr).toContain('install clang');

    const library = run('sh', [
      '-c',
      'readlink -f "$(ldconfig -p | sed -n "s/.*libbpf.so.1 .*=> //p" | head -n 1)"',
    ]).stdout.trim();
    const noLibbpf = run('unshare', ['-m', 'sh', '-c', `mount --bind /dev/null ${library}; ${node} bin/ipft.js -m 1`]);
    expect(noLibbpf.status).toBe(1);
    expect(noLibbpf.stderr).toContain('libbpf1 on Debian');
  });
});

describe('where there are no events, it says what was seen', () => {
  test('other packets, packets elsewhere, and those that an extension leaves out', async () => {
    using others = new Tracing(['-m', '0x77', '-r', '^(ip_output|icmp_rcv)$']);
    await others.ready();
    // Until calls have been counted, however slow this is.
    for (let tries = 0; tries < 3; tries++) network.ping(0x76, { count: 8 });
    expect((await others.stop()).stderr).toMatch(
      /^ {2}no packet with mark 0x77 was seen\n {2}in \d\.\d s that were counted the 2 traced functions were called \d+ times: by other packets\n {2}ipft mark-help /m,
    );
    const elsewhere = await traceWhile(['-m', '0x77', '-r', '^tcp_v4_rcv$'], () => network.ping(0x77, { count: 1 }));
    expect(elsewhere.stderr).toMatch(/^ {2}packets with mark 0x77 were seen, but none passed the traced function$/m);
    const args = ['-m', '0x77', '-r', '^icmp_rcv$', '--follow', '-e', extension('drop-small.bpf.c')];
    const left = await traceWhile(args, () => network.ping(0x77, { count: 1 }));
    expect(left.stderr).toMatch(
      /^ {2}packets with mark 0x77 were seen, but the extension left out all of their events$/m,
    );
  });
});

/** A file that is no object, under a name that says it is one. */
function textFile(): string {
  const path = join(tmpdir(), 'ipft-test-not-an-object.o');
  writeFileSync(path, 'this is text, and enough of it to fill the header of an ELF file, which has 64 bytes\n');
  return path;
}
