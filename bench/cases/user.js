/**
 * The user side alone, from a recorded ring: each figure from a process of its own (bench/user-side.js), since what one
 * leaves on the heap slows the next.
 */
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { row } from '../rows.js';

const SCRIPT = fileURLToPath(new URL('../user-side.js', import.meta.url));
const EVENTS = 200_000;
/** A recording begins with the names of all functions, which is not what is measured. */
const RECORDED_EVENTS = 1_000_000;
const GROWTH = [1e3, 1e4, 1e5, 1e6, 1e7];

/** @param {string} what @param {number} events @param {number} runs @returns {number[]} */
const ask = (what, events, runs) =>
  JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', SCRIPT, what, String(events), String(runs)], { encoding: 'utf8' }),
  );

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<{ rows: import('../rows.js').Row[], curves: import('../rows.js').Curve[] }>}
 */
export async function user({ runs, note }) {
  const kernel = release();
  const copy = ask('copy', EVENTS, runs);
  const drain = ask('drain', EVENTS, runs);
  const json = ask('json', EVENTS, runs);
  const live = ask('live', EVENTS, runs);
  const aggregate = ask('aggregate', EVENTS, runs);
  const script = ask('script', EVENTS, runs);
  const undecoded = ask('script-without-decode', EVENTS, runs);
  note('user side');
  const drained = ask('drain', RECORDED_EVENTS, runs);
  const raw = ask('drain-raw', RECORDED_EVENTS, runs);
  const record = ask('record', RECORDED_EVENTS, runs);
  const compressed = ask('record-compressed', RECORDED_EVENTS, runs);
  note('recording');
  const shown = ['json', 'aggregate', 'paths', 'pcapng'].map((output) => ({
    output,
    live: ask(output, EVENTS, runs),
    recorded: ask(`show-${output}`, EVENTS, runs),
  }));
  note('showing');
  const held = ask('memory', 1e6, 1);
  note('memory');
  const about = { kernel, unit: 'ns an event' };
  const rows = [
    row({ ...about, what: 'JSON from a recorded ring', against: 'copying its lines', goal: '≤ 6' }, json, copy),
    row({ ...about, what: 'aggregate’s intake', against: 'copying the lines of JSON', goal: '≤ 2' }, aggregate, copy),
    row({ ...about, what: 'JSON from a recorded ring', against: 'draining without decoding' }, json, drain),
    row({ ...about, what: 'aggregate’s intake', against: 'draining without decoding' }, aggregate, drain),
    row({ ...about, what: '-o live from a recorded ring', against: 'JSON from a recorded ring' }, live, json),
    row({ ...about, what: 'JSON with a script in Lua', against: 'JSON from a recorded ring' }, script, json),
    row({ ...about, what: 'JSON with a script in Lua', against: 'a script without decode' }, script, undecoded),
    row({ ...about, what: 'recording', against: 'draining without decoding', goal: '≤ 1.1' }, record, drained),
    row({ ...about, what: 'recording', against: 'lending its bytes to nobody' }, record, raw),
    row({ ...about, what: 'recording', against: 'JSON from a recorded ring', goal: '≤ 0.5' }, record, json),
    row({ ...about, what: 'recording, compressed', against: 'draining without decoding' }, compressed, drained),
    ...shown.map(({ output, live, recorded }) =>
      row({ ...about, what: `showing a recording, -o ${output}`, against: 'the same from a ring' }, recorded, live),
    ),
    row(
      { kernel, unit: 'bytes an event', what: 'memory of aggregate, 10⁶ events', against: 'a record', goal: '≤ 1.5' },
      held,
      [24],
    ),
  ];
  /** @type {[number, number][]} */
  const points = GROWTH.map((events) => [events, ((ask('json', events, 1)[0] ?? 0) * events) / 1e9]);
  note('growth of JSON');
  return { rows, curves: [{ what: 'JSON, one process each', kernel, x: 'events', y: 'seconds', points }] };
}
