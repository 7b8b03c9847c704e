/** What the tests in a guest share: a network of their own, and running `ipft` while something happens there. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { JourneyPacket } from '../../src/base/packet.js';
import type { JourneyProcess } from '../../src/base/process.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const IPFT = join(ROOT, 'bin/ipft.js');
export const extension = (name: string) => join(ROOT, 'tests/vm/extensions', name);
export const example = (name: string) => join(ROOT, 'examples/extensions', name);

const objects = new Map<string, string>();

/** The object of an extension's source, compiled once: `-e` with a source takes clang's time, seconds here, each time. */
export function compiled(source: string, ...more: string[]): string {
  const key = [source, ...more].join();
  let object = objects.get(key);
  if (object === undefined) {
    object = join(mkdtempSync(join(tmpdir(), 'ipft-object-')), basename(source).replace(/c$/, 'o'));
    const include = ['-I', join(ROOT, 'bpf/include'), '-idirafter', '/usr/include/x86_64-linux-gnu'];
    const options = ['-target', 'bpf', '-O2', '-g', '-D__TARGET_ARCH_x86', ...include];
    execFileSync('clang', [...options, ...more, '-c', source, '-o', object]);
    objects.set(key, object);
  }
  return object;
}

/** A script of `examples/scripts` whose program, the source beside it, is compiled. */
export function scriptWithProgram(script: string): string {
  const object = compiled(script.replace(/lua$/, 'bpf.c'));
  const copy = join(mkdtempSync(join(tmpdir(), 'ipft-script-')), basename(script));
  writeFileSync(copy, readFileSync(script, 'utf8').replace(`"${basename(object)}"`, JSON.stringify(object)));
  return copy;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PATIENCE_MS = inject('patienceMs');
/** For commands that are waited for. */
const OPTIONS = { encoding: 'utf8', cwd: ROOT, timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;

/** Waits for a condition, however slow the machine is. */
export async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  for (const begin = performance.now(); !condition(); await sleep(50)) {
    if (performance.now() - begin < PATIENCE_MS) continue;
    throw new Error(`this does not come: ${typeof what === 'string' ? what : what()}`);
  }
}

/** A command's output, be its status what it may. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Finished {
  const options = { ...OPTIONS, env: { ...process.env, ...env }, maxBuffer: 1 << 28 };
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (error && (error as NodeJS.ErrnoException).code === 'ETIMEDOUT') {
    throw new Error(`this does not end: ${program} ${args.join(' ')}\n${stdout}${stderr}`);
  }
  return { status, stdout, stderr };
}

export const ipft = (...args: string[]) => run(process.execPath, [IPFT, ...args]);

/** A user and a group without privileges. */
export const NOBODY = 65534;
/** The sources stay reachable, wherever they lie. */
const HIDE_KERNEL = `
  mount -t tmpfs none /run && mkdir /run/ipft && mount --bind . /run/ipft && mount -t tmpfs none /sys &&
  mount --bind /dev/null /proc/kallsyms && exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups "$@"`;

/** Runs `ipft` as a user without privileges from whom the kernel is hidden: its BTF, its symbols, names of namespaces. */
export const ipftWithoutKernel = (...args: string[]) =>
  run('unshare', ['-m', 'sh', '-c', HIDE_KERNEL, 'sh', process.execPath, '/run/ipft/bin/ipft.js', ...args]);

/** Debian's Python: another one may be found first, and take longer to begin. */
const TRAFFIC = ['/usr/bin/python3', '-IS', join(ROOT, 'tests/vm/traffic.py')] as const;

/** What `tests/vm/traffic.py` says of the socket that it sent from. */
export interface Sent {
  readonly port: number;
  readonly cookie: string;
}

/** Two namespaces, joined by a veth pair: 10.11.0.1 and fd11::1 here, 10.11.0.2 and fd11::2 there. */
export class Network implements Disposable {
  readonly here = 'ipft-test-here';
  readonly there = 'ipft-test-there';

  constructor() {
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', this.here);
    ip('netns', 'add', this.there);
    ip('link', 'add', 'veth-a', 'netns', this.here, 'type', 'veth', 'peer', 'name', 'veth-b', 'netns', this.there);
    for (const [namespace, device, host] of [
      [this.here, 'veth-a', 1],
      [this.there, 'veth-b', 2],
    ] as const) {
      ip('-n', namespace, 'addr', 'add', `10.11.0.${host}/24`, 'dev', device);
      ip('-n', namespace, 'addr', 'add', `fd11::${host}/64`, 'dev', device, 'nodad');
      ip('-n', namespace, 'link', 'set', device, 'up');
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
    // Neighbours are found now, so that the traces hold only what the tests send.
    this.exec('ping', '-q', '-c', '1', '-w', '300', '10.11.0.2');
    this.exec('ping', '-q', '-c', '1', '-w', '300', 'fd11::2');
  }

  /** Runs a program in the first namespace. */
  exec(program: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.here, program, ...args], OPTIONS);
  }

  /** Has the first namespace track the connections of what it sends, whichever modules were loaded before, and how. */
  trackConnections(): void {
    for (const module of ['nf_tables', 'nf_conntrack', 'nft_ct']) execFileSync('modprobe', [module]);
    const chain = 'chain out { type filter hook output priority 0; ct state new accept; };';
    this.exec('nft', `table inet ipft_tracked { ${chain} }`);
  }

  /** Pings with a mark; `bytes` is the payload. Returns how many packets were sent. */
  ping(mark: number, options: { count?: number; bytes?: number; to?: string; more?: string[] } = {}): number {
    const { count = 3, bytes = 56, to = '10.11.0.2', more = ['-i', '0.02'] } = options;
    const numbers = ['-m', String(mark), '-c', String(count), '-s', String(bytes)];
    const output = this.exec('ping', '-q', '-w', '300', ...numbers, ...more, to);
    return Number(/(\d+) packets transmitted/.exec(output)?.[1]);
  }

  /** Sends from here to there with `tests/vm/traffic.py`. */
  send(kind: 'udp' | 'tcp', to: string, mark: number, bytes: number): Sent {
    return this.#send(this.there, kind, to, mark, bytes);
  }

  /** Sends to a port where nobody listens. */
  sendInVain(to: string, mark: number, bytes: number): Sent {
    return this.#send('-', 'udp', to, mark, bytes);
  }

  #send(peer: string, kind: string, to: string, mark: number, bytes: number): Sent {
    const [program, ...script] = TRAFFIC;
    return JSON.parse(this.exec(program, ...script, peer, kind, to, String(mark), String(bytes)));
  }

  [Symbol.dispose](): void {
    spawnSync('ip', ['netns', 'del', this.here]);
    spawnSync('ip', ['netns', 'del', this.there]);
  }
}

