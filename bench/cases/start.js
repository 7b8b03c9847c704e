/**
 * Start and stop, all functions and fewer, beside bpftrace with as many probes of the same mechanism; and what an idle
 * tracer takes.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadTargets } from '../../dist/probes/targets.js';
import { row } from '../rows.js';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
/** Names whose functions make up about as many probes; bpftrace makes one link of each. */
const GLOBS = [
  'tcp_*',
  'ip_*',
  'skb_*',
  'udp*',
  'nf_*',
  '__skb_*',
  'ip6_*',
  'dev_*',
  'sock_*',
  'ipv6_*',
  'net*',
  'icmp*',
];
const ENVIRONMENT = { ...process.env, BPFTRACE_MAX_PROBES: '9999' };
/** One by one takes minutes: so many stand for all. */
const FEW = 100;
const IDLE_MS = 5000;

/**
 * Starts a program, waits for what it says when it is ready, and stops it again.
 * @param {string[]} command
 * @param {'stdout' | 'stderr'} where
 * @param {string} ready
 * @param {(pid: number) => Promise<void>} [meanwhile]
 * @returns {Promise<{ start: number, stop: number }>} milliseconds
 */
async function startAndStop([program = '', ...args], where, ready, meanwhile = async () => {}) {
  const begin = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let said = '';
  await new Promise((resolve) => {
    for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
      child[stream].on('data', (data) => {
        if (stream !== where) return;
        said += data;
        if (said.includes(ready)) resolve(undefined);
      });
    }
    void ended.then(resolve);
  });
  const start = performance.now() - begin;
  if (!said.includes(ready)) throw new Error(`${program} did not get ready: ${said.slice(-500)}`);
  await meanwhile(child.pid ?? 0);
  const interrupted = performance.now();
  child.kill('SIGINT');
  await ended;
  return { start, stop: performance.now() - interrupted };
}

const bpftrace = (/** @type {string} */ probes) =>
  // The interval begins when all is attached.
  startAndStop(['bpftrace', '-e', `${probes} { @ = 1; } interval:ms:20 { printf("ready\\n"); }`], 'stdout', 'ready');

/** How many functions a glob stands for. */
const countProbes = (/** @type {string} */ glob) =>
  execFileSync('bpftrace', ['-l', `kprobe:${glob}`], { encoding: 'utf8', env: ENVIRONMENT }).split('\n').length - 1;

/** @param {number} pid @returns {number} seconds of processor time so far */
function processorTime(pid) {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
  const words = fields.split(' ');
  return (Number(words[11]) + Number(words[12])) / 100;
}

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<{ rows: import('../rows.js').Row[], curves: import('../rows.js').Curve[] }>}
 */
export async function start({ backends, runs, note }) {
  const kernel = release();
  /** @type {import('../rows.js').Row[]} */
  const rows = [];
  /** @type {import('../rows.js').Curve[]} */
  const curves = [];
  for (const backend of backends) {
    const names = (await loadTargets(backend)).targets.map(({ name }) => name);
    const trace = (
      /** @type {number} */ count,
      /** @type {((pid: number) => Promise<void>) | undefined} */ meanwhile = undefined,
    ) => {
      const filter = count < names.length ? ['-r', `^(${names.slice(0, count).join('|')})$`] : [];
      const command = [process.execPath, IPFT, '-m', '1', '-b', backend.name, ...filter];
      return startAndStop(command, 'stderr', 'Trace ready!', meanwhile);
    };
    const many = backend.oneByOne ? FEW : names.length;
    const ours = [];
    for (let run = 0; run < runs; run++) ours.push(await trace(many));
    note(`${backend.name} start of ipft`);
    const peers = [];
    let probes = '';
    let against = 'bpftrace';
    if (backend.name === 'kprobe-multi') {
      let count = 0;
      const globs = [];
      for (const glob of GLOBS) {
        if (count >= many) break;
        count += countProbes(glob);
        globs.push(`kprobe:${glob}`);
      }
      probes = globs.join(',');
      against = `bpftrace, ${count} probes in ${globs.length} links`;
    } else if (backend.oneByOne) {
      const type = backend.name === 'ftrace' ? 'kfunc' : 'kprobe';
      probes = names
        .slice(0, many)
        .map((name) => `${type}:${name}`)
        .join(',');
      against = `bpftrace, as many`;
    }
    if (probes !== '') for (let run = 0; run < runs; run++) peers.push(await bpftrace(probes));
    note(`${backend.name} start of bpftrace`);
    for (const which of /** @type {const} */ (['start', 'stop'])) {
      const values = ours.map((one) => one[which]);
      const about = { kernel, backend: backend.name, unit: 'ms', against, what: `${which}, ${many} functions` };
      const goal = which === 'stop' || backend.name === 'kprobe-multi' ? '≤ 0.5' : '≤ 1';
      // bpftrace knows no such mechanism as fentry-multi: then there is a figure, and nothing to compare it with.
      if (peers.length > 0)
        rows.push(
          row(
            { ...about, goal },
            values,
            peers.map((one) => one[which]),
          ),
        );
      else rows.push(row({ ...about, against: 'itself' }, values, values));
    }
    if (!backend.oneByOne) {
      for (const which of /** @type {const} */ (['start', 'stop'])) {
        /** @type {[number, number][]} */
        const points = [];
        for (const count of [100, 400, names.length]) points.push([count, (await trace(count))[which] / 1000]);
        curves.push({ what: `${which}, ${backend.name}`, kernel, x: 'functions', y: 'seconds', points });
      }
      note(`${backend.name} growth`);
      /** @type {number[]} */
      const busy = [];
      await trace(names.length, async (pid) => {
        await sleep(1000);
        const before = processorTime(pid);
        await sleep(IDLE_MS);
        busy.push(((processorTime(pid) - before) / IDLE_MS) * 1e5);
      });
      const about = { kernel, backend: backend.name, unit: '% of a CPU', against: 'a CPU', what: 'idle tracer' };
      rows.push(row(about, busy, [100]));
    }
  }
  return { rows, curves };
}
