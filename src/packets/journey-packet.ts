/** Which packet a journey is of, from the snapshots that were taken on its way. */
import type { JourneyPacket } from '../base/packet.js';
import type { Snapshot } from '../base/snapshot.js';
import { ChangeFinder, formatChange } from './changes.js';
import { parsePacket } from './parse.js';
import { formatPacket } from './text.js';

/** Undefined without a snapshot. @param snapshots of one packet, in the order of time */
export function describePacket(snapshots: readonly Snapshot[]): JourneyPacket | undefined {
  const [first, ...others] = snapshots.map(parsePacket);
  if (!first) return undefined;
  const finder = new ChangeFinder(first);
  for (const packet of others) finder.add(packet);
  const notes: string[][] = [];
  for (const { level, change } of finder.changes) {
    notes[level] ??= [];
    notes[level].push(formatChange(change));
  }
  return {
    first,
    last: others.at(-1) ?? first,
    changes: finder.changes.map(({ change }) => change),
    text: formatPacket(first, notes),
  };
}
