/** A flight recorder: the newest chunks stay in memory, and go into a file when something happens. */
import { randomBytes } from 'node:crypto';
import type { IpftError } from '../base/errors.js';
import type { TraceLosses } from '../base/losses.js';
import { CarriedJourneys } from './carried.js';
import { CHUNK_BYTES, type ChunkSink, type ClosedChunk, LATEST_MS } from './chunk-sink.js';
import type { Destinations } from './file-sink.js';
import { FlightMemory, type KeptChunk } from './flight-memory.js';
import { FlightTriggers, type TriggerChoice } from './flight-triggers.js';
import { CHUNK_HEADER_BYTES } from './format.js';
import { type Origin, Part } from './part.js';
import { largestChunk } from './step-buffer.js';
import type { Trigger } from './trigger.js';
import { WriteQueue } from './write-queue.js';

export interface FlightOptions {
  /** The size of the memory, in bytes: at least `LEAST_FLIGHT_BYTES`. */
  readonly lastBytes: number;
  readonly triggers: TriggerChoice;
  /** How long records go into the file after a trigger, in nanoseconds. */
  readonly afterNs?: number | undefined;
  /** Called when a file is complete. */
  readonly onFile?: (file: FlightFile) => void;
  /** Called once, if the memory does not hold a second. */
  readonly onShort?: (heldNs: number) => void;
}

/** What is known of a file when it is complete. */
export interface FlightFile {
  readonly name: string;
  readonly trigger: Trigger;
  /** How many triggers came while it was written, the first one included. */
  readonly triggers: number;
  /** How long before the trigger its records begin. */
  readonly beforeNs: number;
}

/** The memory holds several chunks, each with a reading that comes when it is nearly full. */
export const LEAST_FLIGHT_BYTES = 8 << 20;
export const MOST_FLIGHT_BYTES = 2 ** 36;
const DEFAULT_AFTER_NS = 1_000_000_000;
/** Further triggers make a file longer: up to so many times the time after a trigger, and up to ten seconds. */
const MOST_AFTER = 10n;
const LEAST_MOST_NS = 10_000_000_000n;
/** The triggers that are noted in a file; further ones are counted. */
const MAX_NOTED = 1000;
/** The chunks of a full memory, at least. */
const CHUNKS = 16;
/** The memory is larger by this part, and a few chunks at least: there records go while a file is being written. */
const SPARE_PART = 1 / 4;
const SPARE_CHUNKS = 4;
/** The most chunks that come between two calls of `drain`. */
const CHUNKS_AT_ONCE = 2;
/** The bytes that wait to be written, of those that are in memory anyway. */
const MAX_PENDING_BYTES = 4 << 20;
const SECOND_NS = 1_000_000_000;

/** A file that is being written. */
interface Flight {
  readonly trigger: Trigger;
  readonly noted: Trigger[];
  triggers: number;
  /** Records up to then belong to it; and the time that this never passes. */
  untilNs: bigint;
  readonly mostNs: bigint;
  readonly beforeNs: number;
  readonly name: string;
  readonly part: Part;
  /** The numbers of the next chunk for it, and of the next one that has not been written. */
  next: number;
  unwritten: number;
}

export class FlightSink implements ChunkSink {
  readonly chunkBytes: number;
  readonly #origin: Origin;
  readonly #files: Destinations;
  readonly #options: FlightOptions;
  readonly #memory: FlightMemory;
  readonly #triggers: FlightTriggers;
  readonly #queue = new WriteQueue();
  /** The journeys that live where the oldest chunk in memory begins. */
  readonly #carried = new CarriedJourneys();
  #flight: Flight | undefined;
  /** Triggers that no file tells of yet. Of too many the newest takes the place of the one before it. */
  #waiting: Trigger[] = [];
  /** All records up to then have been read; and up to then all are in memory. */
  #upToNs: bigint;
  #closedNs = 0n;
  #isShort = false;
  #hasEnded = false;
  #problem: IpftError | undefined;

  constructor(origin: Origin, files: Destinations, options: FlightOptions) {
    const { lastBytes, triggers } = options;
    if (lastBytes < LEAST_FLIGHT_BYTES) throw new Error(`a memory of ${lastBytes} bytes`);
    this.#origin = origin;
    this.#files = files;
    this.#options = options;
    this.chunkBytes = chunkBytesOf(lastBytes);
    this.#upToNs = origin.facts.beganNs;
    this.#memory = new FlightMemory(flightBytes(lastBytes), this.#upToNs);
    const losses = (): TraceLosses => origin.source.losses();
    this.#triggers = new FlightTriggers(triggers, losses, (trigger) => this.#take(trigger));
  }

  get problem(): IpftError | undefined {
    return this.#queue.problem ?? this.#problem;
  }

  get bytes(): number {
    return this.#queue.writtenBytes;
  }

  /** Something happened that a file is to tell of. */
  trigger(what: Trigger['what'], atNs = process.hrtime.bigint()): void {
    this.#take({ what, atNs });
  }

  #take(trigger: Trigger): void {
    const flight = this.#flight;
    if (!flight || trigger.atNs > flight.mostNs) {
      if (this.#waiting.length >= MAX_NOTED) this.#waiting.pop();
      this.#waiting.push(trigger);
      return;
    }
    flight.triggers++;
    if (flight.noted.length < MAX_NOTED) flight.noted.push(trigger);
    const untilNs = trigger.atNs + this.#afterNs;
    if (untilNs > flight.untilNs) flight.untilNs = untilNs < flight.mostNs ? untilNs : flight.mostNs;
  }

  notice(data: DataView, at: number): void {
    this.#triggers.notice(data, at);
  }

