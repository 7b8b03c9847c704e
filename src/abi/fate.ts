/** Decodes fates: from an end, or from the slot of a journey that is about to end. */
import type { Fate } from '../base/journey.js';
import {
  END_DEVICE,
  END_FAMILY,
  END_FLAGS,
  END_LOCATION,
  END_PROTOCOL,
  END_REASON,
  END_STAGE,
  IPFT_JOURNEY_DROPPED,
  IPFT_JOURNEY_RECEIVED,
  IPFT_STAGE_NONE,
  IPFT_STAGE_PROCESSED,
  IPFT_STAGE_QUEUED,
  IPFT_STAGE_SENT,
  IPFT_STAGE_UNREAD,
  JOURNEY_DEVICE,
  JOURNEY_FAMILY,
  JOURNEY_FLAGS,
  JOURNEY_LOCATION,
  JOURNEY_PROTOCOL,
  JOURNEY_REASON,
  JOURNEY_STAGE,
  PLACE_DEVICE_SIZE,
} from './layout.js';
import { decodeText } from './values.js';

/** The offsets of a fate's parts in a struct. */
export interface FateLayout {
  readonly location: number;
  readonly reason: number;
  readonly family: number;
  readonly protocol: number;
  readonly stage: number;
  readonly flags: number;
  readonly device: number;
}

/** struct ipft_end */
export const FATE_OF_END: FateLayout = {
  location: END_LOCATION,
  reason: END_REASON,
  family: END_FAMILY,
  protocol: END_PROTOCOL,
  stage: END_STAGE,
  flags: END_FLAGS,
  device: END_DEVICE,
};

/** struct ipft_journey */
export const FATE_OF_JOURNEY: FateLayout = {
  location: JOURNEY_LOCATION,
  reason: JOURNEY_REASON,
  family: JOURNEY_FAMILY,
  protocol: JOURNEY_PROTOCOL,
  stage: JOURNEY_STAGE,
  flags: JOURNEY_FLAGS,
  device: JOURNEY_DEVICE,
};

const STAGES: Readonly<Record<number, Fate['stage']>> = {
  [IPFT_STAGE_NONE]: 'none',
  [IPFT_STAGE_SENT]: 'sent',
  [IPFT_STAGE_QUEUED]: 'queued',
  [IPFT_STAGE_PROCESSED]: 'processed',
  [IPFT_STAGE_UNREAD]: 'unread',
};

/**
 * The kernel gives back the fragments of a packet that was put together with it, and does so as if it dropped them, also
 * where the packet was delivered.
 */
const GIVES_BACK_FRAGMENTS = /^skb_release_data[+.]/;

const NO_SYMBOLS: ReadonlyMap<bigint, string> = new Map();

/**
 * @param at where the struct begins
 * @param symbols names of addresses
 */
export function decodeFate(
  view: DataView,
  at: number,
  layout: FateLayout,
  symbols: ReadonlyMap<bigint, string> = NO_SYMBOLS,
): Fate {
  const location = view.getBigUint64(at + layout.location, true);
  const symbol = symbols.get(location) ?? '';
  const flags = view.getUint8(at + layout.flags);
  return {
    ...{ location, symbol },
    reason: view.getUint32(at + layout.reason, true),
    family: view.getUint16(at + layout.family, true),
    protocol: view.getUint16(at + layout.protocol, true),
    stage: STAGES[view.getUint8(at + layout.stage)] ?? 'none',
    received: (flags & IPFT_JOURNEY_RECEIVED) !== 0,
    dropped: (flags & IPFT_JOURNEY_DROPPED) !== 0 && !GIVES_BACK_FRAGMENTS.test(symbol),
    device: decodeText(view, at + layout.device, PLACE_DEVICE_SIZE),
  };
}