/** An `ipft` that runs. */
export class Tracing implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'ipft-test-'));
  readonly process: ChildProcess;
  #stdout = '';
  #stderr = '';
  #isClosed = false;

  /** @param command how to run it, if not simply so; the arguments stand behind it */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, command = [process.execPath, IPFT]) {
    const [program = '', ...first] = command;
    this.process = spawn(program, [...first, '--ready-file', join(this.#dir, 'ready'), ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.on('data', (data) => {
      this.#stdout += data;
    });
    this.process.stderr?.on('data', (data) => {
      this.#stderr += data;
    });
    this.process.on('close', () => {
      this.#isClosed = true;
    });
  }

  /** Waits until the programs are attached. */
  async ready(): Promise<void> {
    await this.until(() => existsSync(join(this.#dir, 'ready')), 'ready');
  }

  /** Whether it says that the programs are attached. */
  get isReady(): boolean {
    return existsSync(join(this.#dir, 'ready'));
  }

  /** When they were, by the clock of files. */
  get readyAtMs(): number {
    return statSync(join(this.#dir, 'ready')).mtimeMs;
  }

  /** Which process they belong to. */
  get readyPid(): number {
    return Number(readFileSync(join(this.#dir, 'ready'), 'latin1'));
  }

  /** Waits for a condition, or an error if it ends before. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const { process: child } = this;
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    // Asked no more when it was true: what comes may go again.
    let hasCome = false;
    await until(
      () => {
        hasCome = condition();
        return hasCome || ended();
      },
      () => `${what}; ipft has said:\n${this.#stderr}\nand printed, at the end:\n${this.#stdout.slice(-2000)}`,
    );
    if (hasCome) return;
    // What it said last is read after its end.
    const { status, stderr } = await this.ended();
    if (condition()) return;
    throw new Error(`ipft ended (${child.signalCode ?? `status ${status}`}) before this: ${what}:\n${stderr}`);
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it has said so far. */
  get stderr(): string {
    return this.#stderr;
  }

  async ended(): Promise<Finished> {
    await until(
      () => this.#isClosed,
      () => `the end of ipft; it has said:\n${this.#stderr}`,
    );
    return { status: this.process.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Ends it as Ctrl-C does. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Finished> {
    this.process.kill(signal);
    return await this.ended();
  }

  [Symbol.dispose](): void {
    this.process.kill('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Traces while `traffic` runs. */
export async function traceWhile(
  args: readonly string[],
  traffic: (tracing: Tracing) => unknown,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  using tracing = new Tracing(args, env);
  await tracing.ready();
  await traffic(tracing);
  return await tracing.stop();
}

/** Records while `traffic` runs. */
export async function recordWhile(
  file: string,
  args: readonly string[],
  traffic: (recording: Tracing) => unknown,
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  using recording = new Tracing(args, env, [process.execPath, IPFT, 'record', file]);
  await recording.ready();
  await traffic(recording);
  return await recording.stop();
}

function parseJsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** What `-o json` says of a journey that has ended. */
export interface JourneyLine {
  readonly type: 'journey';
  readonly journey: number;
  readonly packet_id: string;
  readonly parent: number | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly ended_in: string | null;
  readonly begin: number;
  readonly end: number;
  readonly events: number;
  readonly gap: boolean;
  readonly lost?: number;
  readonly device?: string;
  readonly family?: string;
  readonly protocol?: string | null;
  readonly ipft?: {
    readonly packet: JourneyPacket;
    readonly sender?: JourneyProcess;
    readonly receiver?: JourneyProcess;
  };
}

/** The journeys and the events of `-o json`, apart. */
export function splitJson(text: string): { journeys: JourneyLine[]; events: Record<string, unknown>[] } {
  const lines = parseJsonLines(text);
  return {
    journeys: lines.filter((line) => line['type'] === 'journey') as unknown as JourneyLine[],
    events: lines.filter((line) => line['type'] === undefined),
  };
}

/** The events of `-o json`. */
export const parseEvents = (text: string) => splitJson(text).events;

/**
 * Three namespaces in a row: 10.21.0.1 in `near`, 10.21.0.2 and 10.22.0.2 in `middle`, which forwards, and 10.22.0.3 in
 * `far`. The devices are `near0`, `middle0`, `middle1` and `far0`.
 */
export class Route implements Disposable {
  readonly near = 'ipft-test-near';
  readonly middle = 'ipft-test-middle';
  readonly far = 'ipft-test-far';

  constructor() {
    const ip = (...args: string[]) => execFileSync('ip', args);
    for (const namespace of [this.near, this.middle, this.far]) {
      ip('netns', 'add', namespace);
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
      // What the kernel sends by itself there would be counted with what the tests send.
      this.exec(namespace, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    }
    const join = (from: string, device: string, to: string, peer: string) =>
      ip('link', 'add', device, 'netns', from, 'type', 'veth', 'peer', 'name', peer, 'netns', to);
    join(this.near, 'near0', this.middle, 'middle0');
    join(this.middle, 'middle1', this.far, 'far0');
    for (const [namespace, device, address] of [
      [this.near, 'near0', '10.21.0.1/24'],
      [this.middle, 'middle0', '10.21.0.2/24'],
      [this.middle, 'middle1', '10.22.0.2/24'],
      [this.far, 'far0', '10.22.0.3/24'],
    ] as const) {
      ip('-n', namespace, 'addr', 'add', address, 'dev', device);
      ip('-n', namespace, 'link', 'set', device, 'up');
    }
    ip('-n', this.near, 'route', 'add', 'default', 'via', '10.21.0.2');
    ip('-n', this.far, 'route', 'add', 'default', 'via', '10.22.0.2');
    this.exec(this.middle, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    this.exec(this.near, 'ping', '-q', '-c', '1', '-w', '300', '10.22.0.3');
    // They stay known: the kernel asks again when it likes, and what it sends then would be counted, too.
    for (const [namespace, device, neighbour] of [
      [this.near, 'near0', '10.21.0.2'],
      [this.middle, 'middle0', '10.21.0.1'],
      [this.middle, 'middle1', '10.22.0.3'],
      [this.far, 'far0', '10.22.0.2'],
    ] as const) {
      ip('-n', namespace, 'neigh', 'change', neighbour, 'dev', device, 'nud', 'permanent');
    }
  }

  /** Runs a program in one of the namespaces; what it says and how it ends is its own affair. */
  try(namespace: string, program: string, ...args: string[]): Finished {
    return run('ip', ['netns', 'exec', namespace, program, ...args]);
  }

  /** Runs a program in one of the namespaces. */
  exec(namespace: string, program: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', namespace, program, ...args], OPTIONS);
  }

  /** The number that `netns` has in JSON: the namespace's inode. */
  inode(namespace: string): number {
    return Number(this.exec(namespace, 'stat', '-Lc', '%i', '/proc/self/ns/net'));
  }

  /** Runs `tests/vm/traffic.py` in the first namespace; `peer` is a namespace to listen in, or `-`. */
  send(peer: string, kind: 'udp' | 'tcp' | 'udp-bad-checksum', to: string, mark: number, bytes: number): void {
    const [program, ...script] = TRAFFIC;
    this.exec(this.near, program, ...script, peer, kind, to, String(mark), String(bytes));
  }

  [Symbol.dispose](): void {
    for (const namespace of [this.near, this.middle, this.far]) spawnSync('ip', ['netns', 'del', namespace]);
  }
}
