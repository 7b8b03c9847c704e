/** Packets that expressions choose, for tests of real ones. */
import type { TracerName } from '../../src/base/method.js';
import { Session } from '../../src/capture/session.js';
import { NO_FIELDS } from '../../src/fields/field-set.js';
import type { PacketFilter } from '../../src/filter/packet-filter.js';
import { compileExpression } from '../../src/filter/pcap/expression.js';
import { pcapFilter } from '../../src/filter/pcap/pcap-filter.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';
import { until } from './harness.js';

export const compile = (text: string) => compileExpression(text, compileWithLibpcap);
export const filterOf = (text: string) => pcapFilter({ outer: compile(text) });
export const innerFilterOf = (text: string) => pcapFilter({ inner: compile(text) });

const prepared = new Map<string, ReturnType<typeof prepare>>();

async function prepare(functions: RegExp, tracer: TracerName) {
  const { backend } = await chooseBackend(tracer, undefined);
  return { backend, ...(await loadTargets(backend, { functionPattern: { regExp: functions, text: '' } })) };
}

/** A session with functions whose names match, not attached. They are looked up once. */
export async function open(packets: PacketFilter, functions: RegExp, tracer: TracerName = 'function') {
  const key = `${tracer} ${functions.source}`;
  const found = prepared.get(key) ?? prepare(functions, tracer);
  prepared.set(key, found);
  const { backend, targets, deciding } = await found;
  const session = await Session.open({
    ...{ backend, tracer, targets, deciding, packets, samplePeriod: 1, follow: true },
    ...{ ringSizeBytes: 1 << 20, snaplen: 96, fields: NO_FIELDS },
  });
  return { session, targets };
}

/**
 * The functions that the packets of some traffic passed, without copies, while a session with the expression was
 * attached.
 */
export async function functionsOf(expression: string | PacketFilter, traffic: () => void): Promise<string[][]> {
  const { session, targets } = await open(
    typeof expression === 'string' ? filterOf(expression) : expression,
    /^(__ip_local_out|ip_output|dev_hard_start_xmit|ip_rcv|icmp_rcv|udp_rcv|eth_type_trans|ip6_output|ipv6_rcv|kfree_skbmem)$/,
  );
  using opened = session;
  await opened.attach(new AbortController().signal);
  traffic();
  const journeys = new Map<number, string[]>();
  let living = 0;
  await until(() => {
    opened.read({
      // A socket of ping gets copies of answers.
      began: ({ journey, parent }) => {
        living++;
        if (parent === 0) journeys.set(journey >>> 0, []);
      },
      event: ({ journey, target }) => void journeys.get(journey)?.push(targets[target]?.name ?? ''),
      ended: () => void living--,
      ...{ moved() {}, snapshot() {}, process() {} },
    });
    return living === 0;
  }, 'the end of what began');
  await opened.release();
  return [...journeys.values()];
}
