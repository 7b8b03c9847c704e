/** The files of `ipft record`: whose they are, how they end, and what becomes of them where something goes wrong. */
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
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPerfetto } from '../support/perfetto.js';
import { isCall, isJourney } from '../support/pictures.js';
import { IPFT, ipft, Network, NOBODY, recordWhile, run, splitJson, Tracing } from './harness.js';

const MARK = 0x5f;
const FUNCTIONS = ['ip_output', 'ip_finish_output', 'dev_hard_start_xmit', '__dev_queue_xmit'];
const ARGS = ['-m', String(MARK), '-r', `^(${FUNCTIONS.join('|')})$`];

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-record-'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const record = (file: string, args: readonly string[] = ARGS) =>
  new Tracing(args, {}, [process.execPath, IPFT, 'record', file]);
const show = (...files: string[]) => {
  const shown = ipft('show', ...files, '-o', 'json');
  return { ...shown, ...splitJson(shown.stdout) };
};

/** Marked packets, until it is disposed of. */
class Load implements Disposable {
  readonly #ping: ChildProcess;

  /** @param pace options of ping; by default as fast as they go */
  constructor(...pace: string[]) {
    const ping = ['ping', '-q', ...(pace.length > 0 ? pace : ['-f']), '-m', String(MARK), '10.11.0.2'];
    this.#ping = spawn('ip', ['netns', 'exec', network.here, ...ping], { stdio: 'ignore' });
  }

  [Symbol.dispose](): void {
    this.#ping.kill('SIGKILL');
  }
}

describe('the file', () => {
  test('is for its owner alone; -w FILE is the same as record FILE; a count ends both', async () => {
    const files = { record: join(dir, 'record'), write: join(dir, 'write') };
    const counted = [...ARGS, '--count', '5'];
    for (const [how, file] of Object.entries(files)) {
      using recording = how === 'record' ? record(file, counted) : new Tracing(['-w', file, ...counted]);
      await recording.ready();
      using _load = new Load('-i', '0.05');
      const { status, stderr, stdout } = await recording.ended();
      expect(stdout).toBe('');
      expect(status).toBe(0);
      expect(statSync(file).mode & 0o7777).toBe(0o600);
      const { journeys, events, stderr: said } = show(file);
      const ended = journeys.filter(({ outcome }) => outcome !== 'alive');
      expect(ended.length).toBeGreaterThanOrEqual(5);
      const size = `${statSync(file).size} bytes`;
      expect(stderr, said).toContain(`${ended.length} journeys ended; ${events.length} events; ${size} in ${file}`);
    }
  });

  test('belongs to the user who called sudo, and a duration ends it', async () => {
    const file = join(dir, 'sudo');
    const env = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) };
    using recording = new Tracing([...ARGS, '--duration', '10ms'], env, [process.execPath, IPFT, 'record', file]);
    expect((await recording.ended()).status).toBe(0);
    expect(statSync(file)).toMatchObject({ uid: NOBODY, gid: NOBODY });
    expect(show(file)).toMatchObject({ status: 0, journeys: [], events: [] });
  });

  test('may not be a link, or in a directory that is not there', () => {
    const [there, link] = [join(dir, 'there'), join(dir, 'link')];
    writeFileSync(there, 'as it was');
    symlinkSync(there, link);
    for (const [path, problem] of [
      [link, 'symbolic link'],
      [join(dir, 'nowhere', 'file'), 'no such file'],
      [dir, 'no regular file'],
    ]) {
      const refused = ipft('record', path ?? '', ...ARGS);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(problem);
      expect(refused.stderr).not.toMatch(/^ +at /m);
    }
    expect(readFileSync(there, 'utf8')).toBe('as it was');
  });
});

