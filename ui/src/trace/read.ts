/** Reads the parts of a page, one after the other: docs/page-data.md tells their form. */
import { EventRoom } from './event-room.js';
import {
  type Details,
  type Events,
  type Head,
  IS_RETURN,
  type Journey,
  OUTCOMES,
  type Outcome,
  type Place,
  type Trace,
  type TracedFunction,
} from './trace.js';

/** A part as the page has it: JSON, or base64. */
export interface PartText {
  readonly kind: string;
  readonly text: string;
}

/** The data can't be read: what is wrong with them, in words. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

const VERSION = 1;
const HEAD_BYTES = 12;
const COLUMNS = 12;
const COLUMNS_WITH_RETURNS = 14;
const IS_LONG = 0xffffffff;
/** More events than this are not shown: the columns would take more than a gigabyte. */
const MAX_EVENTS = 40_000_000;
/** The browser gets its turn when reading took so long, in milliseconds: it would seem to hang otherwise. */
const TURN_MS = 50;
/** The parts whose details are kept when they were read. */
const KEPT_DETAILS = 4;

/** What is kept of a trace that has no end; beyond it the oldest parts are forgotten. */
export interface Limits {
  readonly events: number;
  readonly journeys: number;
  /** The length of the details' texts. */
  readonly details: number;
}

const NO_LIMITS: Limits = { events: MAX_EVENTS, journeys: Infinity, details: Infinity };

/**
 * Reads a page's parts. What can't be read ends the trace there, and `problem` says so.
 * @param parts in the order of the page
 * @throws DataError if there is no trace at all
 */
