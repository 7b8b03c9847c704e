/** What tracing costs traffic that nobody traces: TCP and UDP between two namespaces. The clock decides, so it is noisy. */
import { execFileSync, spawn } from 'node:child_process';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachFloor, attachTracer } from '../attached.js';
import { row } from '../rows.js';

const SECONDS = '2';
const [HERE, THERE] = ['ipft-bench-a', 'ipft-bench-b'];

/** @param {string[]} args */
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });

/** @param {string[]} more @returns {number} TCP: bits a second; UDP: packets a second */
function send(...more) {
  const args = ['netns', 'exec', HERE, 'iperf3', '-J', '-c', '10.77.0.2', '-t', SECONDS, ...more];
  const { end } = JSON.parse(execFileSync('ip', args, { encoding: 'utf8', maxBuffer: 1 << 26 }));
  return end.sum_received?.bits_per_second && !more.includes('-u')
    ? end.sum_received.bits_per_second
    : (end.sum.packets - end.sum.lost_packets) / end.sum.seconds;
}

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function throughput({ backends, floors, runs, note }) {
  for (const name of [HERE, THERE]) ip('netns', 'add', name);
  ip('link', 'add', 'bench-a', 'netns', HERE, 'type', 'veth', 'peer', 'name', 'bench-b', 'netns', THERE);
  ip('-n', HERE, 'addr', 'add', '10.77.0.1/24', 'dev', 'bench-a');
  ip('-n', THERE, 'addr', 'add', '10.77.0.2/24', 'dev', 'bench-b');
  for (const [name, device] of [
    [HERE, 'bench-a'],
    [THERE, 'bench-b'],
  ]) {
    ip('-n', String(name), 'link', 'set', String(device), 'up');
  }
  const server = spawn('ip', ['netns', 'exec', THERE, 'iperf3', '-s'], { stdio: 'ignore' });
  await sleep(2000);
  const rows = [];
  try {
    for (const backend of backends.filter(({ oneByOne }) => !oneByOne)) {
      /** @type {Record<string, number[]>} */
      const found = {
        'none TCP': [],
        'none UDP': [],
        'empty TCP': [],
        'empty UDP': [],
        'ipft TCP': [],
        'ipft UDP': [],
      };
      const measure = (/** @type {string} */ with_) => {
        found[`${with_} TCP`]?.push(send());
        found[`${with_} UDP`]?.push(send('-u', '-b', '0', '-l', '64'));
      };
      // Each after the other, over and over: what else the machine does meets all alike.
      for (let run = 0; run < runs; run++) {
        measure('none');
        const empty = await attachFloor(backend, floors, 'empty', { functions: 'all', only: undefined });
        measure('empty');
        await empty.release();
        const tracer = await attachTracer(backend, {}, undefined);
        measure('ipft');
        await tracer.release();
        note(`${backend.name} throughput ${run + 1}`);
      }
      for (const [protocol, unit] of [
        ['TCP', 'bits a second'],
        ['UDP', 'packets a second'],
      ]) {
        const of = (/** @type {string} */ who) => found[`${who} ${protocol}`] ?? [];
        const about = { kernel: release(), backend: backend.name, unit: String(unit) };
        const what = `throughput of unmarked ${protocol}`;
        rows.push(row({ ...about, what, against: 'empty programs', goal: '≥ 0.97' }, of('ipft'), of('empty')));
        rows.push(row({ ...about, what, against: 'no tracer' }, of('ipft'), of('none')));
        rows.push(row({ ...about, what: `${what}, empty programs`, against: 'no tracer' }, of('empty'), of('none')));
      }
    }
  } finally {
    server.kill();
    for (const name of [HERE, THERE]) ip('netns', 'del', name);
  }
  return rows;
}
