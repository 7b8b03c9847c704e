/** Finds what makes a flight recorder write a file, among notices and losses. */
import { decodeFate, FATE_OF_END } from '../abi/fate.js';
import {
  BEGIN_ID,
  END_FLAGS,
  END_ID,
  END_STAGE,
  EVENT_JOURNEY,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_JOURNEY_DROPPED,
  IPFT_MAX_JOURNEYS,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_STAGE_UNREAD,
} from '../abi/layout.js';
import { readJourneyId } from '../abi/values.js';
import { outcomeOf } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { Trigger } from './trigger.js';

/** What a flight recorder waits for, besides a call of `trigger`. */
export interface TriggerChoice {
  readonly drop?: boolean | undefined;
  /** Journeys that took longer, in nanoseconds. */
  readonly slowerNs?: number | undefined;
  readonly gap?: boolean | undefined;
  /** The end of the trace. */
  readonly end?: boolean | undefined;
}

/** How often losses are looked at, in milliseconds. */
const LOOK_MS = 100;

export class FlightTriggers {
  readonly #choice: TriggerChoice;
  readonly #losses: () => TraceLosses;
  readonly #on: (trigger: Trigger) => void;
  /** Of each slot of the kernel's table: the id of its journey, and when it began. */
  readonly #ids: Float64Array | undefined;
  readonly #begins: Float64Array | undefined;
  #lost: bigint;
  #lookedAt = performance.now();

  /** @param on called with each trigger */
  constructor(choice: TriggerChoice, losses: () => TraceLosses, on: (trigger: Trigger) => void) {
    this.#choice = choice;
    this.#losses = losses;
    this.#on = on;
    this.#lost = countLost(losses());
    if (choice.slowerNs === undefined) return;
    this.#ids = new Float64Array(IPFT_MAX_JOURNEYS);
    this.#begins = new Float64Array(IPFT_MAX_JOURNEYS);
  }

  /** Looks at a notice, which is lent. @param at its offset */
  notice(data: DataView, at: number): void {
    switch (data.getUint32(at + EVENT_TARGET, true)) {
      case IPFT_NOTICE_BEGIN:
        this.#began(data, at);
        break;
      case IPFT_NOTICE_END:
        this.#ended(data, at);
        break;
    }
  }

  #began(data: DataView, at: number): void {
    if (!this.#ids || !this.#begins) return;
    const slot = data.getUint32(at + EVENT_JOURNEY, true) & (IPFT_MAX_JOURNEYS - 1);
    const id = readJourneyId(data, at + BEGIN_ID);
    // Two CPUs may send the same begin.
    if (this.#ids[slot] === id) return;
    this.#ids[slot] = id;
    this.#begins[slot] = timeOf(data, at);
  }

  #ended(data: DataView, at: number): void {
    const mayBeDrop =
      data.getUint8(at + END_FLAGS) & IPFT_JOURNEY_DROPPED || data.getUint8(at + END_STAGE) === IPFT_STAGE_UNREAD;
    if (this.#choice.drop && mayBeDrop && outcomeOf(decodeFate(data, at, FATE_OF_END)) === 'dropped') {
      this.#tell('drop', data, at);
    }
    if (!this.#ids || !this.#begins) return;
    const slot = data.getUint32(at + EVENT_JOURNEY, true) & (IPFT_MAX_JOURNEYS - 1);
    if (this.#ids[slot] !== readJourneyId(data, at + END_ID)) return;
    if (timeOf(data, at) - this.#begins[slot]! > this.#choice.slowerNs!) this.#tell('slower', data, at);
  }

  #tell(what: Trigger['what'], data: DataView, at: number): void {
    const atNs = data.getBigUint64(at + EVENT_TIMESTAMP_NS, true);
    this.#on({ what, atNs, journey: readJourneyId(data, at + END_ID) });
  }

  /** Calls were missed until then. */
  missed(untilNs: bigint): void {
    if (this.#choice.gap) this.#on({ what: 'gap', atNs: untilNs });
  }

  /** Looks for lost records, now and then. @param upToNs all records up to then have been read */
  look(upToNs: bigint): void {
    if (!this.#choice.gap || performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    const lost = countLost(this.#losses());
    if (lost > this.#lost) this.#on({ what: 'gap', atNs: upToNs });
    this.#lost = lost;
  }
}

/** Precise enough for differences: nanoseconds since the machine's start are exact up to 104 days, and later to one or two. */
function timeOf(data: DataView, at: number): number {
  return (
    data.getUint32(at + EVENT_TIMESTAMP_NS, true) + data.getUint32(at + EVENT_TIMESTAMP_NS + 4, true) * 0x100000000
  );
}

function countLost({ cpus, unfollowed, ends, unseen }: TraceLosses): bigint {
  return cpus.reduce((sum, { lost }) => sum + lost, unfollowed + ends + unseen);
}
