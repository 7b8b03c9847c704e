/** `ipft` as a capture source of Wireshark, which tshark starts as Wireshark does: set up, captured with, ended, undone. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Network, ROOT, run, until } from './harness.js';

const MARK = 67;
const FUNCTIONS = '^(ip_output|ip_rcv|tcp_v4_rcv|icmp_rcv)$';
const USER = 'ipft-shark';
/** Where the sources can be reached by any user. */
const REACHABLE = '/run/ipft-package';
const IPFT = join(REACHABLE, 'bin/ipft.js');
const SUDOERS = '/etc/sudoers.d/ipft-test';

let dir: string;
let network: Network;
let uid: number;
let gid: number;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-wireshark-'));
  mkdirSync(REACHABLE, { recursive: true });
  execFileSync('mount', ['--bind', ROOT, REACHABLE]);
  execFileSync('useradd', ['--create-home', '--home-dir', `/home/${USER}`, USER]);
  uid = Number(execFileSync('id', ['-u', USER], { encoding: 'utf8' }));
  gid = Number(execFileSync('id', ['-g', USER], { encoding: 'utf8' }));
  network = new Network();
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(SUDOERS, { force: true });
  execFileSync('umount', [REACHABLE]);
  execFileSync('userdel', ['--force', '--remove', USER], { stdio: 'ignore' });
  rmSync(dir, { recursive: true, force: true });
});

const home = () => `/home/${USER}`;
/** What runs a command as the user. */
const asUser = () => [
  ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', 'env', '-i', `HOME=${home()}`],
  ...[`PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`, `USER=${USER}`],
];
const setUp = (environment: NodeJS.ProcessEnv, ...args: string[]) =>
  run(process.execPath, [IPFT, 'wireshark-setup', ...args], environment);
/** As sudo tells who called. */
const bySudo = () => ({ SUDO_UID: String(uid), SUDO_GID: String(gid), HOME: '/root' });

/** Command lines of processes that capture. */
function capturing(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
        return /\bextcap\b.*--capture\b/.test(words) ? [words] : [];
      } catch {
        return [];
      }
    });
}

/** Runs tshark until `isEnough` of what it prints; `traffic` is sent again and again, since nothing says that tracing has begun. */
async function captureUntil(
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
  traffic: () => void,
  isEnough: (lines: string[]) => boolean,
  end: (child: ChildProcess) => void = (child) => void child.kill('SIGINT'),
): Promise<{ lines: string[]; stderr: string; status: number | null }> {
  const [program = '', ...args] = command;
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const lines = () => stdout.split('\n').slice(0, -1);
  try {
    await until(
      () => {
        if (child.exitCode !== null) return true;
        if (/Capturing on/.test(stderr)) traffic();
        return isEnough(lines());
      },
      () => `packets: ${stdout}${stderr}`,
    );
    end(child);
    await until(
      () => child.exitCode !== null || child.signalCode !== null,
      () => `the end of tshark: ${stderr}`,
    );
    await until(
      () => capturing().length === 0,
      () => `the end of ${capturing().join('; ')}`,
    );
    return { lines: lines(), stderr, status: child.exitCode };
  } finally {
    child.kill('SIGKILL');
  }
}

const FIELDS = ['ipft.function', 'ipft.journey', 'ipft.device', 'ipft.netns_name', 'ipft.field.len', 'tcp.dstport'];
const shark = (...more: string[]) => [
  ...['tshark', '-n', '-l', '-i', 'ipft', '-o', `extcap.ipft.regex:${FUNCTIONS}`, '-o', 'extcap.ipft.fields:skb'],
  ...more,
  ...['-T', 'fields', ...FIELDS.flatMap((field) => ['-e', field])],
];

