/** The life of the process: signals, terminals that go, full disks, limits, children. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compiled, example, extension, IPFT, Network, ROOT, run, Tracing, until } from './harness.js';

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-process-test-'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const FEW = ['-r', '^(ip_output|dev_hard_start_xmit|icmp_rcv)$'];
const countJourneys = (text: string) => text.split('\n').filter((line) => line.startsWith('=== ')).length;

/** Whether a process exists and is no zombie. */
function lives(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Processes whose arguments contain a text. */
function find(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false;
      }
    });
}

describe('signals', () => {
  test.each(['SIGHUP', 'SIGUSR1', 'SIGPROF'] as const)(
    '%s ends a trace as SIGINT does, also when it comes twice',
    async (signal) => {
      using tracing = new Tracing(['-m', '61', ...FEW], {}, [IPFT]);
      await tracing.ready();
      network.ping(61, { count: 1 });
      tracing.process.kill(signal);
      const { status, stdout, stderr } = await tracing.stop(signal);
      expect(status).toBe(0);
      expect(countJourneys(stdout)).toBe(1);
      expect(stderr).toContain('Nothing was lost');
      expect(stderr).not.toContain('Debugger');
    },
  );

  test.each([
    ['nohup ipft', ['nohup', IPFT], 'SIGHUP'],
    ['ipft & of a shell that is not interactive', ['sh', '-c', '"$0" "$@" & wait', IPFT], 'SIGINT'],
  ] as const)('what was ignored stays ignored: %s', async (_title, command, signal) => {
    const mark = signal === 'SIGHUP' ? '62' : '63';
    using tracing = new Tracing(['-m', mark, ...FEW], {}, [...command]);
    await tracing.ready();
    const [pid = 0] = find(`ipft --ready-file`).filter(
      (one) => readFileSync(`/proc/${one}/comm`, 'latin1') === 'ipft\n',
    );
    network.ping(Number(mark), { count: 1 });
    process.kill(pid, signal);
    network.ping(Number(mark), { count: 1 });
    expect(lives(pid)).toBe(true);
    process.kill(pid, 'SIGTERM');
    const { stdout, status } = await tracing.ended();
    expect(status).toBe(0);
    expect(countJourneys(stdout)).toBe(2);
  });

  test('the first SIGINT after --count has ended the trace is no interrupt', async () => {
    using tracing = new Tracing(['-m', '64', '--count', '1', '-b', 'ftrace', '-r', '^ip_[a-o]'], {}, [IPFT]);
    await tracing.ready();
    network.ping(64, { count: 1 });
    await until(() => tracing.stderr.includes(' journey'), 'the result is out');
    // Releasing functions one by one waits for grace periods; their length is a setting of the machine.
    expect(readFileSync('/sys/kernel/rcu_expedited', 'latin1')).toBe('0\n');
    const { status, stdout } = await tracing.stop();
    expect(status).toBe(0);
    expect(countJourneys(stdout)).toBe(1);
  });
});

