/**
 * What a call costs for packets that an expression, or a choice of processes, does not match, beside what it costs with a
 * mark: in instructions, for a guest whose clock counts them, on the way of UDP and TCP through veth. `a call` is all that
 * the kernel does for it; `the program` is what the kernel counts for the programs alone.
 */
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ANY_MARK } from '../../dist/filter/packet-filter.js';
import { compileExpression } from '../../dist/filter/pcap/expression.js';
import { pcapFilter } from '../../dist/filter/pcap/pcap-filter.js';
import { compileWithLibpcap } from '../../dist/sys/libpcap.js';
import { attachTracer, countRuns, timeLoading } from '../attached.js';
import { row } from '../rows.js';
import { layVeth } from '../veth.js';

const ECHO = fileURLToPath(new URL('../programs/echo.py', import.meta.url));
const TURNS = 1000;
const EXPRESSIONS = ['tcp port 443', 'host 10.99.0.9 and (tcp port 80 or udp port 53 or icmp)'];
/** With kprobes one by one: the functions of these ways, and no more. */
export const PART =
  /^_*(ip|udp|tcp|sock|skb|kfree|consume|dev|netif|process|veth|eth|nf_|security|validate|neigh|napi)/;

const packetsOf = (/** @type {string} */ text) => pcapFilter({ outer: compileExpression(text, compileWithLibpcap) });
const innerOf = (/** @type {string} */ text) => pcapFilter({ inner: compileExpression(text, compileWithLibpcap) });

/** What no packet here matches, with the goal. */
const UNMATCHED = [
  ...EXPRESSIONS.map((text, index) => {
    return { what: text, packets: packetsOf(text), ...(index === 0 ? { goal: '≤ 1.5' } : {}) };
  }),
  {
    what: 'a process',
    packets: {
      mark: ANY_MARK,
      processes: {
        pids: [process.pid],
        withChildren: false,
        names: [],
        groups: [],
        cgroups: [],
        command: false,
        withNeighbours: false,
      },
    },
    goal: '≤ 1.3',
  },
];

/** @param {'udp' | 'tcp'} kind */
export function turn(kind) {
  const args = [ECHO, 'bench', '10.98.0.2', '4711', kind, String(TURNS)];
  return Number(execFileSync('python3', args, { encoding: 'utf8' }));
}

/**
 * How long loading takes with expressions, beside a mark: libpcap, the translation, the linker and the verifier.
 * @param {import('../../dist/probes/backend.js').Backend} backend
 * @param {RegExp | undefined} only
 * @param {number} runs
 */
async function measureLoading(backend, only, runs) {
  /** @param {() => object} options */
  const measure = async (options) => {
    const times = [];
    for (let run = 0; run <= runs; run++) times.push(await timeLoading(backend, options, only));
    // The first one reads what the next ones know.
    return times.slice(1);
  };
  const about = {
    kernel: release(),
    backend: backend.name,
    unit: 'instructions',
    against: 'with a mark',
    goal: '≤ 1.15',
  };
  const marked = await measure(() => ({}));
  const rows = [];
  for (const text of EXPRESSIONS) {
    const found = await measure(() => ({ packets: packetsOf(text) }));
    rows.push(row({ ...about, what: `loading, ${text}` }, found, marked));
  }
  const [text = ''] = EXPRESSIONS;
  const found = await measure(() => ({ packets: innerOf(text) }));
  rows.push(row({ ...about, what: `loading, --inner ${text}` }, found, marked));
  return rows;
}

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function filter({ backends, runs, note }) {
  layVeth();
  countRuns();
  /** @type {import('../rows.js').Row[]} */
  const rows = [];
  for (const backend of backends) {
    const only = backend.oneByOne ? PART : undefined;
    for (const kind of /** @type {const} */ (['udp', 'tcp'])) {
      const none = Math.min(...Array.from({ length: runs + 1 }, () => turn(kind)));
      /** @param {object} options */
      const measure = async (options) => {
        const attached = await attachTracer(backend, options, only);
        turn(kind);
        return await attached.measureCalls(() => turn(kind), none, runs);
      };
      const marked = await measure({});
      for (const { what: text, packets, ...goal } of UNMATCHED) {
        const found = await measure({ packets });
        const about = { kernel: release(), backend: backend.name, unit: 'instructions', against: 'with a mark' };
        const what = `${kind}, no match: ${text}`;
        rows.push(row({ ...about, what: `${what}: a call`, ...goal }, found.calls, marked.calls));
        rows.push(row({ ...about, what: `${what}: the program` }, found.programs, marked.programs));
        note(`${backend.name} ${what}`);
      }
    }
    rows.push(...(await measureLoading(backend, only, runs)));
    note(`${backend.name} loading`);
  }
  return rows;
}
