/** How many events there were when, for the strip above the lanes. */
import type { Scale } from '../../state.js';
import type { Journey, Trace } from '../../trace/trace.js';
import { lengthOf, originOf, type Span } from './scale.js';

export interface Density {
  /** Events, and ends by a drop, of each part of the time. */
  readonly events: Uint32Array;
  readonly dropped: Uint32Array;
  /** The most events that a part has. */
  readonly most: number;
}

/** So many events are counted; of more, some: the strip's form is the same. */
const MAX_COUNTED = 500_000;

/** @param parts the number of parts */
export function densityOf(
  { events: { time } }: Trace,
  journeys: readonly Journey[],
  scale: Scale,
  extent: Span,
  parts: number,
): Density {
  const events = new Uint32Array(parts);
  const dropped = new Uint32Array(parts);
  const factor = parts / lengthOf(extent);
  let all = 0;
  for (const { count } of journeys) all += count;
  const every = Math.max(1, Math.ceil(all / MAX_COUNTED));
  for (const journey of journeys) {
    const start = originOf(journey, scale) + extent.from;
    const last = journey.first + journey.count;
    for (let at = journey.first; at < last; at += every) {
      const part = Math.floor((time[at]! - start) * factor);
      if (part >= 0 && part < parts) events[part]!++;
    }
    if (journey.outcome === 'dropped')
      dropped[Math.min(parts - 1, Math.max(0, Math.floor((journey.end - start) * factor)))]!++;
  }
  let most = 0;
  for (const count of events) if (count > most) most = count;
  return { events, dropped, most };
}
