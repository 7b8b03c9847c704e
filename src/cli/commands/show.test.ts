import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPcapng } from '../../../tests/support/pcapng.js';
import { readPerfetto } from '../../../tests/support/perfetto.js';
import { recordBytes, recordParts } from '../../../tests/support/recordings.js';

const IPFT = new URL('../../../bin/ipft.js', import.meta.url).pathname;

let dir: string;
let file: string;
let bytes: Buffer;
/** Of several chunks of records. */
let long: Buffer;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-show-'));
  file = join(dir, 'trace.ipft');
  bytes = recordBytes({ events: 3000, hasFields: true });
  writeFileSync(file, bytes);
  long = recordBytes({ events: 30_000, hasFields: true });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function ipft(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('sh', [IPFT, 'show', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status, stdout, stderr };
}

function journeys(...args: string[]) {
  const { status, stdout, stderr } = ipft('-o', 'json', ...args);
  expect(status, stderr).toBe(0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const ended = lines.filter(({ type }) => type === 'journey');
  return { ended, events: lines.filter(({ type }) => type !== 'journey') };
}

test('ipft show: all options of journeys and functions', () => {
  const all = journeys(file);
  expect(all.events.length).toBe(3000);
  const chosen = journeys(file, '--journey', '3,7-9', '--journey', '20');
  expect(chosen.ended.map(({ journey }) => journey)).toEqual([3, 7, 8, 9, 20]);
  expect(chosen.ended).toEqual(all.ended.filter(({ journey }) => [3, 7, 8, 9, 20].includes(journey)));
  for (const word of ['--only', '--outcome']) {
    const dropped = journeys(file, word, 'dropped');
    expect(dropped.ended).toEqual(all.ended.filter(({ outcome }) => outcome === 'dropped'));
    expect(dropped.ended.length).toBeGreaterThan(10);
  }
  expect(journeys(file, '--count', '5').ended).toEqual(all.ended.slice(0, 5));
  const ofA = journeys(file, '-r', '^a$');
  expect(ofA.events).toEqual(all.events.filter((event) => event.function === 'a'));
  expect(ofA.ended.length).toBeLessThan(all.ended.length);
  expect(ofA.ended.every(({ events, gap }) => events > 0 && !gap)).toBe(true);
});

test('ipft show --where and --show: over what is recorded', () => {
  const all = journeys(file);
  const isWanted = ({ length }: { length?: number }) => (length ?? 0) % 7 === 3;
  const wanted = new Set(all.events.filter(isWanted).map(({ journey }) => journey));
  const chosen = journeys(file, '--where', 'length % 7 == 3 && color != "NOSUCH" && func != "nosuch"');
  expect(wanted.size).toBeGreaterThan(3);
  expect(wanted.size).toBeLessThan(all.ended.length);
  expect(chosen.ended).toEqual(all.ended.filter(({ journey }) => wanted.has(journey)));
  const shown = journeys(file, '--show', 'length / 2 as half, length + 1 as more:hex');
  expect(shown.events.map(({ half, more }) => [half, more])).toEqual(
    all.events.map(({ length }) => [Math.floor(length / 2), `0x${(length + 1).toString(16)}`]),
  );
});

/** What is counted, in JSON. */
function counts(...args: string[]) {
  const { status, stdout, stderr } = ipft('-o', 'json', ...args);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

function tally(keys: readonly unknown[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const key of keys) sums.set(JSON.stringify(key), (sums.get(JSON.stringify(key)) ?? 0) + 1);
  return sums;
}

const tallyOf = (rows: readonly { by: Record<string, unknown>; count: number }[]) =>
  new Map(rows.map(({ by, count }) => [JSON.stringify(Object.values(by)), count]));

test('ipft show --count-by and --hist: calls, and packets once', () => {
  const { events } = journeys(file);
  const entries = events.filter((event) => !event.is_return);
  const calls = counts(file, '--count-by', 'func, color', '--per', 'call');
  expect(tallyOf(calls.rows)).toEqual(tally(entries.map((event) => [event.function, event.color])));
  expect(calls.total).toBe(entries.length);
  const frequencies = calls.rows.map(({ count }: { count: number }) => count);
  expect(frequencies).toEqual(frequencies.toSorted((a: number, b: number) => b - a));
  const firsts = new Map(entries.toReversed().map((event) => [event.journey, [event.function]]));
  const packets = counts(file, '--count-by', 'func');
  expect(tallyOf(packets.rows)).toEqual(tally([...firsts.values()]));
  const lengths = counts(file, '--hist', 'length', '--per', 'call');
  const inSteps = (number: number) => (number === 0 ? 0 : 2 ** Math.floor(Math.log2(number)));
  expect(
    new Map(
      lengths.rows[0].histogram.map((step: { least: number; count: number }) => [
        JSON.stringify(step.least),
        step.count,
      ]),
    ),
  ).toEqual(tally(entries.map((event) => inSteps(event.length))));
});

test('ipft show --count-by: what is chosen, what has no value, and text', () => {
  const { events } = journeys(file);
  const chosen = new Set<number>();
  const after = events.filter((event) => {
    if (event.is_return) return false;
    if (event.length % 7 === 3) chosen.add(event.journey);
    return chosen.has(event.journey);
  });
  const where = ['--where', 'length % 7 == 3'];
  expect(counts(file, '--count-by', 'func', '--per', 'call', ...where).total).toBe(after.length);
  expect(counts(file, '--count-by', 'func', ...where).total).toBe(chosen.size);
  const none = ipft(file, '--count-by', '1 / (length - length) as nothing', ...where);
  expect(none).toMatchObject({ status: 0, stdout: 'packets  nothing\n' });
  expect(none.stderr).toContain(`${chosen.size} packets more never had all values at the same call`);
  const text = ipft(file, '--count-by', 'length % 2 as odd:hex', '--per', 'call');
  expect(text.stdout).toMatch(/^calls {2}odd\n +\d+ {2}0x[01]\n +\d+ {2}0x[01]\n$/);
  expect(text.stderr).toContain(`Counted ${events.filter((event) => !event.is_return).length} calls in 2 rows`);
});

test.each([
  [['--count-by', 'skb->len'], '--count-by: the recording has no skb'],
  [['--count-by', 'length:ipv4'], '--count-by: the format ipv4 is for what is recorded'],
  [['--hist', 'nosuch'], '--hist: '],
  [['--count-by', 'func', '--only', 'dropped'], '--only is said of journeys, and --count-by makes none'],
  [['--count-by', 'func', '--journey', '3'], '--journey is said of journeys'],
  [['--count-by', 'func', '-o', 'html'], 'there is no -o html of it'],
  [['--count-by', 'func', '--show', 'length'], '--show is said of events or journeys'],
])('ipft show %j is refused', (args, message) => {
  const { status, stdout, stderr } = ipft(file, ...args);
  expect(status).not.toBe(0);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
});

test('ipft show --count-by: no more rows than there is room for', () => {
  const many = join(dir, 'many.ipft');
  writeFileSync(many, long);
  const { status, stdout, stderr } = ipft(many, '-o', 'json', '--strict', '--count-by', 'now', '--per', 'call');
  const { rows, total, uncounted } = JSON.parse(stdout);
  expect([rows.length, total]).toEqual([1 << 14, 1 << 14]);
  expect(total + uncounted).toBe(journeys(many).events.filter((event) => !event.is_return).length);
  expect(stderr).toContain(`${uncounted} calls more had values beyond the 16384 that are counted apart`);
  expect(status).toBe(3);
});

test.each([
  [['--where', 'skb->len > 1'], "--where: the recording has no skb, at character 1 of 'skb->len > 1'"],
  [['--show', 'skb->len'], '--show: the recording has no skb'],
  [['--show', 'color as length'], '--show: the recording has a field length'],
  [['--show', 'length as x:ns'], '--show: the format ns is for what is recorded'],
  [['--show', 'func as f'], '--show: func stands in each line of a recording already'],
  [['--info', '--where', 'length'], '--info counts all that there is, and --where chooses'],
])('ipft show %j is refused', (args, message) => {
  const { status, stdout, stderr } = ipft(file, ...args);
  expect(stderr).toContain(`ipft: ${message}`);
  expect([status, stdout]).toEqual([2, '']);
});

test('ipft show --count: no more is shown, and reading ends', () => {
  const shown = ipft(file, '--count', '2');
  expect(shown.stdout.match(/^=== journey/gm)).toHaveLength(2);
  expect(ipft(file, '-o', 'paths', '--count', '2').stdout).toContain('2 journeys');
});

test('ipft show --info: what the file is, as text and JSON', () => {
  const { stdout } = ipft('--info', file);
  expect(stdout).toContain('made on     here, Linux 6.12, by ipft 0\n');
  expect(stdout).toContain('            address: unsigned long (symbol)\n');
  expect(stdout).toMatch(/events {6}3000\njourneys {4}503: 70 dropped, 427 consumed, 6 alive\n/);
  expect(stdout).toMatch(/lost {8}nothing\nwhole {7}yes\n$/);
  const json = JSON.parse(ipft('--info', '-o', 'json', file).stdout);
  expect(json).toMatchObject({ files: [file], bytes: bytes.length, events: 3000, whole: true, losses: { ring: 0 } });
  expect(json.outcomes).toEqual({ consumed: 427, dropped: 70, alive: 6 });
  expect(ipft('--info', '-o', 'paths', file).status).toBe(2);
});

test('ipft show: several files come one after the other, and what is wrong with one does not hide the others', () => {
  const [cut, damaged] = [join(dir, 'cut'), join(dir, 'damaged')];
  writeFileSync(cut, long.subarray(0, long.length - 100_000));
  writeFileSync(damaged, Buffer.from(long).fill(0x55, long.length - 100_000, long.length - 90_000));
  const both = ipft(cut, join(dir, 'none'), file, '--journey', '1');
  expect(both.status).toBe(1);
  expect(both.stdout.match(/^=== journey 1,/gm)).toHaveLength(2);
  expect(both.stderr).toContain(`${cut}:\n`);
  expect(both.stderr).toContain(`reading the recording ${join(dir, 'none')}: ENOENT`);
  // As many as 1: the rest of the file is not read.
  expect(both.stderr).not.toContain('cut short');
  const whole = ipft(cut);
  expect(whole).toMatchObject({ status: 0, stderr: expect.stringContaining(`the recording ${cut} is cut short`) });
  expect(whole.stdout).toContain('=== journey 503,');
  expect(ipft(cut, '--strict').status).toBe(3);
  // What was lost behind its end is not known.
  expect(whole.stderr).not.toContain('Nothing was lost');
  expect(ipft(damaged)).toMatchObject({ status: 1, stderr: expect.stringContaining('its checksum is wrong') });
  // The same recording twice is two traces.
  expect(ipft(file, file, '--journey', '2').stdout.match(/^=== journey 2,/gm)).toHaveLength(2);
});

test('ipft show: a name of a field that JSON can not show is refused as in a trace', () => {
  const refused = join(dir, 'refused');
  const keys = JSON.parse(ipft('-o', 'json', '--journey', '1', file).stdout.split('\n')[0] ?? '');
  expect(keys).toHaveProperty('color');
  writeFileSync(refused, recordBytes({ events: 10, fieldName: 'function' }));
  const { status, stderr } = ipft('-o', 'json', refused);
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is a key of the JSON output'),
  });
  expect(ipft(refused).status).toBe(0);
});

test('ipft show: a recording is not overwritten with its own text', () => {
  const [own, link] = [join(dir, 'own'), join(dir, 'link')];
  writeFileSync(own, bytes);
  linkSync(own, link);
  for (const path of [own, link]) {
    const { status, stderr } = ipft(file, own, '--output-file', path);
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--output-file is the rec'),
    });
    expect(readFileSync(own)).toEqual(bytes);
  }
  expect(ipft(own, '--output-file', join(dir, 'text')).status).toBe(0);
});

