/** Reads the parts of a page: docs/page-data.md tells their form. */
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

/**
 * Reads a page's parts. What can't be read ends the trace there, and `problem` says so.
 * @param parts in the order of the page
 * @throws DataError if there is no trace at all
 */
export async function readTrace(parts: Iterable<PartText>): Promise<Trace> {
  const reader = new Reader();
  let problem: string | undefined;
  try {
    let turn = performance.now();
    for (const part of parts) {
      await reader.read(part);
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
    problem = reader.isWhole ? undefined : 'This file was cut short: what came later is missing.';
  } catch (error) {
    if (!reader.hasHead) throw error;
    problem = `This file is damaged: what came later is missing (${error instanceof Error ? error.message : error}).`;
  }
  return reader.finish(problem);
}

interface Part {
  readonly events: number;
  readonly columns: Uint8Array;
  readonly journeys: readonly Record<string, unknown>[];
  readonly long: readonly number[];
}

class Reader {
  #head: Head | undefined;
  #functions: TracedFunction[] = [];
  #places: Place[] = [{ netns: 0, name: null, ifindex: 0, device: '' }];
  #parts: Part[] = [];
  #details: string[] = [];
  #events = 0;
  isWhole = false;

  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  async read({ kind, text }: PartText): Promise<void> {
    if (kind === 'head') this.#head = readHead(text);
    else if (!this.#head) throw new DataError('there is no trace in it');
    else if (kind === 'journeys') this.#add(await unpack(text));
    else if (kind === 'details') this.#details[this.#parts.length - 1] = text;
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
    if (this.#events + events > MAX_EVENTS) throw new DataError(`it has more than ${MAX_EVENTS} events`);
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
    this.#parts.push({ events, columns: bytes.subarray(HEAD_BYTES + jsonLength), journeys, long });
    this.#events += events;
  }

  finish(problem: string | undefined): Trace {
    const head = this.#head;
    if (!head) throw new DataError('there is no trace in it');
    const functions = this.#functions;
    const places = this.#places;
    const events = createEvents(this.#events, head.hasReturns);
    const journeys: Journey[] = [];
    let from = 0;
    const known = { functions: functions.length, places: places.length };
    for (const [index, part] of this.#parts.entries()) {
      const own: Journey[] = [];
      let first = from;
      for (const facts of part.journeys) {
        const journey = toJourney(facts, { first, part: index, position: own.length });
        own.push(journey);
        journeys.push(journey);
        first += journey.count;
      }
      fill(events, from, part, own, known);
      from += part.events;
    }
    if (events.fn.includes(known.functions)) functions.push({ name: '?', module: '?' });
    journeys.sort((a, b) => a.begin - b.begin || a.number - b.number);
    const byNumber = new Map(journeys.map((journey) => [journey.number, journey]));
    const details = new DetailsReader(this.#details);
    return {
      ...{ head, functions, places, journeys, events, problem },
      details: (journey) => details.read(journey),
      find: (number) => byNumber.get(number),
    };
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

function createEvents(count: number, hasReturns: boolean): Events {
  return {
    count,
    time: new Float64Array(count),
    ...{ fn: new Uint16Array(count), place: new Uint16Array(count), cpu: new Uint16Array(count) },
    ...{ flags: new Uint8Array(count), depth: new Uint8Array(count) },
    sinceEntry: new Float64Array(hasReturns ? count : 0),
  };
}

/**
 * Makes columns of a part's bytes.
 * @param known how many functions and places there are: a number that no table has would fail wherever it is shown. Such
 * a function is the one behind the last, such a place the one that is not known
 */
function fill(
  events: Events,
  from: number,
  part: Part,
  journeys: readonly Journey[],
  known: { readonly functions: number; readonly places: number },
): void {
  const { events: count, columns, long } = part;
  const column = (index: number) => columns.subarray(index * count, (index + 1) * count);
  const [t0, t1, t2, t3] = [column(0), column(1), column(2), column(3)];
  const [f0, f1, p0, p1, c0, c1] = [column(4), column(5), column(6), column(7), column(8), column(9)];
  const hasReturns = events.sinceEntry.length > 0;
  const [e0, e1] = hasReturns ? [column(12), column(13)] : [t0, t1];
  const { time, fn, place, cpu, flags, sinceEntry } = events;
  const { functions, places } = known;
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
      fn[to] = Math.min(f0[at]! | (f1[at]! << 8), functions);
      const where = p0[at]! | (p1[at]! << 8);
      place[to] = where < places ? where : 0;
      cpu[to] = c0[at]! | (c1[at]! << 8);
      if (!hasReturns || (flags[to]! & IS_RETURN) === 0) continue;
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
  readonly #texts: readonly (string | undefined)[];
  readonly #kept = new Map<number, Promise<readonly Details[]>>();

  constructor(texts: readonly (string | undefined)[]) {
    this.#texts = texts;
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
    const text = this.#texts[part];
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
