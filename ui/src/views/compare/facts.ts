/** What is known of two packets as a whole, side by side. Pure. */
import { formatDuration, formatPacket, formatPlace, formatProcess, formatTime } from '../../format.js';
import { pathsOf } from '../../trace/paths.js';
import type { Details, Journey, Trace } from '../../trace/trace.js';
import { cut } from '../paths/names.js';

export interface Fact {
  readonly name: string;
  readonly left: string;
  readonly right: string;
  /** Facts that differ from packet to packet by nature are not marked. */
  readonly isDifferent: boolean;
}

const OWN: ReadonlySet<string> = new Set(['began', 'took']);

export function factsOf(
  trace: Trace,
  left: Journey,
  right: Journey,
  details: readonly [Details, Details] | undefined,
): Fact[] {
  const a = describe(trace, left, details?.[0]);
  const b = describe(trace, right, details?.[1]);
  return Object.keys(a)
    .filter((name) => a[name] !== '' || b[name] !== '')
    .map((name) => {
      const [one, other] = [a[name] ?? '', b[name] ?? ''];
      return { name, left: cut(one), right: cut(other), isDifferent: one !== other && !OWN.has(name) };
    });
}

function describe(trace: Trace, journey: Journey, details: Details | undefined): Record<string, string> {
  const { places, events } = trace;
  const { begin, end, endText, gapText = '', parent, sender, receiver, first, count } = journey;
  const path = pathsOf(trace).numberOf(journey);
  return {
    packet: formatPacket(journey),
    ended: endText,
    missing: gapText,
    path: path === 0 ? '' : String(path),
    took: formatDuration(end - begin),
    began: `${formatTime(begin)} s`,
    'first in': count === 0 ? '' : formatPlace(places[events.place[first]!]!),
    by: sender ? formatProcess(sender) : '',
    for: receiver ? formatProcess(receiver) : '',
    'copy of': parent === undefined ? '' : `packet ${parent}`,
    changed: (details?.changes ?? []).map(describeChange).join('; '),
  };
}

function describeChange({ kind, from, to, tunnel, id }: Readonly<Record<string, unknown>>): string {
  const end = (given: unknown): string => {
    const { address, port } = Object(given);
    return address === undefined ? '?' : port === undefined ? String(address) : `${address}:${port}`;
  };
  if (from !== undefined) return `${String(kind).toUpperCase()} ${end(from)} → ${end(to)}`;
  return [kind, tunnel, id].filter((part) => part !== undefined).join(' ');
}