test('ipft show --journey: a number that there is not is said', () => {
  const { status, stderr } = ipft(file, '--journey', '9999');
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('there are 503') });
});

test('ipft show -r: that no function is left is said', () => {
  const { status, stderr } = ipft(file, '-r', '^no_such_function$');
  expect({ status, stderr }).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('nothing is shown: no event'),
  });
});

test('ipft show: --info has the status of --strict that a view has', () => {
  const gaps = join(dir, 'gaps');
  const [, second = Buffer.alloc(0)] = recordParts({ events: 60_000, rotate: { bytes: 1 << 20 } });
  writeFileSync(gaps, second);
  expect(ipft(gaps, '--strict').status).toBe(3);
  const info = ipft(gaps, '--info', '--strict');
  expect(info).toMatchObject({ status: 3, stdout: expect.stringMatching(/[0-9]+ of them may have a gap/) });
  expect(ipft(file, '--info', '--strict').status).toBe(0);
});

test('ipft show: it ends when its reader has gone', () => {
  const text = execFileSync('sh', ['-c', `sh ${IPFT} show ${file} -o json | head -1; exit $?`], { encoding: 'utf8' });
  expect(text.trimEnd().split('\n')).toHaveLength(1);
});

test('ipft show: parts of a recording are one trace, in whatever order they are given', () => {
  const options = { events: 60_000, facts: { id: 'fedcba9876543210' } };
  const whole = join(dir, 'whole');
  writeFileSync(whole, recordBytes(options));
  const paths = recordParts({ ...options, rotate: { bytes: 1 << 20 } }).map((part, index) => {
    const path = join(dir, `part-00000${index + 1}.ipft`);
    writeFileSync(path, part);
    return path;
  });
  expect(paths.length).toBeGreaterThanOrEqual(4);
  const [first = '', second = '', third = '', ...rest] = paths;
  for (const output of ['json', 'aggregate', 'paths']) {
    const joined = ipft('-o', output, third, ...rest, first, second);
    expect(joined.status).toBe(0);
    expect(joined.stdout).toBe(ipft('-o', output, whole).stdout);
    expect(joined.stderr).not.toContain('began before');
  }
  const info = JSON.parse(ipft('--info', '-o', 'json', ...paths).stdout);
  expect(info).toMatchObject({ files: paths, parts: paths.length, events: 60_000, carried: 0, whole: true });
  const missing = ipft('-o', 'json', first, third, ...rest);
  expect(missing.stderr).toContain(
    'of the recording fedcba9876543210 part 2 is missing: what comes then is shown by itself',
  );
  expect(missing.stderr).toMatch(/[1-9][0-9]* journeys began before this file/);
  expect(missing.stdout).toBe(ipft('-o', 'json', first).stdout + ipft('-o', 'json', third, ...rest).stdout);
  // A part that is given twice.
  const twice = ipft('-o', 'json', first, second, second, third, ...rest);
  expect(twice.stderr).toContain(`${second} is the same part as ${second}, and shown by itself`);
  expect(twice.stdout).toBe(ipft('-o', 'json', whole).stdout + ipft('-o', 'json', second).stdout);
  // A damaged part ends what is joined; those behind it are shown by themselves.
  const damaged = readFileSync(second).fill(0x55, 400_000, 400_010);
  writeFileSync(second, damaged);
  const broken = ipft('-o', 'json', ...paths);
  expect(broken.status).toBe(1);
  expect(broken.stderr).toContain(`the recording ${second} is damaged`);
  expect(broken.stdout.endsWith(ipft('-o', 'json', third, ...rest).stdout)).toBe(true);
  // Two pictures are none.
  const drawn = ipft('-o', 'perfetto', '--output-file', join(dir, 'parts'), ...paths);
  expect(drawn.status).toBe(1);
  for (const path of [third, ...rest]) expect(drawn.stderr).toContain(`${path} is not shown: show it by itself`);
  expect(readPerfetto(readFileSync(join(dir, 'parts'))).slices.length).toBeGreaterThan(1000);
});