describe('a signal before it traces', () => {
  /** For its files alone: in that of the guest comes and goes what does so on the machine. */
  let temporary: string;
  beforeAll(() => {
    temporary = join(dir, 'temporary');
    mkdirSync(temporary);
  });
  const trace = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    new Tracing(['-m', '69', ...args], { ...env, TMPDIR: temporary }, [IPFT]);

  /** Interrupts a tracer, and checks that neither a result nor children nor files are left. */
  async function interrupt(tracing: Tracing, signal: NodeJS.Signals, children: readonly number[] = []): Promise<void> {
    const { status, stdout, stderr } = await tracing.stop(signal);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^nothing was traced\n/m);
    expect(stderr).not.toMatch(/bug:|^ +at |damaged/m);
    expect(children.filter(lives)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  }

  /** The threads of a process that load programs. */
  const loading = (pid: number) => {
    try {
      return readdirSync(`/proc/${pid}/task`).filter((task) =>
        readFileSync(`/proc/${pid}/task/${task}/comm`, 'latin1').startsWith('ipft-'),
      );
    } catch {
      return [];
    }
  };

  test.each(['SIGINT', 'SIGTERM'] as const)('%s while the compiler runs', async (signal) => {
    const compiler = join(dir, `waiting-compiler-${signal}`);
    writeFileSync(compiler, `#!/bin/sh\ntrap '' HUP INT TERM\nsleep 1000 & echo $! > '${compiler}.pid'; wait\n`, {
      mode: 0o755,
    });
    using tracing = trace(['-e', example('skb-len.bpf.c'), ...FEW], { CC: compiler });
    await until(() => existsSync(`${compiler}.pid`), 'the compiler runs');
    await interrupt(tracing, signal, [Number(readFileSync(`${compiler}.pid`, 'utf8')), ...find(compiler)]);
  });

  test('while an object holds up the child that links', async () => {
    using tracing = trace(['-e', compiled(example('skb-len.bpf.c')), ...FEW]);
    const child = () => find('link-child.js\0link');
    await until(() => child().length > 0, 'it links');
    const pids = child();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await interrupt(tracing, 'SIGINT', pids);
  });

  test.each(['SIGINT', 'SIGHUP'] as const)('%s while the verifier works', async (signal) => {
    using tracing = trace(['-e', extension('long.bpf.c'), ...FEW]);
    await until(() => loading(tracing.process.pid!).length > 0, 'it loads');
    await interrupt(tracing, signal);
  });

  test('while it attaches', async () => {
    using tracing = trace(['-b', 'ftrace', '-r', '^(ip|tcp)_']);
    const attached = () => {
      try {
        return readdirSync(`/proc/${tracing.process.pid}/fd`).filter((fd) =>
          /^link_type:/m.test(readFileSync(`/proc/${tracing.process.pid}/fdinfo/${fd}`, 'latin1')),
        ).length;
      } catch {
        return 0;
      }
    };
    await until(() => attached() > 5, 'it attaches');
    await interrupt(tracing, 'SIGINT');
  });
});

test('a storm of SIGALRM and SIGWINCH while it begins: it traces', async () => {
  const signals = ['SIGALRM', 'SIGWINCH'] as const;
  // A library that is loaded into the process, and handles the signals.
  const taker = join(dir, 'taker.cjs');
  writeFileSync(taker, signals.map((signal) => `process.on('${signal}', () => {});\n`).join(''));
  using tracing = new Tracing(['-m', '60', ...FEW], { NODE_OPTIONS: `--require ${taker}` }, [IPFT]);
  const pid = tracing.process.pid!;
  // Before that, the signal would end the shell that becomes Node.
  const takes = (signal: NodeJS.Signals) => (takenBy(pid) >> BigInt(constants.signals[signal] - 1)) & 1n;
  await until(() => signals.every((signal) => takes(signal) === 1n), 'it takes the signals');
  const kills = signals.map((signal) => `os.kill(${pid}, signal.${signal}); time.sleep(0.001)`);
  const script = `import os, signal, time\nwhile True:\n ${kills.join('; ')}`;
  const storm = spawn('/usr/bin/python3', ['-IS', '-c', script], { stdio: 'ignore' });
  try {
    await tracing.ready();
    network.ping(60, { count: 1 });
    const { status, stdout, stderr } = await tracing.stop();
    expect(status).toBe(0);
    expect(countJourneys(stdout)).toBe(1);
    expect(stderr).toContain('Nothing was lost');
  } finally {
    storm.kill('SIGKILL');
  }
});

/** The signals that a process has handlers for, as a mask. */
function takenBy(pid: number): bigint {
  const [, mask = '0'] = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return BigInt(`0x${mask}`);
}