  missed(untilNs: bigint): void {
    this.#triggers.missed(untilNs);
  }

  /** In memory a chunk is closed when it is full; while a file is written, as it is in any file. */
  isDue(upToNs: bigint, openMs: number): boolean {
    this.#upToNs = upToNs;
    this.#triggers.look(upToNs);
    const flight = this.#flight;
    if (!flight) return false;
    if (openMs < LATEST_MS && (upToNs < flight.untilNs || this.#closedNs >= flight.untilNs)) return false;
    this.#closedNs = upToNs;
    return true;
  }

  push({ room, upToNs, release }: ClosedChunk): void {
    this.#memory.push(room, upToNs, this.#leave);
    release();
    this.#checkSize();
  }

  readonly #leave = ({ room }: KeptChunk): void => this.#carried.apply(room.subarray(CHUNK_HEADER_BYTES));

  #checkSize(): void {
    const { oldest, hasWrapped, upToNs } = this.#memory;
    if (this.#isShort || !hasWrapped || !oldest) return;
    const heldNs = Number(upToNs - oldest.fromNs);
    if (heldNs >= SECOND_NS) return;
    this.#isShort = true;
    this.#options.onShort?.(heldNs);
  }

  /**
   * Writes some of a file. What is in memory and not written is waited for only if its room is needed, but then in any
   * case: chunks that come must not lie where others are being written.
   */
  async drain(): Promise<void> {
    this.#begin();
    const flight = this.#flight;
    if (!flight) return;
    this.#feed(flight);
    if (this.#isInWay(flight)) await this.#queue.until(() => !this.#isInWay(flight));
    if (flight === this.#flight && this.#isComplete(flight)) this.#end(flight);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#options.triggers.end) this.#take({ what: 'end', atNs: this.#upToNs });
  }

  async close(): Promise<void> {
    this.#begin();
    for (let flight = this.#flight; flight && !this.problem; flight = this.#flight) {
      this.#feed(flight);
      await this.#queue.idle();
      if (this.#isComplete(flight)) this.#end(flight);
      this.#begin();
    }
    if (this.problem) this.#flight?.part.close();
    await this.#queue.idle();
  }

  get #afterNs(): bigint {
    return BigInt(this.#options.afterNs ?? DEFAULT_AFTER_NS);
  }

  /** Begins the next file, if there is a trigger for it. */
  #begin(): void {
    const [trigger, ...others] = this.#waiting;
    if (!trigger || this.#flight || this.problem) return;
    const afterNs = this.#afterNs;
    const mostNs = afterNs * MOST_AFTER > LEAST_MOST_NS ? afterNs * MOST_AFTER : LEAST_MOST_NS;
    this.#memory.trim(this.#options.lastBytes, this.#leave);
    const { oldest } = this.#memory;
    const beforeNs = Math.max(0, Number(trigger.atNs - (oldest?.fromNs ?? this.#upToNs)));
    try {
      const destination = this.#files.next();
      this.#queue.add(0, () => this.#files.prune?.());
      // Each is a recording of its own: they don't follow each other without a gap.
      const facts = { id: randomBytes(8).toString('hex'), trigger };
      const number = oldest?.number ?? this.#memory.nextNumber;
      this.#flight = {
        ...{ trigger, noted: [trigger], triggers: 1, beforeNs, name: destination.name },
        ...{ untilNs: trigger.atNs + afterNs, mostNs: trigger.atNs + mostNs },
        part: new Part(this.#origin, { destination, queue: this.#queue, facts, carried: this.#carried }),
        ...{ next: number, unwritten: number },
      };
      this.#waiting = [];
      for (const other of others) this.#take(other);
    } catch (error) {
      this.#problem = error as IpftError;
    }
  }

  /** Hands chunks of the memory to the queue. */
  #feed(flight: Flight): void {
    while (this.#queue.pendingBytes < MAX_PENDING_BYTES) {
      const chunk = this.#memory.get(flight.next);
      if (!chunk || chunk.fromNs >= flight.untilNs) return;
      flight.next++;
      const release = () => {
        flight.unwritten++;
      };
      flight.part.records({ room: chunk.room, upToNs: chunk.upToNs, release });
    }
  }

  /** Whether a chunk that is not written would have to go for the next one. */
  #isInWay(flight: Flight): boolean {
    const chunk = this.#memory.get(flight.unwritten);
    return (
      chunk !== undefined &&
      this.#memory.isInWay(chunk, CHUNKS_AT_ONCE * largestChunk(this.chunkBytes)) &&
      !this.problem
    );
  }

  /** Whether all that belongs to it has been written: until then the memory must not be used again. */
  #isComplete({ next, unwritten, untilNs }: Flight): boolean {
    const chunk = this.#memory.get(next);
    if (unwritten < next || (chunk && chunk.fromNs < untilNs)) return false;
    return this.#hasEnded || this.#closedNs >= untilNs;
  }

  #end(flight: Flight): void {
    const { part, trigger, noted, triggers, name, beforeNs } = flight;
    this.#flight = undefined;
    part.end({ end: { atNs: 0n, living: [] }, triggers: noted, triggersLeftOut: triggers - noted.length });
    this.#queue.add(0, () => this.#options.onFile?.({ name, trigger, triggers, beforeNs }));
  }
}

/** The memory that a flight recorder takes to keep so many bytes. */
export function flightBytes(lastBytes: number): number {
  return lastBytes + Math.max(lastBytes * SPARE_PART, SPARE_CHUNKS * largestChunk(chunkBytesOf(lastBytes)));
}

function chunkBytesOf(lastBytes: number): number {
  return Math.min(CHUNK_BYTES, Math.floor(lastBytes / CHUNKS));
}
