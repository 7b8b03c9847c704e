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
    for (const part of parts) await reader.read(part);
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
    for (const [index, part] of this.#parts.entries()) {
      const own = part.journeys.map((facts, position) => toJourney(facts, index, position));
      let first = from;
      for (const journey of own) {
        journeys.push({ ...journey, first });
        first += journey.count;
      }
      fill(events, from, part, own, head.hasReturns);
      from += part.events;
    }
    for (let i = 0; i < events.count; i++) {
      // A number that no table has would fail wherever it is shown.
      if (events.fn[i]! >= functions.length) events.fn[i] = addUnknown(functions);
      if (events.place[i]! >= places.length) events.place[i] = 0;
    }
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

function addUnknown(functions: TracedFunction[]): number {
  if (functions.at(-1)?.name !== '?') functions.push({ name: '?', module: '?' });
  return functions.length - 1;
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

/** Makes columns of a part's bytes. */
function fill(events: Events, from: number, part: Part, journeys: readonly Journey[], hasReturns: boolean): void {
  const { events: count, columns, long } = part;
  const column = (index: number) => columns.subarray(index * count, (index + 1) * count);
  const [t0, t1, t2, t3] = [column(0), column(1), column(2), column(3)];
  const [f0, f1, p0, p1, c0, c1] = [column(4), column(5), column(6), column(7), column(8), column(9)];
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
      if (!hasReturns || (flags[to]! & IS_RETURN) === 0) continue;
      const back = e0[at]! | (e1[at]! << 8);
      if (back === 0) sinceEntry[to] = toNumber(long[longs++]);
      else if (back <= at) sinceEntry[to] = now - time[to - back]!;
    }
  }
}

/** Whatever a file says, the page gets members of the right type. */
function toJourney(facts: Record<string, unknown>, part: number, position: number): Journey {
  const outcome = OUTCOMES.find((one) => one === facts['outcome']) ?? 'unknown';
  const begin = toNumber(facts['begin']);
  const endpoints = facts['endpoints'] as Record<string, unknown> | undefined;
  return {
    number: toNumber(facts['journey']),
    packetId: String(facts['packet_id']),
    ...optional('parent', facts['parent'], toNumber),
    outcome: outcome as Outcome,
    ...optional('reason', facts['reason'], String),
    ...optional('endedIn', facts['ended_in'], String),
    begin,
    end: Math.max(begin, toNumber(facts['end'])),
    events: toNumber(facts['events']),
    lost: toNumber(facts['lost']),
    hasGap: facts['gap'] === true,
    endText: String(facts['end_text'] ?? outcome),
    ...optional('gapText', facts['gap_text'], String),
    ...optional('text', facts['text'], String),
    ...optional('endpoints', endpoints, (given: Record<string, unknown>) => ({
      ...{ protocol: toNumber(given['protocol']), source: String(given['source']) },
      destination: String(given['destination']),
    })),
    ...optional('sender', facts['sender'], toProcess),
    ...optional('receiver', facts['receiver'], toProcess),
    ...{ first: 0, count: toNumber(facts['count']), part, position },
  };
}

function toProcess(given: unknown): NonNullable<Journey['sender']> {
  const { pid, command, container, unit, pod } = Object(given);
  const { id, name } = Object(container);
  return {
    command: String(command ?? '?'),
    ...optional('pid', pid, toNumber),
    ...optional('unit', unit, String),
    ...optional('pod', pod, String),
    ...optional('container', container, () => ({ ...optional('id', id, String), ...optional('name', name, String) })),
  };
}

/** A member, if there is a value for it. */
function optional<Key extends string, Given, Value>(
  key: Key,
  given: Given | undefined | null,
  convert: (given: Given) => Value,
): { readonly [key in Key]?: Value } {
  return (given === undefined || given === null ? {} : { [key]: convert(given) }) as { [key in Key]?: Value };
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
    const packed = fromBase64(base64);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new DataError('a part can not be decompressed', { cause: error });
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