export async function readTrace(parts: Iterable<PartText>): Promise<Trace> {
  const reader = new TraceReader();
  let problem: string | undefined;
  try {
    let turn = performance.now();
    for (const part of parts) {
      await reader.read(part);
      if (reader.pending.events > MAX_EVENTS) throw new DataError(`it has more than ${MAX_EVENTS} events`);
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
    problem = reader.isWhole ? undefined : 'This file was cut short: what came later is missing.';
  } catch (error) {
    if (!reader.hasHead) throw error;
    problem = `This file is damaged: what came later is missing (${error instanceof Error ? error.message : error}).`;
  }
  return reader.takeTrace(problem);
}

/** A part that was read and is in no trace yet. */
interface PendingPart {
  readonly events: number;
  readonly columns: Uint8Array;
  readonly journeys: readonly Record<string, unknown>[];
  readonly long: readonly number[];
}

/** A part whose journeys are in the trace. */
interface KeptPart {
  readonly part: number;
  readonly journeys: readonly Journey[];
  readonly events: number;
}

/** Takes parts as they come, and makes a trace of those that there are, as often as one is asked for. */
export class TraceReader {
  readonly #limits: Limits;
  #head: Head | undefined;
  #room: EventRoom | undefined;
  readonly #functions: TracedFunction[] = [];
  readonly #places: Place[] = [{ netns: 0, name: null, ifindex: 0, device: '' }];
  #pending: PendingPart[] = [];
  #pendingEvents = 0;
  #pendingJourneys = 0;
  #kept: KeptPart[] = [];
  /** The number of parts that were read. */
  #parts = 0;
  #journeys: readonly Journey[] = [];
  readonly #byNumber = new Map<number, Journey>();
  readonly #details = new DetailsReader();
  #read = { journeys: 0, events: 0 };
  #forgotten = { journeys: 0, events: 0 };
  isWhole = false;

  constructor(limits: Limits = NO_LIMITS) {
    this.#limits = limits;
  }

  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  /** What was read and is in no trace yet. */
  get pending(): { readonly journeys: number; readonly events: number } {
    return { journeys: this.#pendingJourneys, events: this.#pendingEvents };
  }

  /** All that was read. */
  get total(): { readonly journeys: number; readonly events: number } {
    return this.#read;
  }

  /** What was forgotten, since it was more than the limits allow. */
  get forgotten(): { readonly journeys: number; readonly events: number } {
    return this.#forgotten;
  }

  /** @throws DataError if it can't be read; what was read before stays */
  async read({ kind, text }: PartText): Promise<void> {
    if (kind === 'head') this.#head = readHead(text);
    else if (!this.#head) throw new DataError('there is no trace in it');
    else if (kind === 'journeys') this.#add(await unpack(text));
    else if (kind === 'details') this.#details.add(this.#parts - 1, text);
    else if (kind === 'tail') this.isWhole = true;
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length < HEAD_BYTES) throw new DataError('a part ends within its head');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const jsonLength = view.getUint32(0, true);
    const events = view.getUint32(4, true);
    const columns = view.getUint32(8, true);
    const wanted = this.#head?.hasReturns ? COLUMNS_WITH_RETURNS : COLUMNS;
    if (columns !== wanted || bytes.length !== HEAD_BYTES + jsonLength + events * columns)
      throw new DataError('a part has another length than it says');
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD_BYTES, HEAD_BYTES + jsonLength)));
    const { functions, places, journeys, long } = json;
    if (![functions, places, journeys, long].every(Array.isArray)) throw new DataError('a part has no lists');
    let count = 0;
    for (const journey of journeys) {
      if (!Number.isInteger(journey?.count) || journey.count < 0)
        throw new DataError('a journey has no count of events');
      count += journey.count;
    }
    if (count !== events) throw new DataError('a part has other events than its journeys');
    for (const [name, module] of functions) this.#functions.push({ name: String(name), module: String(module) });
    for (const { netns, name, ifindex, device } of places)
      this.#places.push({ netns, name: name ?? null, ifindex, device: String(device) });
    const part = { events, columns: bytes.subarray(HEAD_BYTES + jsonLength), journeys, long };
    checkIndexes(part, this.#functions.length, this.#places.length);
    this.#pending.push(part);
    this.#pendingEvents += events;
    this.#pendingJourneys += journeys.length;
    this.#read = { journeys: this.#read.journeys + journeys.length, events: this.#read.events + events };
    this.#parts++;
  }

  /**
   * The trace of all parts until now. Of the one before, the events that are forgotten are no longer what they were.
   * @throws DataError if there is no head
   */
  takeTrace(problem: string | undefined): Trace {
    const head = this.#head;
    if (!head) throw new DataError('there is no trace in it');
    this.#room ??= new EventRoom(head.hasReturns, this.#limits.events);
    const fresh = this.#fill(this.#room);
    const oldest = this.#kept[0]?.part ?? this.#parts;
    const journeys = [...this.#journeys, ...fresh].filter(({ part }) => part >= oldest);
    // It is fast: nearly all are in order.
    journeys.sort((a, b) => a.begin - b.begin || a.number - b.number);
    this.#journeys = journeys;
    return {
      ...{ head, functions: this.#functions, places: this.#places, journeys, problem },
      events: this.#room.columns,
      ...{ details: this.#readDetails, find: this.#find },
    };
  }

  // The same functions for all traces: what was read of a journey is not read again with the next one.
  readonly #readDetails = (journey: Journey): Promise<Details> => this.#details.read(journey);
  readonly #find = (number: number): Journey | undefined => this.#byNumber.get(number);

  /** Puts what is pending into the columns. @returns the journeys of it */
  #fill(room: EventRoom): Journey[] {
    const fresh: Journey[] = [];
    room.reserve(this.#pendingEvents);
    let number = this.#parts - this.#pending.length;
    for (const part of this.#pending) {
      const first = this.#makeRoom(room, part);
      let next = first;
      const own: Journey[] = [];
      for (const facts of part.journeys) {
        const journey = toJourney(facts, { first: next, part: number, position: own.length });
        own.push(journey);
        fresh.push(journey);
        this.#byNumber.set(journey.number, journey);
        next += journey.count;
      }
      fill(room.columns, first, part, own);
      this.#kept.push({ part: number++, journeys: own, events: part.events });
    }
    this.#pending = [];
    this.#pendingEvents = 0;
    this.#pendingJourneys = 0;
    return fresh;
  }

  /** Forgets the oldest parts until there is room for one more. @returns where its events stand */
  #makeRoom(room: EventRoom, { events, journeys }: PendingPart): number {
    const limits = this.#limits;
    while (this.#kept.length > 0) {
      const isFull = this.#byNumber.size + journeys.length > limits.journeys || this.#details.length > limits.details;
      const first = isFull ? undefined : room.add(events);
      if (first !== undefined) return first;
      this.#forgetOldest(room);
    }
    return room.add(events) ?? 0;
  }

  #forgetOldest(room: EventRoom): void {
    const oldest = this.#kept.shift();
    if (!oldest) return;
    const { part, journeys, events } = oldest;
    if (events > 0) room.dropOldest();
    for (const journey of journeys) {
      if (this.#byNumber.get(journey.number) === journey) this.#byNumber.delete(journey.number);
    }
    this.#details.forget(part);
    const before = this.#forgotten;
    this.#forgotten = { journeys: before.journeys + journeys.length, events: before.events + events };
  }
}

/** A number that no table has would fail wherever it is shown. */
function checkIndexes({ events: count, columns }: PendingPart, functions: number, places: number): void {
  for (let at = 0; at < count; at++) {
    if ((columns[4 * count + at]! | (columns[5 * count + at]! << 8)) >= functions)
      throw new DataError('a function has no name');
    if ((columns[6 * count + at]! | (columns[7 * count + at]! << 8)) >= places)
      throw new DataError('a place is not known');
  }
}

function readHead(text: string): Head {
  const { format, version, ipft, kernel, backend, began, realtime, hasReturns, fields } = JSON.parse(text);
  if (format !== 'ipft-page') throw new DataError('it is no trace of ipft');
  if (version !== VERSION) throw new DataError(`its form has the version ${version}, and this page reads ${VERSION}`);
  return {
    ...{ ipft: String(ipft), kernel: String(kernel), backend: String(backend) },
    ...{ began: BigInt(began), realtime: BigInt(realtime), hasReturns: hasReturns === true },
    fields: Array.isArray(fields) ? fields.map(String) : [],
  };
}

/** Makes columns of a part's bytes. */
function fill(events: Events, from: number, part: PendingPart, journeys: readonly Journey[]): void {
  const { events: count, columns, long } = part;
  const column = (index: number) => columns.subarray(index * count, (index + 1) * count);
  const [t0, t1, t2, t3] = [column(0), column(1), column(2), column(3)];
  const [f0, f1, p0, p1, c0, c1] = [column(4), column(5), column(6), column(7), column(8), column(9)];
  const hasReturns = events.sinceEntry.length > 0;
  const [e0, e1] = hasReturns ? [column(12), column(13)] : [t0, t1];
  const { time, fn, place, cpu, flags, sinceEntry } = events;
  flags.set(column(10), from);
  events.depth.set(column(11), from);
  let at = 0;
  let longs = 0;
  for (const journey of journeys) {
    let now = journey.begin;
    for (const end = at + journey.count; at < end; at++) {
      let since = (t0[at]! | (t1[at]! << 8) | (t2[at]! << 16) | (t3[at]! << 24)) >>> 0;
      if (since === IS_LONG) since = toNumber(long[longs++]);
      now += since;
      const to = from + at;
      time[to] = now;
      fn[to] = f0[at]! | (f1[at]! << 8);
      place[to] = p0[at]! | (p1[at]! << 8);
      cpu[to] = c0[at]! | (c1[at]! << 8);
      if (!hasReturns) continue;
      // Other events may have stood here.
      sinceEntry[to] = 0;
      if ((flags[to]! & IS_RETURN) === 0) continue;
      const back = e0[at]! | (e1[at]! << 8);
      if (back === 0) sinceEntry[to] = toNumber(long[longs++]);
      else if (back <= at) sinceEntry[to] = now - time[to - back]!;
    }
  }
}

type Writable<Made> = { -readonly [Key in keyof Made]: Made[Key] };

const KNOWN_OUTCOMES: ReadonlySet<unknown> = new Set(OUTCOMES);

/** Whatever a file says, the page gets members of the right type. @param at where its events and its details are */
function toJourney(facts: Record<string, unknown>, at: Pick<Journey, 'first' | 'part' | 'position'>): Journey {
  const outcome = (KNOWN_OUTCOMES.has(facts['outcome']) ? facts['outcome'] : 'unknown') as Outcome;
  const begin = toNumber(facts['begin']);
  const journey: Writable<Journey> = {
    number: toNumber(facts['journey']),
    packetId: String(facts['packet_id']),
    ...{ outcome, begin, end: Math.max(begin, toNumber(facts['end'])) },
    events: toNumber(facts['events']),
    lost: toNumber(facts['lost']),
    hasGap: facts['gap'] === true,
    endText: String(facts['end_text'] ?? outcome),
    ...{ first: at.first, count: toNumber(facts['count']), part: at.part, position: at.position },
  };
  add(journey, 'parent', facts['parent'], toNumber);
  add(journey, 'reason', facts['reason'], String);
  add(journey, 'endedIn', facts['ended_in'], String);
  add(journey, 'gapText', facts['gap_text'], String);
  add(journey, 'text', facts['text'], String);
  add(journey, 'endpoints', facts['endpoints'], toEndpoints);
  add(journey, 'sender', facts['sender'], toProcess);
  add(journey, 'receiver', facts['receiver'], toProcess);
  return journey;
}

function toEndpoints(given: unknown): NonNullable<Journey['endpoints']> {
  const { protocol, source, destination } = Object(given);
  return { protocol: toNumber(protocol), source: String(source), destination: String(destination) };
}

function toProcess(given: unknown): NonNullable<Journey['sender']> {
  const { pid, command, container, unit, pod } = Object(given);
  const made: Writable<NonNullable<Journey['sender']>> = { command: String(command ?? '?') };
  add(made, 'pid', pid, toNumber);
  add(made, 'unit', unit, String);
  add(made, 'pod', pod, String);
  add(made, 'container', container, toContainer);
  return made;
}

function toContainer(given: unknown): NonNullable<NonNullable<Journey['sender']>['container']> {
  const { id, name } = Object(given);
  const made: { id?: string; name?: string } = {};
  add(made, 'id', id, String);
  add(made, 'name', name, String);
  return made;
}

/** Adds a member, if there is a value for it. A million are added while a page opens: no objects are made for that. */
function add<Made, Key extends keyof Made>(
  made: Made,
  key: Key,
  given: unknown,
  convert: (given: unknown) => NonNullable<Made[Key]>,
): void {
  if (given !== undefined && given !== null) made[key] = convert(given);
}

function toNumber(given: unknown): number {
  return typeof given === 'number' && Number.isFinite(given) ? given : 0;
}

/** Decompresses the details of a part when they are asked for, and keeps those of a few. */
class DetailsReader {
  readonly #texts = new Map<number, string>();
  readonly #kept = new Map<number, Promise<readonly Details[]>>();
  #length = 0;

  /** The length of all texts. */
  get length(): number {
    return this.#length;
  }

  add(part: number, text: string): void {
    this.forget(part);
    this.#texts.set(part, text);
    this.#length += text.length;
  }

  forget(part: number): void {
    this.#length -= this.#texts.get(part)?.length ?? 0;
    this.#texts.delete(part);
    this.#kept.delete(part);
  }

  async read({ part, position }: Journey): Promise<Details> {
    const kept = this.#kept.get(part) ?? this.#unpack(part);
    // Kept in the order of their use.
    this.#kept.delete(part);
    this.#kept.set(part, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_DETAILS) break;
      this.#kept.delete(oldest);
    }
    const { fields, snapshots = [], changes = [] } = Object((await kept)[position]);
    return { fields, snapshots, changes };
  }

  async #unpack(part: number): Promise<readonly Details[]> {
    const text = this.#texts.get(part);
    if (text === undefined) return [];
    const details: unknown = JSON.parse(new TextDecoder().decode(await unpack(text)));
    return Array.isArray(details) ? details : [];
  }
}

/** @throws DataError if it is no base64 of gzip */
async function unpack(base64: string): Promise<Uint8Array> {
  try {
    const { readable, writable } = new DecompressionStream('gzip');
    const [bytes] = await Promise.all([readAll(readable), write(writable, fromBase64(base64))]);
    return bytes;
  } catch (error) {
    throw new DataError('a part can not be decompressed', { cause: error });
  }
}

async function write(stream: WritableStream<Uint8Array<ArrayBuffer>>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = stream.getWriter();
  await Promise.all([writer.write(bytes), writer.close()]);
}

/** A `Response` would do the same, and take twice as long. */
async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What browsers have since 2025. */
interface FromBase64 {
  readonly fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const own = (Uint8Array as FromBase64).fromBase64;
  if (own) return own.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
