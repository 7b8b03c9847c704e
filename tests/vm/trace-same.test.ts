/** Traces whose result is the same on all kernels: tested on one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { example, extension, ipft, Network, parseEvents, run, Tracing, traceWhile, until } from './harness.js';
import { KERNEL } from './kernels.js';

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

describe('an extension', () => {
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

describe('the process', () => {
  test('has a probe server, prints what was collected at SIGTERM, and ends at once at the second signal', async () => {
    const server = ['--enable-probe-server', '--probe-server-port', '14000'];
    using first = new Tracing(['-m', '3', '-r', '^ip_output$', ...server]);
    await first.ready();
    // It accepts connections on loopback.
    await new Promise<void>((resolve, reject) => {
      connect(14000, '127.0.0.1', resolve).on('error', reject);
    });
    network.ping(3, { count: 2 });
    const result = await first.stop('SIGTERM');
    expect(result.status).toBe(0);
    expect(result.stdout.match(/ip_output$/gm)).toHaveLength(2);
    // Nobody reads, so that the result can't be written: the first signal waits for that, the second does not.
    using second = new Tracing(['-m', '3', '-o', 'json', '-r', '^(ip_output|ip_finish_output|dev_hard_start_xmit)$']);
    await second.ready();
    second.process.stdout?.pause();
    network.ping(3, { count: 1500, more: ['-f'] });
    // Two signals at the same moment are one for the kernel.
    await until(
      () => {
        second.process.kill('SIGINT');
        return second.process.exitCode !== null;
      },
      () => 'the end',
    );
    expect(second.process.exitCode).toBe(130);
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

    const covered = (path: string) =>
      run('unshare', ['-m', 'sh', '-c', `mount --bind /dev/null ${path}; IPFT_CACHE= ${node} bin/ipft.js -m 1`]);
    const noTypes = covered('/sys/kernel/btf/vmlinux');
    expect(noTypes.stderr).toContain("reading the kernel's types: /sys/kernel/btf/vmlinux: BTF at byte 0: ");
    expect(noTypes.stderr).toContain('something else lies over that file');
    const noFunctions = covered('/sys/kernel/tracing/available_filter_functions');
    expect(noFunctions.stderr).toContain('/sys/kernel/tracing/available_filter_functions names none');

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

/** A text file with the name of an object. */
function textFile(): string {
  const path = join(tmpdir(), 'ipft-test-not-an-object.o');
  writeFileSync(path, 'this is text, and enough of it to fill the header of an ELF file, which has 64 bytes\n');
  return path;
}

describe('-o json', () => {
  test('types the values of every kind of field, and shows segmentation of TCP, over IPv4 and IPv6', async () => {
    const result = await traceWhile(
      ['-m', '77', '-o', 'json', '--json-events-only', '-e', extension('types.bpf.c'), '-r', '^dev_hard_start_xmit$'],
      () => {
        network.send('udp', '10.11.0.2', 77, 333);
        network.send('udp', 'fd11::2', 77, 333);
        network.send('tcp', '10.11.0.2', 77, 60_000);
        network.send('tcp', 'fd11::2', 77, 60_000);
      },
    );
    expect(result.stderr).not.toContain('bug:');
    const lines = result.stdout.trimEnd().split('\n');
    const [v4, v6, ...segments] = parseEvents(result.stdout);
    expect(lines).toHaveLength(2 + segments.length);
    const fixed = { mark: '0x4d', gso_type: '<none>', gso_size: 0, linear: true, letter: 105, tiny: -8 };
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
    // The bytes behind the headers, of all segments but the first, which has more options; some may be sent twice.
    const payload = (protocol: string, header: number) =>
      segments
        .filter((event) => event['protocol'] === protocol)
        .slice(1)
        .reduce((sum, { len }) => sum + Number(len) - header, 0);
    expect(payload('IPV4', 14 + 20 + 32)).toBeGreaterThanOrEqual(60_000);
    expect(payload('IPV6', 14 + 40 + 32)).toBeGreaterThanOrEqual(60_000);
    expect(segments).toContainEqual(expect.objectContaining({ protocol: 'IPV4', gso_type: 'tcpv4', gso_size: 1448 }));
    expect(segments).toContainEqual(expect.objectContaining({ protocol: 'IPV6', gso_type: 'tcpv6', gso_size: 1428 }));
  });
});

describe('where there are no events, it says what was seen', () => {
  test('other packets', async () => {
    using others = new Tracing(['-m', '0x77', '-r', '^(ip_output|icmp_rcv)$']);
    await others.ready();
    // Until calls have been counted, on a slow machine too.
    for (let tries = 0; tries < 3; tries++) network.ping(0x76, { count: 8 });
    expect((await others.stop()).stderr).toMatch(
      /^ {2}no packet with mark 0x77 was seen\n {2}in \d\.\d s that were counted the 2 traced functions were called \d+ times: by other packets\n {2}ipft mark-help /m,
    );
  });

  test('packets elsewhere, and those that an extension leaves out', async () => {
    const elsewhere = await traceWhile(['-m', '0x77', '-r', '^tcp_v4_rcv$'], () => network.ping(0x77, { count: 1 }));
    expect(elsewhere.stderr).toMatch(/^ {2}packets with mark 0x77 were seen, but none passed the traced function$/m);
    const args = ['-m', '0x77', '-r', '^icmp_rcv$', '--follow', '-e', extension('drop-small.bpf.c')];
    const left = await traceWhile(args, () => network.ping(0x77, { count: 1 }));
    expect(left.stderr).toMatch(
      /^ {2}packets with mark 0x77 were seen, but the extension left out all of their events$/m,
    );
  });
});
