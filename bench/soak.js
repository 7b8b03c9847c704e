/**
 * `scripts/vm --timeout 2000 6.12 -- node bench/soak.js MINUTES`: leaves a flight recorder for so long where packets pass
 * as fast as they go, and drops one now and then. Prints its memory each minute, and at the end whether each drop is in a
 * file with the second before it. Exit status 1 if one is not.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Recording } from '../dist/recording/recording.js';

const IPFT = fileURLToPath(new URL('../bin/ipft.js', import.meta.url));
const TRAFFIC = fileURLToPath(new URL('../tests/vm/traffic.py', import.meta.url));
const [HERE, THERE] = ['ipft-soak-a', 'ipft-soak-b'];
const MARK = '7';
const LAST = '16M';
const SECOND_NS = 1_000_000_000n;
/** The least and the longest wait between two drops, in milliseconds. */
const [LEAST_WAIT, LONGEST_WAIT] = [2_000, 30_000];

const minutes = Number(process.argv[2] ?? '20');
const dir = mkdtempSync(join(tmpdir(), 'ipft-soak-'));

/** @param {string[]} args */
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);

function connect() {
  for (const name of [HERE, THERE]) ip('netns', 'add', name);
  ip('link', 'add', 'soak-a', 'netns', HERE, 'type', 'veth', 'peer', 'name', 'soak-b', 'netns', THERE);
  ip('-n', HERE, 'addr', 'add', '10.78.0.1/24', 'dev', 'soak-a');
  ip('-n', THERE, 'addr', 'add', '10.78.0.2/24', 'dev', 'soak-b');
  ip('-n', HERE, 'link', 'set', 'soak-a', 'up');
  ip('-n', THERE, 'link', 'set', 'soak-b', 'up');
  execFileSync('ip', ['netns', 'exec', HERE, 'ping', '-q', '-c', '1', '-w', '100', '10.78.0.2']);
}

/** Sends a packet to a port where nobody listens. @returns {{ fromNs: bigint, toNs: bigint }} */
function drop() {
  const fromNs = process.hrtime.bigint();
  const send = ['/usr/bin/python3', '-IS', TRAFFIC, '-', 'udp', '10.78.0.2', MARK, '64'];
  execFileSync('ip', ['netns', 'exec', HERE, ...send], { stdio: 'ignore' });
  return { fromNs, toNs: process.hrtime.bigint() };
}

/** @param {number} pid @returns {number} KiB */
const memoryOf = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/**
 * @typedef {object} Part what a file holds
 * @property {string} name
 * @property {bigint} firstNs the time of its first event
 * @property {number} events
 * @property {bigint[]} drops
 * @property {string | undefined} problem
 */

/** @param {string} name @returns {Part} */
function read(name) {
  const recording = Recording.open(join(dir, name));
  /** @type {Part} */
  const part = { name, firstNs: 0n, events: 0, drops: [], problem: undefined };
  /** @type {import('../dist/base/record-source.js').SourceTaker} */
  const taker = {
    event({ timestampLow, timestampHigh }) {
      if (part.events++ === 0) part.firstNs = (BigInt(timestampHigh) << 32n) | BigInt(timestampLow);
    },
    ...{ began() {}, moved() {}, snapshot() {}, process() {}, missed() {} },
    ended({ fate, timestampNs }) {
      if (fate.dropped) part.drops.push(timestampNs);
    },
  };
  while (!recording.isOver) recording.read(taker);
  part.problem = recording.endedEarly?.problem;
  recording[Symbol.dispose]();
  return part;
}

/** @type {Part[]} */
const parts = [];
let bytes = 0;

/** Reads the files that there are, and removes them. @param {number} leave so many of the newest */
function collect(leave) {
  const names = readdirSync(dir).filter((name) => name.endsWith('.ipft'));
  for (const name of names.sort().slice(0, names.length - leave)) {
    bytes += statSync(join(dir, name)).size;
    parts.push(read(name));
    rmSync(join(dir, name));
  }
}

connect();
const ready = join(dir, 'ready');
const recorder = spawn(
  process.execPath,
  [IPFT, 'record', join(dir, 'drops.ipft'), '-m', MARK, '--last', LAST, '--trigger', 'drop', '--ready-file', ready],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
let said = '';
recorder.stderr.on('data', (data) => {
  said += data;
});
const ended = new Promise((resolve) => recorder.on('close', resolve));
while (!existsSync(ready) && recorder.exitCode === null) await sleep(100);
const load = spawn('ip', ['netns', 'exec', HERE, 'ping', '-q', '-f', '-m', MARK, '10.78.0.2'], { stdio: 'ignore' });
const drops = [];
/** @type {number[]} */
const samples = [];
const begin = performance.now();
let told = 0;
for (let wait = LEAST_WAIT; performance.now() - begin < minutes * 60_000 && recorder.exitCode === null; ) {
  await sleep(wait);
  drops.push(drop());
  samples.push(memoryOf(recorder.pid ?? 0));
  const minute = Math.floor((performance.now() - begin) / 60_000);
  if (minute > told) {
    told = minute;
    say(`minute ${minute}: ${samples.at(-1)} KiB, ${drops.length} drops, ${parts.length} files read`);
  }
  // The newest one may still be written.
  collect(1);
  // The same waits each time: between the least and the longest, in no order.
  wait = LEAST_WAIT + ((drops.length * 7919) % (LONGEST_WAIT - LEAST_WAIT));
}
await sleep(3000);
load.kill('SIGKILL');
recorder.kill('SIGINT');
await ended;
for (const name of [HERE, THERE]) ip('netns', 'del', name);
say(said.trimEnd());

collect(0);
let missing = 0;
for (const { fromNs, toNs } of drops) {
  const having = parts.flatMap(({ name, firstNs, drops: those }) =>
    those.filter((ns) => ns >= fromNs && ns <= toNs).map((ns) => ({ name, beforeNs: ns - firstNs })),
  );
  if (having.some(({ beforeNs }) => beforeNs >= SECOND_NS)) continue;
  missing++;
  const what = having.map(({ name, beforeNs }) => `in ${name} with ${Number(beforeNs) / 1e9} s before it`).join(', ');
  say(`the drop at ${fromNs} is ${what || 'in no file'}`);
}
for (const { name, problem } of parts) if (problem !== undefined) say(`${name}: ${problem}`);
const at = (/** @type {number} */ part) => samples[Math.min(samples.length - 1, Math.floor(samples.length * part))];
say(`${drops.length} drops in ${parts.length} files of ${bytes} bytes; ${missing} without the second before them`);
say(
  `memory: ${at(0)} KiB at first, ${at(0.5)} KiB in the middle, ${at(1)} KiB at the end; most ${Math.max(...samples)}`,
);
rmSync(dir, { recursive: true, force: true });
process.exitCode = missing > 0 || recorder.exitCode !== 0 ? 1 : 0;