test('as root: tshark lists the interface, captures live and filters by fields, and leaves nothing', async () => {
  const environment = { HOME: dir, SUDO_UID: undefined };
  const made = setUp(environment);
  expect(made.status, made.stderr).toBe(0);
  expect(run('tshark', ['-D'], environment).stdout).toMatch(/^\d+\. ipft \(/m);
  // Both are asked for: the expression and the capture filter.
  const command = shark(
    ...['-f', 'icmp or tcp', '-o', `extcap.ipft.expression:src host 10.11.0.1`, '-C', 'ipft'],
    ...['-Y', 'ipft.function == "ip_rcv" && ipft.device == "veth-b"'],
  );
  const traffic = () => {
    network.ping(MARK, { count: 2 });
    network.send('tcp', '10.11.0.2', MARK, 3000);
    network.ping(MARK, { count: 1, to: 'fd11::2' });
  };
  const { lines, stderr, status } = await captureUntil(
    command,
    environment,
    traffic,
    (lines) => lines.some((line) => !line.endsWith('\t')) && lines.some((line) => line.endsWith('\t')),
  );
  expect(status, stderr).toBe(0);
  expect(stderr).not.toMatch(/error|warning/i);
  for (const line of lines) {
    const [name, journey, device, netns, length] = line.split('\t');
    expect([name, device, netns]).toEqual(['ip_rcv', 'veth-b', network.there]);
    expect(Number(journey)).toBeGreaterThan(0);
    expect(Number(length)).toBeGreaterThan(20);
  }
  expect(setUp(environment, '--undo').status).toBe(0);
  expect(run('tshark', ['-D'], environment).stdout).not.toContain('ipft');
});

test('for a user by sudo: files are theirs, no link leads away, the printed rule lets them capture and no more', async () => {
  // A link that would have root write where the user may not.
  const trap = '/root/ipft-trap';
  mkdirSync(trap, { recursive: true });
  execFileSync('sh', ['-c', `mkdir -p ${home()}/.config/wireshark && chown -R ${USER}: ${home()}/.config`]);
  symlinkSync(trap, join(home(), '.config/wireshark/extcap'));
  const trapped = setUp(bySudo(), '--via', 'sudo');
  expect(trapped.status).toBe(1);
  expect(trapped.stderr).toMatch(/EACCES/);
  expect(readdirSync(trap)).toEqual([]);
  rmSync(join(home(), '.config/wireshark/extcap'));

  const { status, stdout, stderr } = setUp(bySudo(), '--via', 'sudo');
  expect(status, stderr).toBe(0);
  const files = stdout.split('\n').slice(0, 4);
  for (const file of files) {
    expect(file.startsWith(`${home()}/`)).toBe(true);
    expect(statSync(file)).toMatchObject({ uid, gid });
  }

  // Without the rule, what to do is said.
  const nothing = () => {};
  const refused = await captureUntil([...asUser(), ...shark('-f', 'icmp')], {}, nothing, () => false);
  expect(refused.status).not.toBe(0);
  const rule = stdout.split('\n').find((line) => line.includes('NOPASSWD'))!;
  expect(refused.stderr.replace(/\s+/g, ' ')).toContain(rule);

  writeFileSync(SUDOERS, `${rule}\n`, { mode: 0o440 });
  expect(run('visudo', ['-c', '-f', SUDOERS]).status).toBe(0);
  const sudo = (...args: string[]) => {
    const [program = '', ...words] = [...asUser(), 'sudo', '-n', process.execPath, IPFT, ...args];
    return run(program, words);
  };
  expect(sudo('--version').status).toBe(1);
  expect(sudo('icmp', '-o', 'json').stderr).toMatch(/password is required/);
  const written = sudo('extcap', '--fifo', '-', '--capture', '--extcap-interface=ipft', '--output-file', '/root/x');
  expect(written.stderr).toContain('does not take --output-file');
  const again = sudo('extcap', '--fifo', '-', '--capture', '--fifo', '/root/x', '--expression=icmp');
  expect(again.stderr).toContain('--fifo is given twice');

  const traffic = () => void network.ping(MARK, { count: 2 });
  const captured = await captureUntil([...asUser(), ...shark('-f', 'icmp')], {}, traffic, (lines) => lines.length >= 4);
  expect(captured.status, captured.stderr).toBe(0);
  expect(captured.lines.map((line) => line.split('\t')[0])).toContain('icmp_rcv');

  // tshark that is killed tells nobody: the closed pipe has to do.
  const killed = (child: ChildProcess) => {
    child.kill('SIGKILL');
    execFileSync('pkill', ['-KILL', '-u', USER, '-x', 'dumpcap']);
  };
  await captureUntil([...asUser(), ...shark('-f', 'icmp')], {}, traffic, (lines) => lines.length >= 4, killed);

  expect(setUp(bySudo(), '--undo').status).toBe(0);
  for (const file of files) expect(existsSync(file)).toBe(false);
});

test('without a way to root it is said what to do', async () => {
  expect(setUp(bySudo()).status).toBe(0);
  const refused = await captureUntil(
    [...asUser(), ...shark('-f', 'icmp')],
    {},
    () => {},
    () => false,
  );
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toContain('capturing needs root');
  expect(refused.stderr).toContain('ipft wireshark-setup --via sudo');
  setUp(bySudo(), '--undo');
});
