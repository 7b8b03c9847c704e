/** The largest rate of events that are all taken in: marked pings, as fast as they go, with ipft and with a bare reader. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { row } from '../rows.js';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
const BARE = fileURLToPath(new URL('../bare-reader.js', import.meta.url));
const PINGS = '1500';

/** @param {string[]} args @returns {Promise<{ rate: number, lost: number }>} */
async function measure(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', openSync('/dev/null', 'w'), 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let said = '';
  await new Promise((resolve) => {
    child.stderr?.on('data', (data) => {
      said += data;
      if (said.includes('Trace ready!')) resolve(undefined);
    });
    void ended.then(resolve);
  });
  const output = execFileSync('ping', ['-f', '-q', '-m', '1', '-c', PINGS, '127.0.0.1'], { encoding: 'utf8' });
  const seconds = Number(/time (\d+)ms/.exec(output)?.[1]) / 1000;
  child.kill('SIGINT');
  await ended;
  const events = Number(/(\d+) events/.exec(said)?.[1]);
  return { rate: events / seconds, lost: Number(/warning: (\d+) events were lost/.exec(said)?.[1] ?? 0) };
}

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function rate({ backends, runs, note }) {
  execFileSync('sysctl', ['-q', 'net.ipv4.fwmark_reflect=1']);
  const dir = mkdtempSync(join(tmpdir(), 'ipft-bench-'));
  /** @type {Record<string, string[]>} */
  const ways = {
    ...{ '-o json': ['-o', 'json'], '-o aggregate': ['-o', 'aggregate'] },
    recorded: ['-w', join(dir, 'recording')],
  };
  const rows = [];
  for (const backend of backends.filter(({ oneByOne }) => !oneByOne)) {
    /** @type {Record<string, { rate: number, lost: number }[]>} */
    const found = { bare: [], ...Object.fromEntries(Object.keys(ways).map((way) => [way, []])) };
    for (let run = 0; run < runs; run++) {
      found['bare']?.push(await measure([BARE, backend.name]));
      for (const [way, options] of Object.entries(ways))
        found[way]?.push(await measure([IPFT, '-m', '1', '-b', backend.name, ...options]));
      note(`${backend.name} rate ${run + 1}`);
    }
    const bare = found['bare'] ?? [];
    for (const way of Object.keys(ways)) {
      const of = found[way] ?? [];
      const lost = of.reduce((sum, one) => sum + one.lost, 0);
      const about = { kernel: release(), backend: backend.name, unit: 'events a second' };
      const what = `rate of events, ${way}`;
      const goal = way === 'recorded' ? '≥ 0.9' : '≥ 0.7';
      const rates = of.map((one) => one.rate);
      const note = { note: lost === 0 ? 'nothing was lost' : `${lost} were lost` };
      rows.push(
        row(
          { ...about, ...note, what, goal, against: 'draining' },
          rates,
          bare.map((one) => one.rate),
        ),
      );
    }
  }
  rmSync(dir, { recursive: true, force: true });
  return rows;
}