test('-o perfetto: a running trace, and a recording', async () => {
  const [live, recorded] = [join(dir, 'live.perfetto-trace'), join(dir, 'recorded.perfetto-trace')];
  const graph = [...ARGS, '-t', 'function_graph', '--snaplen', '96', '--who', '--count', '5'];
  const file = join(dir, 'drawn');
  for (const isLive of [true, false]) {
    using tracing = isLive ? new Tracing([...graph, '-o', 'perfetto', '--output-file', live]) : record(file, graph);
    await tracing.ready();
    using _load = new Load('-i', '0.1');
    expect((await tracing.ended()).status).toBe(0);
  }
  const shown = ipft('show', file, '-o', 'perfetto', '--output-file', recorded);
  expect(shown.status, shown.stderr).toBe(0);
  const { events, journeys } = show(file);
  const calls = readPerfetto(readFileSync(recorded)).slices.filter(isCall);
  expect(calls).toHaveLength(events.filter(({ is_return }) => !is_return).length);
  const { slices, clocks, tracks } = readPerfetto(readFileSync(live));
  const roots = slices.filter(isJourney);
  expect(roots.length).toBeGreaterThanOrEqual(5);
  expect(journeys.length).toBeGreaterThanOrEqual(5);
  for (const { name, args, track } of roots) {
    expect(name).toMatch(/^10\.11\.0\.1 > 10\.11\.0\.2: ICMP echo request/);
    expect(args['sender']).toMatchObject({ command: 'ping' });
    expect(track.name).toBe('10.11.0.1 > 10.11.0.2 ICMP');
    expect(tracks.get(track.parent!)?.name).toBe(
      `netns ${statSync(`/run/netns/${network.here}`).ino} (${network.here})`,
    );
  }
  // A function is within the one that called it.
  const within = slices.filter(({ name }) => name === 'dev_hard_start_xmit');
  expect(within.length).toBeGreaterThanOrEqual(5);
  for (const { parent, begin, end } of within) {
    expect(parent?.name).toBe('__dev_queue_xmit');
    expect([begin >= parent!.begin, end! <= parent!.end!]).toEqual([true, true]);
  }
  const days = Math.abs(Date.now() - Number(clocks.get('1')) / 1e6) / 86_400_000;
  expect(days).toBeLessThan(1);
});

test('losses are shown as the recorder told them', async () => {
  const file = join(dir, 'losses');
  let sent = 0;
  const recorded = await recordWhile(file, [...ARGS, '--ring-size', '4K'], () => {
    sent = network.ping(MARK, { count: 400, more: ['-f', '-l', '64'] });
  });
  const { events, stderr } = show(file);
  const warnings = (text: string) => text.split('\n').filter((line) => /warning: .* were lost/.test(line));
  const lost = Number(/warning: (\d+) events were lost/.exec(recorded.stderr)?.[1]);
  expect(lost).toBeGreaterThan(0);
  expect(events.length + lost).toBe(FUNCTIONS.length * sent);
  expect(warnings(stderr)).toEqual(warnings(recorded.stderr));
});

test('functions of a module that is loaded meanwhile have their names', async () => {
  const file = join(dir, 'modules');
  const ip = (...args: string[]) => execFileSync('ip', ['-n', network.here, ...args]);
  run('modprobe', ['-r', 'dummy']);
  const args = ['-m', String(MARK), '--follow-modules', '-r', '^(ip_output|dummy_xmit)$'];
  await recordWhile(file, args, async (recording) => {
    run('modprobe', ['dummy', 'numdummies=0']);
    await recording.until(() => recording.stderr.includes('Module dummy loaded: 1 of its 1'), 'dummy is traced');
    ip('link', 'add', 'device0', 'type', 'dummy');
    ip('addr', 'add', '10.12.0.1/24', 'dev', 'device0');
    ip('link', 'set', 'device0', 'up', 'arp', 'off');
    // Nobody answers.
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', String(MARK), '10.12.0.77']);
    ip('link', 'del', 'device0');
  });
  run('modprobe', ['-r', 'dummy']);
  expect(show(file).events.map((event) => `${event['module']} ${event['function']}`)).toEqual([
    'vmlinux ip_output',
    'dummy dummy_xmit',
  ]);
});

