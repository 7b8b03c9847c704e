/** Decodes the map ipft_journeys: a struct ipft_journey for each slot. */
import type { Living } from '../base/journey.js';
import { decodeFate, FATE_OF_JOURNEY } from './fate.js';
import {
  IPFT_OWNER_BUSY,
  IPFT_OWNER_ENDED,
  JOURNEY_EVENTS,
  JOURNEY_FREEING_NS,
  JOURNEY_ID,
  JOURNEY_LEFT_OUT,
  JOURNEY_OWNER,
  JOURNEY_SIZE,
} from './layout.js';
import { readJourneyId } from './values.js';

/** The bits of the owner in a slot without a living journey. */
const NO_LIVING_OWNER = IPFT_OWNER_ENDED | IPFT_OWNER_BUSY;

/** The journeys that have not ended, from all slots. */
export function decodeLivings(view: DataView): Living[] {
  const living: Living[] = [];
  for (let at = 0; at + JOURNEY_SIZE <= view.byteLength; at += JOURNEY_SIZE) {
    if (isUnused(view, at) || (view.getUint32(at + JOURNEY_OWNER, true) & NO_LIVING_OWNER) !== 0) continue;
    living.push(decodeLiving(view, at));
  }
  return living;
}

/** Packets that were followed, whether or not they had events. */
export interface Followed {
  /** The number of slots that have or had a journey. Several packets may have had one slot. */
  readonly packets: number;
  /** The number of those whose packet the extension left out in an event. */
  readonly leftOut: number;
}

export function countFollowed(view: DataView): Followed {
  let [packets, leftOut] = [0, 0];
  for (let at = 0; at + JOURNEY_SIZE <= view.byteLength; at += JOURNEY_SIZE) {
    if (isUnused(view, at)) continue;
    packets++;
    if (view.getUint8(at + JOURNEY_LEFT_OUT) !== 0) leftOut++;
  }
  return { packets, leftOut };
}

/** Whether the slot never had a journey. */
function isUnused(view: DataView, at: number): boolean {
  return view.getUint32(at + JOURNEY_OWNER, true) === 0 && view.getUint32(at + JOURNEY_OWNER + 4, true) === 0;
}

function decodeLiving(view: DataView, at: number): Living {
  // Events carry the short id.
  const journey = view.getUint32(at + JOURNEY_ID, true);
  const events = view.getUint32(at + JOURNEY_EVENTS, true);
  const freeingNs = view.getBigUint64(at + JOURNEY_FREEING_NS, true);
  if (freeingNs === 0n) return { journey, events, freeing: undefined };
  const fate = decodeFate(view, at, FATE_OF_JOURNEY);
  const id = readJourneyId(view, at + JOURNEY_ID);
  return { journey, events, freeing: { journey: id, events, timestampNs: freeingNs, fate } };
}