test('ipft show -o perfetto: one recording, and not to a terminal', () => {
  const path = join(dir, 'perfetto');
  const { status, stderr } = ipft('-o', 'perfetto', '--output-file', path, '--only', 'dropped', file);
  expect(status, stderr).toBe(0);
  const { events, ended } = journeys('--only', 'dropped', file);
  const { slices } = readPerfetto(readFileSync(path));
  const count = (category: string) => slices.filter((slice) => slice.category === category).length;
  expect([count('vmlinux'), count('journey'), count('outcome')]).toEqual([events.length, ended.length, ended.length]);
  const other = join(dir, 'other');
  writeFileSync(other, recordBytes({ events: 100, facts: { id: 'fedcba9876543210' } }));
  const several = ipft('-o', 'perfetto', '--output-file', path, file, other);
  expect(several.status).toBe(2);
  expect(several.stderr).toContain('-o perfetto makes one result of one recording');
  const { stdout: screen } = spawnSync('script', ['-qec', `sh ${IPFT} show ${file} -o perfetto`, '/dev/null'], {
    encoding: 'utf8',
  });
  expect(screen).toContain('-o perfetto is no text, and stdout is a terminal');
});

/** Packets, by file of a list. */
function packetsOf(...args: string[]) {
  const out = join(dir, 'shown.pcapng');
  const { status, stderr } = ipft('-o', 'pcapng', '--output-file', out, ...args);
  return { status, stderr, sections: status === 2 ? [] : readPcapng(readFileSync(out)) };
}