describe('what is in the file is good', () => {
  test('when the recorder is killed under load, up to the last whole chunk', async () => {
    const file = join(dir, 'killed');
    {
      using recording = record(file);
      await recording.ready();
      using _load = new Load();
      const sizes = new Set<number>();
      await recording.until(() => existsSync(file) && sizes.add(statSync(file).size).size > 4, 'the file grows');
      await recording.stop('SIGKILL');
    }
    const all = show(file);
    expect(all.status).toBe(0);
    expect(all.stderr).toMatch(/\/killed is cut short: .*; up to byte \d+ it is whole$/m);
    expect(all.events.length).toBeGreaterThan(1000);
    // As if the kernel had not written all of it.
    truncateSync(file, statSync(file).size - 1000);
    const cut = show(file);
    expect(cut.status).toBe(0);
    const whole = Number(/up to byte (\d+) it is whole/.exec(cut.stderr)?.[1]);
    expect(whole).toBeLessThan(statSync(file).size);
    expect(cut.events.length).toBeGreaterThan(0);
    expect(cut.events).toEqual(all.events.slice(0, cut.events.length));
  });

  test('when the disk is full, and the recorder says so', async () => {
    const mount = join(dir, 'small');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', mount]);
    try {
      const file = join(mount, 'file');
      using recording = record(file);
      await recording.ready();
      using _load = new Load();
      const { status, stderr } = await recording.ended();
      expect(status).toBe(1);
      expect(stderr).toContain(`${file}: ENOSPC: no space left on device`);
      expect(stderr).not.toMatch(/^ +at /m);
      const shown = show(file);
      expect(shown.status).toBe(0);
      expect(shown.stderr).toContain(`${file} is cut short`);
      expect(shown.events.length).toBeGreaterThan(1000);
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});

test('files that follow each other are one trace together, and each is one alone', async () => {
  const parts = () =>
    readdirSync(dir)
      .filter((name) => /^rotated-\d{6}\.ipft$/.test(name))
      .sort()
      .map((name) => join(dir, name));
  const recorded = await recordWhile(join(dir, 'rotated.ipft'), [...ARGS, '--rotate', '1M'], async (recording) => {
    using _load = new Load();
    await recording.until(() => parts().length > 2, 'there are three files');
  });
  expect(recorded.status).toBe(0);
  const all = show(...parts());
  expect(all.status).toBe(0);
  const counts = new Map<unknown, number>();
  for (const { journey } of all.events) counts.set(journey, (counts.get(journey) ?? 0) + 1);
  const ended = all.journeys.filter(({ outcome }) => outcome !== 'alive');
  expect(recorded.stderr).toContain(` ${all.events.length} events; `);
  expect(ended.filter(({ gap, journey }) => gap || counts.get(journey) !== FUNCTIONS.length)).toEqual([]);
  const [, second = ''] = parts();
  const alone = show(second);
  expect(alone.status).toBe(0);
  expect(alone.events.length).toBeGreaterThan(1000);
  expect(alone.events.length).toBeLessThan(all.events.length);
});

test('a flight recorder writes each drop, with the second before it', async () => {
  const DROPS = 2;
  const files = () => readdirSync(dir).filter((name) => /^flight-\d{6}\.ipft$/.test(name));
  const done = (text: string) =>
    text.split('\n').filter((line) => /flight-\d{6}\.ipft: .*drop.* before$/.test(line)).length;
  const times: [bigint, bigint][] = [];
  const args = [...ARGS, '--follow', '--last', '8M', '--trigger', 'drop', '--after', '100ms'];
  const recorded = await recordWhile(join(dir, 'flight.ipft'), args, async (recording) => {
    using _load = new Load('-i', '0.01');
    for (let drop = 1; drop <= DROPS; drop++) {
      // More than a second after an event, however late the load begins.
      network.ping(MARK, { count: 1 });
      await sleep(1500);
      expect(files()).toHaveLength(drop - 1);
      const from = process.hrtime.bigint();
      network.sendInVain('10.11.0.2', MARK, 100);
      times.push([from, process.hrtime.bigint()]);
      await recording.until(() => done(recording.stderr) === drop, `the file of drop ${drop}`);
    }
  });
  expect(recorded.status).toBe(0);
  expect(files().length).toBeGreaterThanOrEqual(DROPS);
  for (const [index, [from, to]] of times.entries()) {
    const { journeys, events, status } = show(join(dir, files().sort()[index] ?? ''));
    expect(status).toBe(0);
    // The other one is there, too, if the memory still has it.
    const dropped = journeys.find(
      ({ outcome, begin, end }) => outcome === 'dropped' && BigInt(begin) >= from && BigInt(end) <= to,
    );
    expect(dropped).toMatchObject({ gap: false, events: FUNCTIONS.length });
    expect(Number(dropped?.end) - Number(events[0]?.['timestamp'])).toBeGreaterThan(1e9);
    expect(journeys.filter(({ outcome, gap }) => outcome === 'unknown' || (gap && outcome !== 'alive'))).toEqual([]);
  }
});
