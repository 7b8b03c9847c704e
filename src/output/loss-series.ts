/** Losses over time, as far as it is known when they happened. Pure. */
import type { TraceLosses } from '../base/losses.js';

export interface LossSeries {
  /** For people. */
  readonly name: string;
  /** From each of these times on so many were lost since the trace began; in the order of time. */
  readonly points: readonly { readonly ns: bigint; readonly value: bigint }[];
}

/**
 * Events that found no room come first, and are always there: each CPU tells when it lost the first and the last one.
 * Of other losses the number is known at the end; those that did not happen are left out.
 */
export function lossSeries(losses: TraceLosses, beganNs: bigint, endNs: bigint): LossSeries[] {
  const steps = losses.cpus
    .flatMap(({ firstNs, lastNs, lost }) => [
      { ns: firstNs, lost: 1n },
      { ns: lastNs, lost: lost - 1n },
    ])
    .sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
  let value = 0n;
  const points = [{ ns: beganNs, value }];
  for (const { ns, lost } of steps) {
    value += lost;
    points.push({ ns, value });
  }
  points.push({ ns: endNs > points.at(-1)!.ns ? endNs : points.at(-1)!.ns, value });
  const others: readonly (readonly [string, bigint])[] = [
    ['events of packets that were too many to follow', losses.unfollowed],
    ['ends of journeys', losses.ends],
    ['journeys of which no event found room', losses.unseen],
    ['missed calls of traced functions', losses.missed.shown],
    ['missed calls that decide about packets', losses.missed.deciding],
  ];
  return [
    { name: 'events that found no room', points },
    ...others
      .filter(([, count]) => count > 0n)
      .map(([name, count]) => ({
        name,
        points: [
          { ns: beganNs, value: 0n },
          { ns: endNs > beganNs ? endNs : beganNs, value: count },
        ],
      })),
  ];
}