test('ipft show -o pcapng: each event is a packet, with the bytes that were known then', () => {
  const path = join(dir, 'snapshots');
  writeFileSync(path, recordBytes({ events: 3000, hasSnapshots: true, hasProcesses: true, hasFields: true }));
  const { events, ended } = journeys(path);
  const { status, stderr, sections } = packetsOf(path);
  expect(status, stderr).toBe(0);
  const [{ packets = [], statistics = [], ...section } = {}] = sections;
  expect(section).toMatchObject({ os: 'Linux 6.12', application: 'ipft 0', hardware: undefined });
  expect(packets.map(({ timeNs }) => Number(timeNs))).toEqual(events.map(({ timestamp }) => timestamp));
  const keys = ({ comment: { ipft, ...comment } }: (typeof packets)[number]) => comment;
  expect(packets.map(keys)).toEqual(events.map(({ packet_id, timestamp, ...event }) => event));
  expect(packets.map(({ id }) => Number(id))).toEqual(events.map(({ journey }) => journey));
  // Behind the address is how often a packet had been looked at.
  for (const { bytes, length } of packets) {
    if (bytes.length > 0) expect(length).toBe(1000 + bytes.readUInt16BE(18));
  }
  expect(packets.filter(({ bytes }) => bytes.length === 0).length).toBeLessThan(packets.length / 4);
  const outcomes = new Map(ended.map(({ journey, outcome }) => [journey, outcome]));
  for (const { comment } of packets) {
    const outcome = outcomes.get(comment.journey);
    expect(comment.ipft.outcome).toBe(outcome === 'alive' ? null : outcome);
  }
  for (const party of ['sender', 'receiver'])
    expect(packets.some(({ comment }) => /^command \d\[\d+\]$/.test(comment.ipft[party]))).toBe(true);
  const verdicts = packets.filter(({ verdict }) => verdict === '1:2').length;
  expect(verdicts).toBe(ended.filter(({ outcome }) => outcome === 'dropped').length);
  expect(statistics.reduce((sum, { delivered = 0n }) => sum + delivered, 0n)).toBe(BigInt(packets.length));
  const once = packetsOf(path, '--once', '--only', 'dropped').sections[0]?.packets ?? [];
  expect(new Set(once.map(({ id }) => id)).size).toBeGreaterThan(10);
  expect(once.map(({ comment: { journey, netns } }) => `${journey} ${netns}`).sort()).toEqual(
    [...new Set(once.map(({ comment: { journey, netns } }) => `${journey} ${netns}`))].sort(),
  );
});

