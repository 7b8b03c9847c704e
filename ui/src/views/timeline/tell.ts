/** What the timeline says in words of what is drawn. */
import { counted, formatDuration, formatFunction, formatPacket, formatPlace, formatTime } from '../../format.js';
import { ENTRY_LOST, IS_RETURN, type Journey, PACKET_FREED, PARTNER_LOST, type Trace } from '../../trace/trace.js';
import { LOST, WHOLE } from './calls.js';
import type { LaneGroup } from './groups.js';
import type { Hit, LaneHit } from './model.js';
import { cutText } from './text.js';

/** How long a call took, by its state. */
const TOOK: readonly ((duration: string) => string)[] = [
  (duration) => `took ${duration}`,
  (duration) => `took ${duration} or less`,
  (duration) => `${duration} until the packet's end; it returned later`,
];
/** Longer texts are cut in the box beside the pointer. */
const MOST = 160;

/** A packet in a line. */
export function tellJourney(journey: Journey): string {
  const { number, begin, end, events, endText, gapText, parent } = journey;
  const took = `began at ${formatTime(begin)} s, took ${formatDuration(end - begin)}, ${counted(events, 'event')}`;
  const copy = parent === undefined ? '' : `, a copy of packet ${parent}`;
  const gap = gapText === undefined ? '' : `; ${gapText}`;
  return `Packet ${number}${copy}: ${cutText(formatPacket(journey), 300)}; ${endText}; ${took}${gap}`;
}

export function tellGroup({ title, lanes, dropped }: LaneGroup, isFolded: boolean): string {
  const drops = dropped > 0 ? `, ${dropped} dropped` : '';
  return `${title}: ${counted(lanes.length, 'packet')}${drops}; ${isFolded ? 'folded' : 'open'}`;
}

/** What stands beside the pointer, line by line; nothing where there is nothing to say. */
export function tellHit(trace: Trace, hit: Hit): readonly string[] {
  if (hit.area === 'heading') return [cutText(hit.group.title, MOST), counted(hit.group.lanes.length, 'packet')];
  if (hit.area !== 'lane') return [];
  return tellLane(trace, hit).map((line) => cutText(line, MOST));
}

function tellLane(trace: Trace, hit: LaneHit): string[] {
  const { journey, part, event } = hit;
  const { begin, end, endText, gapText } = journey;
  const packet = `${journey.number} ${formatPacket(journey)}`;
  const gap = gapText === undefined ? [] : [gapText];
  if (part === 'free') return [];
  if (part === 'before' || part === 'after') {
    const when = `${part === 'before' ? 'earlier' : 'later'}: at ${formatTime(begin)} s`;
    return [packet, `${when}; a click goes there`];
  }
  if (part === 'label') return [packet, endText, `took ${formatDuration(end - begin)}`, ...gap];
  if (part === 'end' || event === undefined)
    return [endText, `at ${formatTime(end)} s, ${formatDuration(end - begin)} after its begin`, packet, ...gap];
  return [...tellEvent(trace, hit, event), packet, ...gap];
}

function tellEvent({ events, functions, places }: Trace, hit: LaneHit, event: number): string[] {
  const { journey, part, begin = 0, end = 0, state = WHOLE } = hit;
  const flags = events.flags[event]!;
  const isReturn = (flags & IS_RETURN) !== 0;
  const name = formatFunction(functions[events.fn[event]!] ?? { name: '?', module: 'vmlinux' });
  const lines = [
    part === 'call' ? name : isReturn ? `after the return of ${name}` : name,
    `${formatPlace(places[events.place[event]!]!)}, CPU ${events.cpu[event]}`,
    `at ${formatTime(begin)} s, ${formatDuration(begin - journey.begin)} after its begin`,
    part === 'call' ? TOOK[state]!(formatDuration(end - begin)) : `${formatDuration(end - begin)} until the next event`,
  ];
  if (state === LOST || (flags & (ENTRY_LOST | PARTNER_LOST)) !== 0)
    lines.push(`its ${isReturn ? 'entry' : 'return'} is lost`);
  if ((flags & PACKET_FREED) !== 0) lines.push('the packet was freed during the call');
  return lines;
}
