/** What someone at a terminal, or a script, expects of the command line, with real traces. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IPFT, ipft, Network, run, splitJson, Tracing, traceWhile } from './harness.js';
import { KERNEL } from './kernels.js';

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-vm-test-'));
  // As it is called where it is installed.
  mkdirSync(join(dir, 'bin'));
  symlinkSync(IPFT, join(dir, 'bin/ipft'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const FEW = ['-r', '^(ip_output|dev_hard_start_xmit|icmp_rcv)$'];
/** What every colour begins with. */
const COLOR = '\x1b[';

/** Runs a line in bash, where `ipft` is on the path. */
const bash = (line: string, env: NodeJS.ProcessEnv = {}) =>
  run('bash', ['-c', `cd '${dir}'; ${line}`], { PATH: `${dir}/bin:${process.env['PATH']}`, ...env });
/** The same at a terminal of its own; all that is written is in `stdout`. */
const atTerminal = (line: string, env: NodeJS.ProcessEnv = {}) =>
  run('script', ['-qec', line, '/dev/null'], { PATH: `${dir}/bin:${process.env['PATH']}`, TERM: 'xterm', ...env });

describe('a trace ends by itself', () => {
  test('--count: when so many packets have ended; --time relative: since tracing began', async () => {
    const began = performance.now();
    using tracing = new Tracing(['-m', '31', '-o', 'json', '--count', '2', '--time', 'relative', ...FEW]);
    await tracing.ready();
    network.ping(31, { count: 1 });
    expect(tracing.process.exitCode).toBeNull();
    network.ping(31, { count: 1 });
    const { status, stdout } = await tracing.ended();
    const elapsed = (performance.now() - began) * 1e6;
    const { journeys, events } = splitJson(stdout);
    expect(status).toBe(0);
    expect(journeys).toHaveLength(2);
    expect(events).toHaveLength(journeys.reduce((sum, journey) => sum + journey.events, 0));
    for (const { timestamp } of events) {
      expect(timestamp).toBeGreaterThanOrEqual(0);
      expect(timestamp).toBeLessThan(elapsed);
    }
    expect(journeys[0]?.begin).toBe(events[0]?.['timestamp']);
  });

  test('--duration: counted from when it is ready', async () => {
    // It begins before the trace, and lasts longer.
    const args = ['netns', 'exec', network.here, 'ping', '-q', '-i', '0.05', '-m', '32', '10.11.0.2'];
    const ping = spawn('ip', args, { stdio: 'ignore' });
    using tracing = new Tracing(['-m', '32', '-o', 'json', '--duration', '3s', ...FEW]);
    await tracing.ready();
    const { readyAtMs } = tracing;
    const { status, stdout } = await tracing.ended();
    // No less, however fast or slow this machine is: counted from its start, it would be.
    expect(Date.now() - readyAtMs).toBeGreaterThanOrEqual(3000);
    ping.kill();
    expect(status).toBe(0);
    const { journeys, events } = splitJson(stdout);
    expect(events).toHaveLength(journeys.reduce((sum, journey) => sum + journey.events, 0));
  });
});

describe('--time wall', () => {
  test('text: local time of day, also of returns', async () => {
    const graph = KERNEL.chosen.function_graph === 'ftrace' ? [] : ['-t', 'function_graph'];
    const args = ['-m', '34', '--time', 'wall', ...FEW, ...graph];
    const before = Date.now();
    const result = await traceWhile(args, () => network.ping(34, { count: 1 }), { TZ: 'Asia/Tokyo' });
    const after = Date.now();
    const lines = result.stdout.split('\n').filter((line) => /^\d/.test(line));
    expect(lines).toHaveLength(graph.length > 0 ? 4 : 2);
    for (const line of lines) {
      const [, time = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}) \d{3} {18}vmlinux /.exec(line) ?? [];
      expect(Date.parse(`${time.slice(0, 23)}+09:00`)).toBeGreaterThan(before - 5);
      expect(Date.parse(`${time.slice(0, 23)}+09:00`)).toBeLessThan(after + 5);
    }
  });
});

