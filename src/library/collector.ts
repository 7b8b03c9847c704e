/** Copies lent events to objects, assembles journeys of them, and keeps both in logs. */

import type { TraceEvent as LentEvent } from '../base/event.js';
import type { FieldReader, FieldValue } from '../base/field.js';
import type { Journey as TrackedJourney } from '../base/journey.js';
import type { Places } from '../base/places.js';
import type { KernelNames, RecordSource } from '../base/record-source.js';
import { settles } from '../base/settles.js';
import type { Target } from '../base/target.js';
import { deviceOf, endedIn, reasonOf, socketOf } from '../journey/outcome.js';
import { Sequencer } from '../journey/sequencer.js';
import type { EventSink } from '../journey/tracker.js';
import { describePacket } from '../packets/journey-packet.js';
import type { TraceClient } from '../trace/run.js';
import type { EntryEvent, Journey, ReturnEvent } from './api.js';
import { Log } from './log.js';

/** An event as the library hands it out. */
export type AnyEvent = EntryEvent | ReturnEvent;

export interface CollectorOptions {
  /** Events name their function by the index into it. */
  readonly targets: readonly Target[];
  readonly hasReturns: boolean;
  /** Reads the extension's fields; undefined without an extension. */
  readonly readFields: FieldReader | undefined;
  /** The bytes of an event's data that the fields are read from. */
  readonly dataSize: number;
  readonly names: KernelNames;
  readonly places: Pick<Places, 'get'>;
  /** The most events in each log, and the most of journeys that have not ended. */
  readonly maxEvents: number;
}

/** A journey that has not ended. */
interface Growing {
  readonly journey: TrackedJourney;
  readonly events: AnyEvent[];
  /** The number of its events that were not kept. */
  unkept: number;
}

const NO_FIELDS: Readonly<Record<string, FieldValue>> = Object.freeze({});

/** Each event is one object in both logs: so journeys are assembled here, not by the assembler. */
export class Collector implements EventSink, TraceClient {
  readonly hasRoom = true;
  readonly events: Log<AnyEvent>;
  readonly journeys: Log<Journey<AnyEvent>>;
  readonly #options: CollectorOptions;
  readonly #sequencer: Sequencer;
  /** By their short id. */
  readonly #growing = new Map<number, Growing>();
  /** The number of their events. */
  #grown = 0;
  /** The number of events of journeys that were lost, since too many were kept. */
  unkept = 0;

