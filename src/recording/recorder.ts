/** Makes chunks of what a source reads. Records stay as the kernel wrote them; only notices are looked at. */
import {
  BEGIN_PLACE,
  EVENT_TARGET,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  IPFT_NOTICE_PROCESS,
  MOVED_PLACE,
  WHOSE_PROCESS,
} from '../abi/layout.js';
import type { RingName } from '../base/event.js';
import type { RawSourceTaker, Reading, RecordSource, SourceEnd, SourceTaker } from '../base/record-source.js';
import type { ChunkSink } from './chunk-sink.js';
import type { Origin } from './part.js';
import { StepBuffer } from './step-buffer.js';

export class Recorder implements RawSourceTaker {
  readonly #origin: Origin;
  readonly #sink: ChunkSink;
  readonly #steps: StepBuffer;
  #eventsBytes = 0;
  /** When the first step came that is not in a chunk yet. */
  #openedAt = 0;
  /** Takes the same records, decoded: for journeys that are made of them besides. */
  decoded: SourceTaker | undefined;
  /** The number of ended journeys, and of events, so far. */
  ended = 0;
  events = 0;

  /** @param sink of the same origin */
  constructor(origin: Origin, sink: ChunkSink) {
    this.#origin = origin;
    this.#sink = sink;
    this.#steps = new StepBuffer(sink.chunkBytes);
  }

  get over(): number {
    return this.ended;
  }

  /** Takes what a source has to give, up to `limit` records of each ring. `drain` of the sink is to follow. */
  read(source: RecordSource, limit: number): Reading {
    const steps = this.#steps;
    if (!source.readRaw) throw new Error('a source without records as they were written');
    if (steps.isFull) this.#close();
    const wasEmpty = steps.isEmpty;
    steps.begin();
    this.#eventsBytes = 0;
    const reading = source.readRaw(this, limit);
    steps.end(reading.upToNs, this.#eventsBytes);
    this.events += reading.events;
    if (wasEmpty) this.#openedAt = performance.now();
    if (this.#sink.isDue(reading.upToNs, performance.now() - this.#openedAt)) this.#close();
    return reading;
  }

  missed(fromNs: bigint, untilNs: bigint): void {
    this.#steps.miss(fromNs, untilNs);
    this.#sink.missed?.(untilNs);
    this.decoded?.missed(fromNs, untilNs);
  }

  records(ring: RingName, bytes: Uint8Array): void {
    this.#steps.append(bytes);
    if (ring === 'events') this.#eventsBytes += bytes.length;
  }

  notice(data: DataView, at: number, length: number): void {
    const { names } = this.#origin;
    switch (data.getUint32(at + EVENT_TARGET, true)) {
      case IPFT_NOTICE_BEGIN:
        names.seePlace(data, at + BEGIN_PLACE);
        break;
      case IPFT_NOTICE_PLACE:
        names.seePlace(data, at + MOVED_PLACE);
        break;
      case IPFT_NOTICE_PROCESS:
        names.seeProcess(data, at + WHOSE_PROCESS);
        break;
      case IPFT_NOTICE_END:
        this.ended++;
        names.seeEnd(data, at, length);
        break;
    }
    this.#sink.notice?.(data, at);
  }

  /** All has been read: ends the recording. */
  finish(end: SourceEnd): void {
    this.#close();
    this.#sink.end(end);
  }

  /** Ends the chunk of records, if there is one. */
  #close(): void {
    const steps = this.#steps;
    if (steps.isEmpty) return;
    const { upToNs } = steps;
    const room = steps.take();
    this.#sink.push({ room, upToNs, release: () => steps.giveBack(room) });
  }
}