test('ipft show -o pcapng: without bytes it says what to record; several recordings are sections of one file', () => {
  const none = packetsOf(file);
  expect(none).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/writes the bytes of packets, and .*trace\.ipft has none\n.*--snaplen 256/),
  });
  const [path, other, empty] = ['bytes', 'others', 'empty'].map((name) => join(dir, name)) as [string, string, string];
  writeFileSync(path, recordBytes({ events: 300, hasSnapshots: true }));
  writeFileSync(other, recordBytes({ events: 200, hasSnapshots: true, facts: { id: 'fedcba9876543210' } }));
  writeFileSync(empty, recordBytes({ events: 0 }));
  const counts = ({ sections }: ReturnType<typeof packetsOf>) => sections.map(({ packets }) => packets.length);
  expect(counts(packetsOf(path, other))).toEqual([300, 200]);
  expect(counts(packetsOf(empty))).toEqual([0]);
  const damaged = recordBytes({ events: 3000, hasSnapshots: true });
  writeFileSync(path, damaged.fill(0x55, damaged.length - 40_000, damaged.length - 39_990));
  const broken = packetsOf(path);
  expect(broken).toMatchObject({ status: 1, stderr: expect.stringContaining('is damaged') });
  expect(counts(broken)[0]).toBeLessThan(3000);
});