  constructor(options: CollectorOptions) {
    const { maxEvents, dataSize, hasReturns } = options;
    this.#options = options;
    this.events = new Log(maxEvents, () => 1);
    this.journeys = new Log(maxEvents, ({ events }) => 1 + events.length);
    this.#sequencer = new Sequencer(dataSize, hasReturns, {
      isFull: () => !this.wantsMore,
      event: (event) => this.#keep(event),
      ended: (journey) => this.#end(journey),
    });
  }

  /** Whether an iterator waits for an event or a journey. */
  get isAwaited(): boolean {
    return this.events.isAwaited || this.journeys.isAwaited;
  }

  /** Sets what is called when an iterator begins to wait. */
  set onAwaited(tell: () => void) {
    this.events.onAwaited = tell;
    this.journeys.onAwaited = tell;
  }

  /** Whether more should be read: no iterator is far behind. */
  get wantsMore(): boolean {
    return this.events.hasRoom && this.journeys.hasRoom;
  }

  event(event: LentEvent, journey: TrackedJourney): void {
    if (this.#growing.get(journey.shortId)?.journey !== journey) {
      this.#growing.set(journey.shortId, { journey, events: [], unkept: 0 });
    }
    this.#sequencer.event(event);
  }

  ended(journey: TrackedJourney): void {
    this.#sequencer.ended(journey);
  }

  /**
   * Hands on events and journeys; to be called after each reading.
   * @param idleMs how long there have been no events
   * @returns whether more waits for room
   */
  tick(idleMs: number): boolean {
    return this.#sequencer.release(idleMs);
  }

  async handOn(idleMs: number, signal?: AbortSignal): Promise<void> {
    while (this.tick(idleMs) && !signal?.aborted) {
      const wanted = this.whenWanted();
      await (signal ? settles(wanted, { signal }) : wanted);
    }
  }

  async finish(): Promise<void> {
    while (this.#sequencer.finish()) await this.whenWanted();
    this.end();
  }

  /** The number of items that iterators have taken. */
  get taken(): number {
    return this.events.taken + this.journeys.taken;
  }

  /** Resolves when no iterator is far behind. */
  async whenWanted(): Promise<void> {
    while (!this.wantsMore) await (this.events.hasRoom ? this.journeys : this.events).whenRoom();
  }

  /** Ends the logs. */
  end(error?: unknown): void {
    this.events.end(error);
    this.journeys.end(error);
  }

  #keep(lent: LentEvent): void {
    const growing = this.#growing.get(lent.journey);
    if (!growing) return;
    const event = this.#copy(lent, growing.journey.number);
    this.events.push(event);
    if (this.#grown < this.#options.maxEvents) {
      growing.events.push(event);
      this.#grown++;
    } else {
      growing.unkept++;
      this.unkept++;
    }
  }

  #copy(lent: LentEvent, journey: number): AnyEvent {
    const { targets, readFields, places } = this.#options;
    const target = targets[lent.target];
    const place = places.get(lent.place);
    const timestampNs = join(lent.timestampLow, lent.timestampHigh);
    const fields = readFields && lent.hasFields ? readFields(lent.data, lent.dataOffset) : undefined;
    // Member by member: spreading a shared object takes ten times as long.
    if (!lent.isReturn) {
      return {
        journey,
        timestampNs,
        cpu: lent.cpu,
        function: target?.name ?? '?',
        module: target?.module ?? '?',
        netns: place?.netns,
        device: place?.device || undefined,
        depth: lent.depth,
        partnerLost: lent.partnerLost,
        isReturn: false,
        fields: fields ?? NO_FIELDS,
      };
    }
    return {
      journey,
      timestampNs,
      cpu: lent.cpu,
      function: target?.name ?? '?',
      module: target?.module ?? '?',
      netns: place?.netns,
      device: place?.device || undefined,
      depth: lent.depth,
      partnerLost: lent.partnerLost,
      isReturn: true,
      // Without an extension the fields are empty, not undefined.
      fields: readFields ? fields : NO_FIELDS,
      durationNs: timestampNs - join(lent.entryLow, lent.entryHigh),
      skbFreed: lent.skbFreed,
    };
  }

  #end(tracked: TrackedJourney): void {
    const growing = this.#growing.get(tracked.shortId);
    if (growing?.journey !== tracked) return;
    this.#growing.delete(tracked.shortId);
    const { events, unkept } = growing;
    this.#grown -= events.length;
    const { names } = this.#options;
    const { number, packetId, parent, outcome, endNs, lost, gap } = tracked;
    this.journeys.push({
      number,
      packetId,
      outcome,
      // The first event by time: the first that was read may be a later one, of another CPU.
      beginNs: events[0]?.timestampNs ?? tracked.beginNs,
      endNs,
      events,
      parent: parent === 0 ? undefined : parent,
      reason: reasonOf(tracked, names),
      location: endedIn(tracked, names),
      device: deviceOf(tracked),
      socket: socketOf(tracked),
      packet: describePacket(tracked.snapshots),
      sender: tracked.sender,
      receiver: tracked.receiver,
      lost: lost + unkept,
      gap: gap || unkept > 0,
    });
  }
}

/** @param wanted the names of the fields that events are to have; undefined for all */
export function createCollector(
  { header, places }: Pick<RecordSource, 'header' | 'places'>,
  wanted: readonly string[] | undefined,
  maxEvents: number,
): Collector {
  const { targets, tracer, fields, names, symbols } = header;
  return new Collector({
    ...{ targets, hasReturns: tracer === 'function_graph', maxEvents, names, places },
    dataSize: fields?.sizeBytes ?? 0,
    readFields: fields?.createReader(symbols, wanted),
  });
}

function join(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
