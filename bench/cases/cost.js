/**
 * What a call of a traced function costs, in instructions: for a guest whose clock counts them (scripts/vm --icount).
 * `a call` is all that the kernel does for it, from the pings' time with programs less their time without, over the runs;
 * `the program` is what the kernel counts for the program alone.
 */
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { loadExtension } from '../../dist/fields/c/extension.js';
import { combineFields } from '../../dist/fields/field-set.js';
import { attachFloor, attachOwnPrograms, attachTracer, countRuns } from '../attached.js';
import { row } from '../rows.js';

const PINGS = 4000;
const MARK = 1;
/** With kprobes one by one: what a ping passes, and some more. */
const PART = /^_*(ip|icmp|ping|raw|sock|skb|kfree|consume|dev|netif|process|loopback|eth|nf_|security|validate|neigh)/;

/** Packets to this host, with a mark or without; returns nanoseconds, which are instructions here. */
function ping(/** @type {boolean} */ marked) {
  const args = ['-f', '-q', '-c', String(PINGS), ...(marked ? ['-m', String(MARK)] : []), '127.0.0.1'];
  const said = execFileSync('ping', args, { encoding: 'utf8' });
  return Number(/time (\d+)ms/.exec(said)?.[1]) * 1e6;
}

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function cost({ backends, floors, runs, note }) {
  countRuns();
  // Answers have the mark of what they answer.
  execFileSync('sysctl', ['-q', 'net.ipv4.fwmark_reflect=1']);
  const fields = combineFields([await loadExtension([join(floors, 'skeleton.o')])]);
  const none = Math.min(...Array.from({ length: runs }, () => ping(false)));
  /** @type {import('../rows.js').Row[]} */
  const rows = [];
  for (const backend of backends) {
    const only = backend.oneByOne ? PART : undefined;
    /** @param {() => Promise<import('../attached.js').Attached>} attach @param {boolean} marked */
    const measure = async (attach, marked) => {
      const attached = await attach();
      ping(marked);
      return await attached.measureCalls(() => ping(marked), none, runs);
    };
    const floor = (
      /** @type {import('../attached.js').Floor} */ kind,
      /** @type {import('../attached.js').Functions} */ of,
    ) => attachFloor(backend, floors, kind, { functions: of, only });
    const own = (/** @type {object} */ options, /** @type {import('../attached.js').Functions} */ of) =>
      attachOwnPrograms(backend, options, { functions: of, only });
    const whole = (/** @type {object} */ options) => attachTracer(backend, options, only);
    const add = (
      /** @type {string} */ what,
      /** @type {string} */ against,
      /** @type {string | undefined} */ goal,
      /** @type {Awaited<ReturnType<typeof measure>>} */ ours,
      /** @type {Awaited<ReturnType<typeof measure>>} */ theirs,
    ) => {
      const about = { kernel: release(), backend: backend.name, unit: 'instructions', against };
      rows.push(row({ ...about, what: `${what}: a call`, ...(goal ? { goal } : {}) }, ours.calls, theirs.calls));
      rows.push(row({ ...about, what: `${what}: the program` }, ours.programs, theirs.programs));
      note(`${backend.name} ${what}`);
    };
    const [major = 0, minor = 0] = release().split('.').map(Number.parseFloat);
    const old = major < 6 || (major === 6 && minor < 2);
    const empty = await measure(() => floor('empty', 'plain'), false);
    const unmatched = await measure(() => own({}, 'plain'), false);
    add('packet that does not match', 'empty program', old ? '≤ 1.3' : '≤ 1.05', unmatched, empty);
    const record = await measure(() => floor('record', 'plain'), true);
    const matched = await measure(() => own({}, 'plain'), true);
    add('packet that matches', 'program that makes a record', '≤ 1.25', matched, record);
    const load = await measure(() => floor('load', 'plain'), true);
    const extended = await measure(() => own({ fields }, 'plain'), true);
    add('packet that matches, skeleton extension', 'the same and one load', '≤ 1.3', extended, load);
    // Attached one by one, each figure takes minutes: these must do.
    if (backend.oneByOne) continue;
    const emptyDeciding = await measure(() => floor('empty', 'deciding'), false);
    const deciding = await measure(() => own({}, 'deciding'), false);
    add('no match, functions that decide about packets', 'empty program', undefined, deciding, emptyDeciding);
    const emptyAll = await measure(() => floor('empty', 'all'), false);
    add('no match, whole tracer', 'empty program', undefined, await measure(() => whole({}), false), emptyAll);
    const follow = await measure(() => whole({ follow: true }), false);
    add('no match, whole tracer with --follow', 'empty program', undefined, follow, emptyAll);
    const recordAll = await measure(() => floor('record', 'all'), true);
    const all = await measure(() => whole({}), true);
    add('match, whole tracer', 'program that makes a record', undefined, all, recordAll);
  }
  return rows;
}
