/** Pages of made-up traces, as `-o html` writes them of what happened. */
import { createEvent, type FieldWriter } from '../../src/base/event.js';
import { highHalf, lowHalf } from '../../src/base/halves.js';
import type { Fate, Journey, Outcome, Place } from '../../src/base/journey.js';
import type { Snapshot } from '../../src/base/snapshot.js';
import { HtmlOutput } from '../../src/output/html.js';
import { readPageFrame } from '../../src/page-server/page-frame.js';
import { createHeader } from './trace-header.js';

/** A call of a function, in the order of time. */
export interface MadeCall {
  readonly fn: string;
  /** Since the journey's begin, in nanoseconds. */
  readonly at: number;
  /** How long it took, where returns are traced; undefined: its return is lost. */
  readonly took?: number;
  readonly depth?: number;
  /** The number of the place. Default: 1. */
  readonly place?: number;
  readonly cpu?: number;
}

export interface MadeJourney {
  readonly outcome?: Outcome;
  /** Since the trace began, in nanoseconds. */
  readonly begin: number;
  readonly calls: readonly MadeCall[];
  readonly fate?: Partial<Fate>;
  /** Others of `Journey`. */
  readonly over?: Partial<Journey>;
  /** The packet's bytes, from IP's header on. */
  readonly packet?: Uint8Array;
}

export interface MadeTrace {
  readonly journeys: Iterable<MadeJourney>;
  readonly places?: readonly Place[];
  readonly namespaces?: Readonly<Record<number, string>>;
  readonly hasReturns?: boolean;
  /** The name of a field of one byte; empty for events without any, where they could have some. */
  readonly field?: string;
}

const BEGAN = 464048546193247n;
const PLACES: readonly Place[] = [
  { netns: 4026531840, ifindex: 0, device: '' },
  { netns: 4026531840, ifindex: 2, device: 'eth0' },
  { netns: 4026532201, ifindex: 3, device: 'veth1' },
];

/** @returns the page, whole, in pieces */
export function* makePage(made: MadeTrace): Iterable<Uint8Array> {
  const { hasReturns = false, places = PLACES, namespaces = { 4026532201: 'blue' }, field } = made;
  const targets: { name: string; module: string }[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (fn: string): number => {
    const known = indexes.get(fn);
    if (known !== undefined) return known;
    // As `name [module]`, or a name of the kernel itself.
    const [, name = fn, module = 'vmlinux'] = /^(.*?)(?: \[([^\]]*)\])?$/s.exec(fn) ?? [];
    targets.push({ name, module });
    indexes.set(fn, targets.length - 1);
    return targets.length - 1;
  };
  const fields: FieldWriter | undefined =
    field === undefined
      ? undefined
      : {
          names: new Set([field]),
          varies: false,
          text: () => {},
          values: () => {},
          json(out, data, offset) {
            if (field !== '') out.text(`,${JSON.stringify(field)}:${data.getUint8(offset)}`);
          },
        };
  const names = {
    reason: (reason: number) => (reason === 0 ? undefined : `REASON_${reason}`),
    symbol: (address: bigint) => (address === 0n ? undefined : `some_function+0x${address.toString(16)}`),
  };
  const header = { ...createHeader([]), beganNs: BEGAN, netnsName: (netns: number) => namespaces[netns] };
  const context = { targets, hasReturns, fields, dataSize: fields ? 1 : 0, names };
  const output = new HtmlOutput(
    { ...context, places: { get: (number) => places[number - 1] } },
    { page: { frame: readPageFrame(), header } },
  );
  const data = new DataView(new ArrayBuffer(1));
  const event = createEvent(data);
  let number = 0;
  for (const { begin, calls, outcome = 'consumed', fate, over, packet } of made.journeys) {
    number++;
    const steps = calls.flatMap((call) => {
      const { at, took } = call;
      const entry = { ...call, isReturn: false, time: at };
      return hasReturns && took !== undefined ? [entry, { ...call, isReturn: true, time: at + took }] : [entry];
    });
    steps.sort((a, b) => a.time - b.time);
    const beginNs = BEGAN + BigInt(begin);
    const journey: Journey = {
      ...{ number, shortId: number, packetId: 0xffff888000000000n + BigInt(number * 256), parent: 0 },
      ...{ beginNs, endNs: beginNs + BigInt(steps.at(-1)?.time ?? 0), events: steps.length, lost: 0, gap: false },
      ...{ outcome, snapshots: packet ? [snapshotOf(packet)] : [] },
      fate: {
        ...{ dropped: outcome === 'dropped', received: true, stage: 'none', reason: 0, location: 0n, symbol: '' },
        ...{ device: 'eth0', family: 2, protocol: 6, ...fate },
      },
      ...over,
    };
    for (const [index, { fn, time, isReturn, at, depth = 0, place = 1, cpu = 0, took }] of steps.entries()) {
      const timestamp = beginNs + BigInt(time);
      const entered = beginNs + BigInt(at);
      event.journey = journey.shortId;
      event.timestampLow = lowHalf(timestamp);
      event.timestampHigh = highHalf(timestamp);
      event.target = indexOf(fn);
      event.cpu = cpu;
      event.place = place;
      event.depth = depth;
      event.isReturn = isReturn;
      event.partnerLost = hasReturns && took === undefined;
      event.entryLow = isReturn ? lowHalf(entered) : 0;
      event.entryHigh = isReturn ? highHalf(entered) : 0;
      data.setUint8(0, index & 0xff);
      output.event(event, journey);
    }
    output.ended(journey);
    while (output.tick());
    if (output.pendingBytes > 0) yield output.take();
  }
  yield* output.finish();
}

function snapshotOf(bytes: Uint8Array): Snapshot {
  return {
    ...{ bytes, hasEthernet: false, protocol: bytes[0]! >> 4 === 6 ? 0x86dd : 0x800, lengthBytes: bytes.length },
    ...{ vlan: undefined, gso: undefined },
  };
}