test('ipft show -o pcapng: not to a terminal; it ends when its reader has gone', () => {
  const path = join(dir, 'for-terminal');
  writeFileSync(path, recordBytes({ events: 30_000, hasSnapshots: true }));
  const command = `sh ${IPFT} show ${path} -o pcapng`;
  const { stdout, status } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
  expect({ status, stdout }).toMatchObject({ status: 2, stdout: expect.stringContaining('stdout is a terminal') });
  const first = execFileSync('sh', ['-c', `${command} | head -c 4; exit $?`]);
  expect(first.toString('hex')).toBe('0a0d0d0a');
});

/** Shows a file that grows. */
function follow(path: string, ...args: string[]) {
  const out = openSync(`${path}.out`, 'w');
  const child = spawn('sh', [IPFT, 'show', '--follow-file', '-o', 'json', path, ...args], {
    stdio: ['ignore', out, 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    child,
    ended,
    lines: () => readFileSync(`${path}.out`, 'utf8').split('\n').length - 1,
    stderr: () => stderr,
  };
}

test('ipft show --follow-file: what is written is shown, until the recorder ends it', async () => {
  const path = join(dir, 'growing');
  writeFileSync(path, '');
  const shown = follow(path);
  await expect.poll(shown.stderr).toContain('Following');
  const most = long.length - 100_000;
  for (let at = 0; at < most; at += 50_000) appendFileSync(path, long.subarray(at, Math.min(at + 50_000, most)));
  await expect.poll(shown.lines).toBeGreaterThan(100);
  expect(shown.child.exitCode).toBeNull();
  appendFileSync(path, long.subarray(most));
  expect(await shown.ended, shown.stderr()).toBe(0);
  expect(readFileSync(`${path}.out`, 'utf8')).toBe(ipft('-o', 'json', path).stdout);
});

test('ipft show --follow-file: goes on with the file that the recorder begins', async () => {
  const options = { events: 60_000, rotate: { bytes: 1 << 20 } };
  const parts = recordParts(options);
  const name = (index: number) => join(dir, `rotated-00000${index + 1}.ipft`);
  writeFileSync(name(0), parts[0]!);
  const shown = follow(name(0));
  for (const [index, part] of parts.entries()) {
    if (index === 0) continue;
    const lines = shown.lines();
    writeFileSync(name(index), '');
    appendFileSync(name(index), part);
    await expect.poll(shown.lines).toBeGreaterThan(lines);
  }
  expect(await shown.ended, shown.stderr()).toBe(0);
  expect(shown.stderr()).toContain('60000 events');
});

test('ipft show --follow-file: a signal, a count and a file that becomes shorter end it', async () => {
  const part = long.subarray(0, long.length - 100_000);
  const [stopped, counted, shorter] = ['stopped', 'counted', 'shorter'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [stopped, counted, shorter]) writeFileSync(path, part);
  const shown = follow(stopped);
  await expect.poll(shown.lines).toBeGreaterThan(100);
  shown.child.kill('SIGINT');
  expect(await shown.ended, shown.stderr()).toBe(0);
  expect(await follow(counted, '--count', '1').ended).toBe(0);
  const other = follow(shorter);
  await expect.poll(other.lines).toBeGreaterThan(100);
  truncateSync(shorter, 5000);
  expect(await other.ended).toBe(1);
  expect(other.stderr()).toContain('it has become shorter while it was read');
});

test('ipft show: neither libbpf nor anything of the running kernel is needed', () => {
  const trace = join(dir, 'strace');
  const { status, error } = spawnSync('strace', [
    '-f',
    '-e',
    'trace=open,openat',
    '-o',
    trace,
    'sh',
    IPFT,
    'show',
    file,
  ]);
  expect([error, status]).toEqual([undefined, 0]);
  const opened = readFileSync(trace, 'utf8');
  expect(opened).toContain(file);
  expect(opened).not.toMatch(/libbpf|libelf|\/sys\/kernel|kallsyms|\/proc\/modules|\/sys\/module/);
});
