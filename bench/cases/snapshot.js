/**
 * What snapshots of a packet cost it, and what it costs to tell whose it is, in instructions: for a guest whose clock counts
 * them. Pings pass veth; what the programs cost with either, less what they cost without, is its share.
 */
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { compileExpression } from '../../dist/filter/pcap/expression.js';
import { pcapFilter } from '../../dist/filter/pcap/pcap-filter.js';
import { compileWithLibpcap } from '../../dist/sys/libpcap.js';
import { attachTracer, countRuns } from '../attached.js';
import { median, row } from '../rows.js';
import { layVeth } from '../veth.js';

const PINGS = 1000;
const SNAPLEN = 96;
/** A packet has one event, and its first snapshot. */
const FIRST = /^ip_rcv$/;
/** Two more events, at which no header has changed. */
const UNCHANGED = /^(ip_rcv|ip_rcv_core|ip_local_deliver)$/;
const MORE_EVENTS = 2;
/** Another event, in another place. */
const MOVED = /^(dev_hard_start_xmit|ip_rcv)$/;

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function snapshot({ backends, runs, note }) {
  layVeth();
  countRuns();
  const packets = pcapFilter({ outer: compileExpression('icmp', compileWithLibpcap) });
  const ping = () => execFileSync('ping', ['-f', '-q', '-c', String(PINGS), '10.98.0.2']);
  ping();
  /** @type {import('../rows.js').Row[]} */
  const rows = [];
  for (const backend of backends) {
    /**
     * What the programs cost for each packet.
     * @param {RegExp} functions
     * @param {Partial<import('../../dist/capture/session.js').SessionOptions>} options
     */
    const measure = async (functions, options) => {
      const attached = await attachTracer(backend, { packets, follow: true, snaplen: 0, ...options }, functions);
      const costs = [];
      for (let run = 0; run < runs; run++) {
        attached.empty();
        const before = attached.count().ns;
        ping();
        // There and back.
        costs.push((attached.count().ns - before) / (2 * PINGS));
      }
      await attached.release();
      return costs;
    };
    /** @param {RegExp} functions @param {Partial<import('../../dist/capture/session.js').SessionOptions>} options */
    const shareOf = async (functions, options = { snaplen: SNAPLEN }) => {
      const without = median(await measure(functions, {}));
      return (await measure(functions, options)).map((cost) => cost - without);
    };
    const who = { findGroup: () => undefined };
    const party = await shareOf(FIRST, who);
    const known = (await shareOf(UNCHANGED, who)).map((cost) => (cost - median(party)) / MORE_EVENTS);
    const first = await shareOf(FIRST);
    const one = median(first);
    const moved = (await shareOf(MOVED)).map((cost) => cost - one);
    const unchanged = (await shareOf(UNCHANGED)).map((cost) => (cost - one) / MORE_EVENTS);
    const about = { kernel: release(), backend: backend.name, unit: 'instructions', against: 'the goal', goal: '≤ 1' };
    rows.push(row({ ...about, what: 'the first snapshot of a packet' }, first, [400]));
    rows.push(row({ ...about, what: 'a snapshot in another place' }, moved, [400]));
    rows.push(row({ ...about, what: 'an event where no header has changed' }, unchanged, [40]));
    rows.push(row({ ...about, what: 'whose a packet is' }, party, [400]));
    rows.push(row({ ...about, what: 'an event where it has no other socket' }, known, [40]));
    const all = [first, moved, unchanged, party, known];
    note(`${backend.name} snapshots: ${all.map((costs) => Math.round(median(costs))).join(' ')}`);
  }
  return rows;
}
