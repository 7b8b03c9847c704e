/** How a program is run that stands behind --: its status, its terminal, its user, and what is left of it. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IPFT, ipft, Network, ROOT, run, splitJson, Tracing, until } from './harness.js';

const FEW = ['-r', '^(ip_output|ip_rcv|icmp_rcv)$'];
const PYTHON = '/usr/bin/python3';

let network: Network;
let directory: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  directory = mkdtempSync(join(tmpdir(), 'ipft-command-'));
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
});
afterAll(() => {
  network?.[Symbol.dispose]();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

const inNetwork = (...command: string[]) => ['ip', 'netns', 'exec', network.here, ...command];
const countJourneys = (text: string) => text.split('\n').filter((line) => line.startsWith('=== ')).length;

/** What is shown at a terminal of its own. */
function atTerminal(steps: readonly (readonly [text: string, keys: string])[], ...args: string[]) {
  return run(PYTHON, ['-IS', join(ROOT, 'tests/vm/terminal.py'), JSON.stringify(steps), IPFT, ...args]);
}

/** Processes of ipft that live. */
function findIpft(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/status`, 'latin1') : '';
      return /^Name:\tipft$/m.test(status) && !/^State:\tZ/m.test(status);
    } catch {
      return false;
    }
  });
}

describe('its exit status', () => {
  test('is that of the program, or tells why there is none; all but the trace is silent', () => {
    const ended = ipft(
      ...FEW,
      '--',
      'sh',
      '-c',
      'cat; grep -hc "^flags:.*[4-7]...$" /proc/self/fdinfo/[12]; echo said >&2; ping -q -c 1 127.0.0.1 >/dev/null; exit 77',
    );
    // Nobody has set O_NONBLOCK, which no program expects.
    expect(ended).toMatchObject({ status: 77, stdout: '0\n0\n' });
    const [said, header, ...lines] = ended.stderr.trimEnd().split('\n');
    expect([said, header]).toEqual(['said', expect.stringMatching(/^Timestamp +CPU/)]);
    for (const line of lines) expect(line).toMatch(/^(=== journey|\d+ )/);
    expect(countJourneys(ended.stderr)).toBe(2);
    const text = join(directory, 'text');
    writeFileSync(text, 'no program', { mode: 0o755 });
    expect(ipft(...FEW, '--', text)).toMatchObject({ status: 126, stdout: '' });
  });

  test('without privileges is 125', () => {
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, IPFT, '--', 'true'];
    expect(run('setpriv', asNobody).status).toBe(125);
  });

  test('what was ignored is ignored there, too, and nothing else; and a program that a signal ends', () => {
    const ignoring = (signals: string) => {
      const says = 'grep SigIgn /proc/self/status; kill -9 $$';
      const script = `trap '' ${signals}; exec "$0" -r '${FEW[1]}' -- sh -c '${says}'`;
      const { status, stdout } = run('sh', ['-c', script, IPFT]);
      expect(status).toBe(137);
      return BigInt(`0x${/SigIgn:\s+(\S+)/.exec(stdout)?.[1]}`);
    };
    const bits = (...names: (keyof typeof constants.signals)[]) =>
      names.reduce((mask, name) => mask | (1n << BigInt(constants.signals[name] - 1)), 0n);
    expect(ignoring('PIPE TSTP TTIN TTOU')).toBe(bits('SIGPIPE', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'));
    expect(ignoring('HUP')).toBe(bits('SIGHUP'));
  });

  test('with --strict is 125 where something was lost', () => {
    const flood = inNetwork('ping', '-q', '-f', '-c', '3000', '10.11.0.2');
    const { status, stdout } = ipft('--ring-size', '4K', '--strict', '-o', 'paths', '--', ...flood);
    expect(stdout).toContain('3000 packets transmitted');
    expect(status).toBe(125);
  });
});

test('its output file, a recording and -o json are as without a program', () => {
  const ping = inNetwork('ping', '-q', '-c', '2', '-i', '0.1', '10.11.0.2');
  const json = ipft(...FEW, '-o', 'json', '--output-file', '-', '--', 'sh', '-c', `${ping.join(' ')} >&2`);
  expect(json.status).toBe(0);
  // Requests and answers: the answers come to another namespace, and are known there.
  expect(splitJson(json.stdout).journeys.filter(({ parent }) => parent === null)).toHaveLength(4);
  const file = join(directory, 'trace.ipft');
  expect(ipft('record', file, ...FEW, '--', ...ping)).toMatchObject({ status: 0, stderr: '' });
  expect(countJourneys(ipft('show', file).stdout)).toBeGreaterThanOrEqual(4);
  // An expression is asked for besides.
  const none = ipft('tcp', ...FEW, '--', ...ping);
  expect(none.status).toBe(0);
  expect(none.stderr).toContain('no packet');
  expect(countJourneys(none.stderr)).toBe(0);
});

test('a count ends the trace, and not the program', () => {
  const ping = 'ping -q -c 1 127.0.0.1 >/dev/null';
  const { status, stdout, stderr } = ipft(
    ...FEW,
    '--count',
    '1',
    '--',
    'sh',
    '-c',
    `${ping}; sleep 3; ${ping}; echo done; exit 5`,
  );
  expect({ status, stdout }).toEqual({ status: 5, stdout: 'done\n' });
  // The request, and with it perhaps its answer.
  expect([1, 2]).toContain(countJourneys(stderr));
});

test('all that the program leaves belongs to it, until that has ended', async () => {
  const late = 'sleep 1; ping -q -c 1 127.0.0.1; exit 1';
  const script = `(setsid sh -c '${late}' </dev/null >/dev/null 2>&1 &); exit 3`;
  const { status, stderr } = ipft(...FEW, '--', 'sh', '-c', script);
  expect(status).toBe(3);
  expect(countJourneys(stderr)).toBe(2);
});

describe('at a terminal', () => {
  test('Ctrl-C is for the program; what it says of that, and the trace, come', () => {
    const script = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done';
    const { status, stdout } = atTerminal([['ready', '\x03']], ...FEW, '--', 'sh', '-c', script);
    expect(stdout).toContain('caught');
    expect(status).toBe(9);
  });

  test('a program that lives on is left by the second one', () => {
    const script = 'trap "echo caught $$" INT; echo ready; while :; do sleep 0.1; done';
    const steps = [
      ['ready', '\x03'],
      ['caught', '\x03'],
    ] as const;
    const { status, stdout } = atTerminal(steps, ...FEW, '--', 'sh', '-c', script);
    expect(status).toBe(130);
    const [, pid] = /the program goes on: its process is (\d+)/.exec(stdout) ?? [];
    expect(pid).toBe(/caught (\d+)/.exec(stdout)?.[1]);
    run('kill', ['-9', String(pid)]);
  });

  test('it reads from the terminal, and knows that it is one; Ctrl-\\ and Ctrl-D are for it', () => {
    const talk = 'test -t 0 && test -t 1 && echo ready; read line; echo "got $line"; cat; echo over';
    const steps = [
      ['ready', 'words\r'],
      ['got words', '\x04'],
    ] as const;
    const { status, stdout } = atTerminal(steps, ...FEW, '--', 'sh', '-c', talk);
    expect(stdout).toContain('over');
    expect(status).toBe(0);
    expect(atTerminal([['ready', '\x1c']], ...FEW, '--', 'sh', '-c', 'echo ready; exec sleep 1000').status).toBe(131);
  });

  test('Ctrl-Z stops both, and fg goes on', () => {
    // The terminal shows what is typed, too: the program writes a word that is not typed.
    const script = `PS1='$ '; ${IPFT} ${FEW[0]} '${FEW[1]}' -- sh -c 'echo fir\\st; read line; exit 6'; echo "stopped $?"\r`;
    const steps = [
      ['$ ', script],
      ['first', '\x1a'],
      ['stopped 1', 'fg\r'],
      ['read line', '\r'],
    ] as const;
    const shell = ['env', 'PS1=$ ', 'sh', '-i', '-m'];
    const args = ['-IS', join(ROOT, 'tests/vm/terminal.py')];
    const last = ['$ ', 'echo "status $?"; exit\r'] as const;
    const { stdout } = run(PYTHON, [...args, JSON.stringify([...steps, last]), ...shell]);
    expect(stdout).toContain('status 6');
  });
});

test('SIGTERM is handed on; a second one ends the trace, and the program goes on', async () => {
  using ending = new Tracing([...FEW, '--', 'sleep', '1000']);
  await ending.ready();
  await until(() => run('pgrep', ['-f', '^sleep 1000']).stdout !== '', 'the program runs');
  expect((await ending.stop('SIGTERM')).status).toBe(143);
  const script = 'trap "echo caught" TERM; echo ready; while :; do sleep 0.1; done';
  using staying = new Tracing([...FEW, '--', 'sh', '-c', script]);
  await staying.until(() => staying.stdout.includes('ready'), 'the program runs');
  staying.process.kill('SIGTERM');
  await staying.until(() => staying.stdout.includes('caught'), 'the program gets the signal');
  staying.process.kill('SIGTERM');
  await until(() => staying.stderr.includes('goes on'), 'ipft leaves it');
  const [, pid] = /its process is (\d+)/.exec(staying.stderr) ?? [];
  run('kill', ['-9', String(pid)]);
  expect((await staying.ended()).status).toBe(130);
});

test('behind sudo it is the user who called, unless --as-root is given', () => {
  const [, uid, gid, home] =
    /^daemon:[^:]*:(\d+):(\d+):[^:]*:([^:]*):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  const env = { SUDO_UID: uid, SUDO_GID: gid };
  const script = 'echo $(id -u) $(id -g) $HOME; grep -c "CapEff:.0000000000000000" /proc/self/status';
  const asUser = run(process.execPath, [IPFT, ...FEW, '--', 'sh', '-c', script], env);
  expect(asUser.stdout).toBe(`${uid} ${gid} ${home}\n1\n`);
  // Arguments and variables have all their bytes, be they no UTF-8.
  const bytes = ['--as-root', '--', 'sh', '-c', 'id -u; printf %s "$X$0" | od -An -tx1'];
  const shell = `X=$(printf '\\377') exec "$@" "$(printf '\\376')"`;
  const asRoot = run('sh', ['-c', shell, 'sh', process.execPath, IPFT, ...FEW, ...bytes], env);
  expect(asRoot.stdout).toBe('0\n ff fe\n');
});

test("what the kernel sends in a namespace that the program makes is not the program's", () => {
  const make =
    'ip link set lo up; ip link add br0 type bridge; ip link set br0 up; ping -q -c 1 127.0.0.1 >/dev/null; sleep 2';
  const { status, stderr } = ipft(
    '--strict',
    '-r',
    '^(__dev_queue_xmit|ip_output|ip6_output)$',
    '--',
    'unshare',
    '-n',
    'sh',
    '-c',
    make,
  );
  expect(status).toBe(0);
  // The request and its answer, and none of multicast listeners, neighbours and routers.
  expect(stderr.match(/^=== .*/gm)).toEqual([
    expect.stringContaining('echo request'),
    expect.stringContaining('echo reply'),
  ]);
});

test('sockets that it shares with others count, those that others have after it do not', async () => {
  const script = join(ROOT, 'tests/vm/sharing.py');
  const file = join(directory, 'sharing.json');
  const command = [PYTHON, '-IS', script, 'pass', process.execPath, IPFT];
  const server = createServer().listen(7806, '127.0.0.1');
  const echo = createSocket('udp4').bind(7805, '127.0.0.1');
  echo.on('message', (message, { port }) => echo.send(message, port, '127.0.0.1'));
  using tracing = new Tracing(
    [...FEW, '-o', 'json', '--strict', '--output-file', file, '--', PYTHON, '-IS', script, 'use'],
    {},
    command,
  );
  const says = (word: string) => tracing.until(() => tracing.stdout.includes(word), word);
  const send = (bytes: number, port: number, from = createSocket('udp4')) =>
    from.send(Buffer.alloc(bytes), port, '127.0.0.1');
  await says('inherited');
  send(11, 7801);
  await says('accepts');
  const client = connect(7802, '127.0.0.1').on('error', () => {});
  client.write('here');
  await says('shared');
  send(12, 7803);
  await says('closed');
  const other = createSocket('udp4').bind(7804, '127.0.0.1');
  await once(other, 'listening');
  send(13, 7805, other);
  await once(other, 'message');
  send(14, 7801);
  const { status } = await tracing.ended();
  for (const one of [server, echo, other]) one.close();
  client.destroy();
  expect(status).toBe(0);
  const texts = splitJson(readFileSync(file, 'utf8')).journeys.map(({ ipft: about }) => about?.packet.text ?? '');
  const datagrams = texts.map((text) => /127\.0\.0\.1:(78\d\d): UDP, length (\d+)/.exec(text)?.slice(1));
  // Sorted, since a journey's place is that of its end: the kernel may leave it to another CPU to free what was read.
  expect(datagrams.filter((one) => one !== undefined).sort()).toEqual([
    ['7801', '11'],
    ['7801', '14'],
    ['7803', '12'],
    ['7804', '1'],
    ['7805', '1'],
  ]);
  for (const port of [7802, 7806])
    expect(texts).toContainEqual(expect.stringMatching(`> 127\\.0\\.0\\.1:${port}: Flags \\[S\\]`));
});

test('a thousand children at once are followed', () => {
  const script = `
import os, signal, subprocess
children = []
for n in range(1000):
    child = os.fork()
    if child == 0:
        signal.pause()
    children.append(child)
subprocess.run(['ping', '-q', '-c', '1', '127.0.0.1'], stdout=subprocess.DEVNULL)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
os._exit(4)`;
  const { status, stderr } = ipft(...FEW, '--', PYTHON, '-IS', '-c', script);
  expect(status).toBe(4);
  expect(countJourneys(stderr)).toBe(2);
});

test.each([0, 1500, 'ready', 'running', 'late'] as const)(
  'SIGKILL of ipft leaves the program alone, and nothing of ipft: %s',
  async (moment) => {
    const begun = join(directory, `begun-${moment}`);
    const over = join(directory, `over-${moment}`);
    const script = `touch ${begun}; ping -q -c 1 127.0.0.1 >/dev/null; sleep 1; touch ${over}`;
    using tracing = new Tracing([...FEW, '--', 'sh', '-c', script]);
    if (moment === 'ready') await tracing.ready();
    else if (typeof moment === 'number') await sleep(moment);
    else await until(() => existsSync(begun), 'the program runs');
    if (moment === 'late') await sleep(500);
    tracing.process.kill('SIGKILL');
    await tracing.ended();
    if (moment === 'running' || moment === 'late') await until(() => existsSync(over), 'the program goes on');
    await until(() => findIpft().length === 0, 'no process is left');
  },
);
