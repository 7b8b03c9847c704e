/** Traces as the page has them, of a few words. */
import type { Details, Journey, Outcome, Place, Trace, TracedFunction } from '../../ui/src/trace/trace.js';

export interface SketchedJourney {
  /** The functions that it passes, in order, each a microsecond later: `ip_rcv`; in another namespace: `ip_rcv@gw`; at a device: `ip_rcv@gw/eth0`. */
  readonly passes: string;
  /** When it passes them, in nanoseconds since its begin. */
  readonly at?: readonly number[];
  readonly outcome?: Outcome;
  readonly over?: Partial<Journey>;
  readonly details?: Partial<Details>;
}

export function sketchTrace(sketches: readonly SketchedJourney[]): Trace {
  const functions: TracedFunction[] = [];
  const places: Place[] = [{ netns: 0, name: null, ifindex: 0, device: '' }];
  const namespaces: string[] = [];
  const indexOf = <Value>(values: Value[], fits: (value: Value) => boolean, value: () => Value): number => {
    const known = values.findIndex(fits);
    return known >= 0 ? known : values.push(value()) - 1;
  };
  const placeOf = (text: string): number => {
    const [name = '', device = ''] = text.split('/');
    const netns =
      indexOf(
        namespaces,
        (one) => one === name,
        () => name,
      ) + 1;
    return indexOf(
      places,
      (place) => place.netns === netns && place.device === device,
      () => ({ netns, name, ifindex: 0, device }),
    );
  };
  const [fn, place, time]: [number[], number[], number[]] = [[], [], []];
  const journeys = sketches.map(({ passes, at, outcome = 'delivered', over }, position): Journey => {
    const words = passes.split(' ').filter((word) => word !== '');
    const begin = position * 1e6;
    const first = fn.length;
    for (const [index, word] of words.entries()) {
      const [name = '', where = 'main'] = word.split('@');
      fn.push(
        indexOf(
          functions,
          (one) => one.name === name,
          () => ({ name, module: 'vmlinux' }),
        ),
      );
      place.push(placeOf(where));
      time.push(begin + (at?.[index] ?? index * 1000));
    }
    return {
      ...{ number: position + 1, packetId: `0x${position}`, outcome, endText: outcome, begin },
      ...{ end: (time.at(-1) ?? begin) + 1000, events: words.length, lost: 0, hasGap: false },
      ...{ first, count: words.length, part: 0, position },
      ...over,
    };
  });
  const count = fn.length;
  return {
    head: {
      ...{ ipft: '1', kernel: '6.12', backend: 'fprobe', began: 0n, realtime: 0n, hasReturns: false, fields: [] },
    },
    ...{ functions, places, journeys, problem: undefined },
    events: {
      ...{ count, fn: Uint16Array.from(fn), place: Uint16Array.from(place), time: Float64Array.from(time) },
      ...{ cpu: new Uint16Array(count), flags: new Uint8Array(count), depth: new Uint8Array(count) },
      sinceEntry: new Float64Array(0),
    },
    details: async ({ position }) => ({ snapshots: [], changes: [], ...sketches[position]?.details }),
    find: (number) => journeys[number - 1],
  };
}
