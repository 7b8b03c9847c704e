/** Which lanes belong together. */
import { formatNetns, formatPlace } from '../../format.js';
import type { Group } from '../../state.js';
import { type Journey, OUTCOMES, type Trace } from '../../trace/trace.js';

export interface LaneGroup {
  /** Stays the same while other packets are chosen. */
  readonly key: string;
  readonly title: string;
  /** Indexes of journeys, by begin. */
  readonly lanes: Uint32Array;
  /** How many of them were dropped. */
  readonly dropped: number;
}

/** What a group is ordered by, and what it is called. */
interface Name {
  readonly key: string;
  readonly title: string;
  readonly order: number;
}

const PROTOCOLS: Record<number, string> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' };

/** Groups of journeys; with `none` one that has them all. */
export function groupJourneys(trace: Trace, journeys: readonly Journey[], group: Group): readonly LaneGroup[] {
  const nameOf = createNamer(trace, group);
  const names = new Map<string, Name>();
  const members = new Map<string, number[]>();
  for (let lane = 0; lane < journeys.length; lane++) {
    const name = nameOf(journeys[lane]!);
    let list = members.get(name.key);
    if (!list) {
      list = [];
      members.set(name.key, list);
      names.set(name.key, name);
    }
    list.push(lane);
  }
  const sorted = [...names.values()].sort((a, b) => a.order - b.order);
  return sorted.map(({ key, title }) => {
    const lanes = Uint32Array.from(members.get(key) ?? []);
    let dropped = 0;
    for (const lane of lanes) if (journeys[lane]!.outcome === 'dropped') dropped++;
    return { key, title, lanes, dropped };
  });
}

/** Names a journey's group. Those of equal order come as they were met. */
function createNamer({ events, places }: Trace, group: Group): (journey: Journey) => Name {
  const all: Name = { key: '', title: 'all packets', order: 0 };
  const none: Name = { key: 'none', title: 'not known', order: Number.MAX_SAFE_INTEGER };
  switch (group) {
    case 'none':
      return () => all;
    case 'flow':
      return ({ endpoints }) => {
        if (!endpoints) return { ...none, title: 'no flow' };
        const { protocol, source, destination } = endpoints;
        // Both directions are one flow.
        const [one, other] = source < destination ? [source, destination] : [destination, source];
        const name = PROTOCOLS[protocol] ?? `protocol ${protocol}`;
        return { key: `${protocol} ${one} ${other}`, title: `${name} ${source} ↔ ${destination}`, order: 0 };
      };
    case 'outcome':
      return ({ outcome }) => ({ key: outcome, title: outcome, order: OUTCOMES.indexOf(outcome) });
    case 'cpu':
      return ({ first, count }) => {
        if (count === 0) return none;
        const cpu = events.cpu[first]!;
        return { key: String(cpu), title: `first seen on CPU ${cpu}`, order: cpu };
      };
    case 'netns':
    case 'device': {
      const cache = places.map((place, index): Name => {
        const text = group === 'netns' ? formatNetns(place) : formatPlace(place);
        const key = group === 'netns' ? String(place.netns) : `${place.netns} ${place.ifindex} ${place.device}`;
        return index === 0 ? none : { key, title: `first seen in ${text}`, order: 0 };
      });
      return ({ first, count }) => (count === 0 ? none : (cache[events.place[first]!] ?? none));
    }
  }
}