describe('--output-file', () => {
  test('has the result instead of stdout, without colours, and only for its owner', async () => {
    const path = join(dir, 'trace.json');
    const args = ['-m', '35', '-o', 'json', '--time', 'wall', '--output-file', path, ...FEW];
    const before = Date.now();
    const result = await traceWhile(args, () => network.ping(35, { count: 1 }));
    const after = Date.now();
    expect(result).toMatchObject({ status: 0, stdout: '' });
    const { events, journeys } = splitJson(readFileSync(path, 'utf8'));
    expect({ events, journeys }).toMatchObject({ journeys: [{ events: 2 }], events: [{}, {}] });
    // Nanoseconds since the epoch.
    const times = [...events.map(({ timestamp }) => timestamp), ...journeys.flatMap(({ begin, end }) => [begin, end])];
    for (const time of times) {
      expect(Number(time) / 1e6).toBeGreaterThan(before - 5);
      expect(Number(time) / 1e6).toBeLessThan(after + 5);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    // A shorter one replaces it.
    writeFileSync(path, 'x'.repeat(100_000));
    const listed = ipft('-l', ...FEW, '--output-file', path);
    expect(listed).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(3);
  });

  test('what could lead elsewhere is refused before anything is attached', () => {
    const target = join(dir, 'precious');
    writeFileSync(target, 'precious');
    symlinkSync(target, join(dir, 'planted'));
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    for (const name of ['planted', 'pipe', 'bin']) {
      const result = ipft('-m', '1', '--output-file', join(dir, name), ...FEW);
      expect(result).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toMatch(new RegExp(`^ipft: writing to ${join(dir, name)}: `));
      expect(result.stderr).not.toContain('Attaching');
    }
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  test('a full disk is an error that says so', () => {
    const small = join(dir, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4096', 'tmpfs', small]);
    try {
      const result = ipft('-l', '--output-file', join(small, 'list'));
      expect(result.status).toBe(1);
      expect(result.stderr).toMatch(/^ipft: writing to .*\/small\/list: ENOSPC/m);
      expect(result.stderr).not.toContain('bug:');
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describe('a reader that has seen enough', () => {
  test('ipft -l | head -1', () => {
    const result = bash(`ipft -l | head -1; echo "\${PIPESTATUS[0]}"`);
    const [first, status, ...rest] = result.stdout.trimEnd().split('\n');
    expect(first).not.toBe('');
    expect([status, ...rest]).toEqual(['0']);
    expect(result.stderr).not.toMatch(/EPIPE|bug:|Error/);
  });

  test('-o json | head -1: ends at once, also if no further event comes', async () => {
    const line = `ipft "$@" | head -1; exit "\${PIPESTATUS[0]}"`;
    using tracing = new Tracing(
      ['-m', '36', '-o', 'json', '--json-events-only', ...FEW],
      { PATH: `${dir}/bin:${process.env['PATH']}` },
      ['bash', '-c', line, 'bash'],
    );
    await tracing.ready();
    network.ping(36, { count: 1 });
    const { status, stdout, stderr } = await tracing.ended();
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ function: 'ip_output' });
    expect(stderr).not.toMatch(/EPIPE|bug:|Error/);
  });
});

describe('at a terminal', () => {
  test('there are colours, if they are wanted', () => {
    const trace = `ipft -m 37 --count 1 ${FEW.map((word) => `'${word}'`).join(' ')}`;
    const ping = `ip netns exec ${network.here} ping -q -i 0.5 -m 37 -w 60 -c 60 10.11.0.2 >/dev/null & `;
    const show = (more: string, env: NodeJS.ProcessEnv = {}) => {
      const { stdout } = atTerminal(`${ping} ${trace} ${more}; kill $!`, env);
      // What takes progress away is no colour.
      return stdout.replaceAll('\x1b[K', '');
    };
    const colored = show('');
    expect(colored).toContain('\n\x1b[1m=== journey 1\x1b[0m, \x1b[36mconsumed');
    // At the beginning of a line, where progress stood.
    expect(colored).toContain('\r\x1b[1mTimestamp ');
    const events = colored.split('\r\n').filter((line) => /^\d/.test(line));
    expect(events).not.toEqual([]);
    for (const line of events) expect(line).not.toContain(COLOR);
    const plain = show('', { NO_COLOR: '1' });
    expect(plain).toContain('\n=== journey 1, consumed');
    expect(plain).not.toContain(COLOR);
    expect(show('--color always 2>/dev/null | cat')).toContain('\n\x1b[1m=== journey 1\x1b[0m');
  });
});

test('the shell completes names of functions and modules', () => {
  const script = `source <(ipft completion bash)
    for words in "-r '^dev_hard_st" '--module-regex vmlin' '--module-regex vet'; do
      COMP_WORDS=(ipft $words) COMP_CWORD=2 COMPREPLY=()
      _ipft
      echo "\${COMPREPLY[@]}"
    done`;
  const { stdout, stderr } = bash(script);
  expect(stderr).toBe('');
  expect(stdout).toBe(`^dev_hard_start_xmit\nvmlinux\n${KERNEL.hasModuleBtf ? 'veth' : ''}\n`);
});

test('ping takes the mark as the help writes it', () => {
  const help = ipft('--help').stdout;
  const [mark = ''] = /ping -m (\S+)/.exec(help)?.slice(1) ?? [];
  expect(network.exec('ping', '-q', '-c', '1', '-w', '300', '-m', mark, '10.11.0.2')).toContain('1 received');
});