test('tools find the process by its name', async () => {
  using tracing = new Tracing(['-m', '65', ...FEW], {}, [IPFT]);
  await tracing.ready();
  const pid = String(tracing.process.pid);
  expect(run('pgrep', ['-x', 'ipft']).stdout.split('\n')).toContain(pid);
  expect(run('pidof', ['ipft']).stdout.trim().split(' ')).toContain(pid);
  expect(run('ps', ['-o', 'args=', '-p', pid]).stdout).toMatch(/^ipft --ready-file .* -m 65 /);
  network.ping(65, { count: 1 });
  run('pkill', ['-INT', '-x', 'ipft']);
  expect(countJourneys((await tracing.ended()).stdout)).toBe(1);
});

describe('a terminal that goes', () => {
  /** Traces at a terminal of its own, which goes when `terminal` ends. */
  function traceAtTerminal(name: string, line: string): { terminal: ChildProcess; path: (what: string) => string } {
    const path = (what: string) => join(dir, `${name}.${what}`);
    writeFileSync(path('status.sh'), `${line}\necho "$?" > '${path('status')}'\n`);
    // When the terminal goes, the kernel signals the shell that leads the session; when that ends, all other processes.
    writeFileSync(path('sh'), `sh '${path('status.sh')}'\n:\n`);
    const env = { ...process.env, IPFT, READY: path('ready'), OUT: path('out') };
    const terminal = spawn('script', ['-qec', `sh '${path('sh')}'`, '/dev/null'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    return { terminal, path };
  }

  test.each([
    ['stdout-file', `trap : HUP; "$IPFT" -m 66 --ready-file "$READY" -r '${FEW[1]}' > "$OUT"`, false],
    ['output-file', `trap : HUP; "$IPFT" -m 66 --ready-file "$READY" -r '${FEW[1]}' --output-file "$OUT"`, false],
    ['nohup', `trap '' HUP; "$IPFT" -m 66 --ready-file "$READY" -r '${FEW[1]}' --output-file "$OUT"`, true],
  ])('the result is written where it still can go: %s', async (name, line, goesOn) => {
    const { terminal, path } = traceAtTerminal(name, line);
    await until(() => existsSync(path('ready')), 'ready');
    const pid = Number(readFileSync(path('ready'), 'utf8'));
    network.ping(66, { count: 1 });
    // Its end closes the terminal.
    terminal.kill('SIGKILL');
    if (goesOn) {
      await sleep(500);
      network.ping(66, { count: 1 });
      expect(lives(pid)).toBe(true);
      process.kill(pid, 'SIGINT');
    }
    await until(() => existsSync(path('status')) && statSync(path('status')).size > 0, 'the end');
    expect(readFileSync(path('status'), 'utf8')).toBe('0\n');
    expect(countJourneys(readFileSync(path('out'), 'utf8'))).toBe(goesOn ? 2 : 1);
  });
});

describe('a disk that is full', () => {
  /** Runs `body` with a file system that has room for so many pages. */
  async function withSmallDisk(pages: number, body: (path: string) => Promise<void> | void): Promise<void> {
    const path = join(dir, 'disk');
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${pages * 4096}`, 'tmpfs', path]);
    try {
      await body(path);
    } finally {
      execFileSync('umount', [path]);
    }
  }

  test('all bytes are written, or the status says that they are not', async () => {
    const whole = run(IPFT, ['completion', 'fish']).stdout;
    const pages = Math.floor(whole.length / 4096);
    for (const room of [1, pages, pages + 1]) {
      await withSmallDisk(room, (disk) => {
        const path = join(disk, 'file');
        for (const command of [
          `'${IPFT}' completion fish > '${path}'`,
          `'${IPFT}' completion fish --output-file '${path}'`,
        ]) {
          const { status, stderr } = run('sh', ['-c', command]);
          expect({ room, status }).toEqual({ room, status: room > pages ? 0 : 1 });
          if (room > pages) expect(readFileSync(path, 'utf8')).toBe(whole);
          else expect(stderr).toMatch(/^ipft: writing to \S+: ENOSPC/);
          rmSync(path);
        }
      });
    }
  });

  test('a trace whose result is cut does not say that nothing was lost', async () => {
    await withSmallDisk(1, async (disk) => {
      using tracing = new Tracing(['-m', '67', ...FEW], {}, [
        'sh',
        '-c',
        `exec '${IPFT}' "$@" > '${join(disk, 'file')}'`,
        'sh',
      ]);
      await tracing.ready();
      network.ping(67, { count: 60, more: ['-i', '0.01'] });
      const { status, stderr } = await tracing.stop();
      expect(status).toBe(1);
      expect(stderr).toContain('writing to stdout: ENOSPC');
      expect(stderr).not.toContain('Nothing was lost');
      expect(statSync(join(disk, 'file')).size).toBe(4096);
    });
  });
});

test('a reader that never reads does not hold up the end: --duration, --count, SIGTERM', async () => {
  const ways = [
    ['--duration', '68', ['--duration', '5s']],
    ['--count', '168', ['--count', '200']],
    ['SIGTERM', '268', []],
  ] as const;
  const tracings: Tracing[] = [];
  try {
    for (const [how, mark, options] of ways) {
      const fifo = join(dir, `nobody-reads-${how}`);
      run('mkfifo', [fifo]);
      // The shell has the FIFO open for reading too, so that writing blocks; nobody reads.
      const command = ['bash', '-c', `exec 3<>'${fifo}'; exec '${IPFT}' "$@" >&3`, 'bash'];
      const tracing = new Tracing(['-m', mark, '-o', 'json', ...options, ...FEW], {}, command);
      tracings.push(tracing);
      await tracing.ready();
      // Some 200 bytes an event: more than fits into the pipe and the buffers before it.
      network.ping(Number(mark), { count: 1500, more: ['-f'] });
    }
    // They wait for their readers while the others begin.
    for (const [index, tracing] of tracings.entries()) {
      const [how] = ways[index]!;
      const { status, stderr } = how === 'SIGTERM' ? await tracing.stop('SIGTERM') : await tracing.ended();
      expect(stderr, how).toMatch(
        /writing to stdout: nothing was read for 5 seconds after the trace had ended; .*\d+ bytes/,
      );
      expect(stderr, how).not.toContain('Nothing was lost');
      expect(status, how).toBe(1);
    }
  } finally {
    for (const tracing of tracings) tracing[Symbol.dispose]();
  }
});

test('the child that links does not outlive ipft, also if it is stopped', async () => {
  const child = join(ROOT, 'dist/sys/link-child.js');
  const script = `const child = require('node:child_process').spawn(process.execPath, [${JSON.stringify(child)}, 'link', String(process.pid)]);
    console.log(child.pid); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (text) => resolve(Number(text))));
  // The child waits for the objects to link.
  await until(() => /^(0|63) 0x0 /.test(readFileSync(`/proc/${pid}/syscall`, 'latin1')), 'it reads');
  process.kill(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  await until(() => !lives(pid), 'it has gone');
});

test('a compiler that hangs does not outlive ipft', async () => {
  const compiler = join(dir, 'hanging-compiler');
  writeFileSync(compiler, `#!/bin/sh\ntrap '' HUP INT TERM\n: > '${dir}/compiles'\nsleep 100 & wait\n`, {
    mode: 0o755,
  });
  using tracing = new Tracing(['-m', '68', '-e', example('skb-len.bpf.c'), ...FEW], { CC: compiler }, [IPFT]);
  await until(() => existsSync(join(dir, 'compiles')), 'the compiler runs');
  // The shell that watches the compiler must not be stopped.
  const pids = find(compiler).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`/bin/sh\0${compiler}`),
  );
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  tracing.process.kill('SIGKILL');
  await until(() => !pids.some(lives), 'all of it has gone');
});
