/**
 * Reads Perfetto traces: protoc decodes them by Perfetto's schema (perfetto.proto), and what is here makes of them what Perfetto's
 * processor does: events sorted by time, interned names resolved, slices within slices. What it would complain of is an error.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { draw, type Picture, type PictureEvent, type Track, type Value } from './pictures.js';

const SCHEMA = fileURLToPath(new URL('perfetto.proto', import.meta.url));
const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** The values of each field; a message is a `Message`, all else is text. */
type Message = Map<string, (Message | string)[]>;

export interface PerfettoTrace extends Picture {
  readonly clocks: ReadonlyMap<string, bigint>;
}

/** @throws if protoc does not take it, or it is not what Perfetto wants */
export function readPerfetto(bytes: Uint8Array): PerfettoTrace {
  const args = [`-I${FOLDER}`, '--decode=perfetto.protos.Trace', SCHEMA];
  const { status, stdout, stderr, error } = spawnSync('protoc', args, { input: bytes, maxBuffer: 1 << 30 });
  if (error) throw error;
  if (status !== 0) throw new Error(`protoc: ${stderr}`);
  return interpret(parseText(stdout.toString('utf8')));
}

/** Parses protoc's text. */
function parseText(text: string): Message {
  const stack: Message[] = [new Map()];
  const add = (name: string, value: Message | string) => {
    if (/^\d/.test(name)) throw new Error(`the schema has no field ${name}`);
    const top = stack.at(-1)!;
    const known = top.get(name);
    if (known) known.push(value);
    else top.set(name, [value]);
  };
  for (const line of text.split('\n')) {
    const [, opened, name, value] = /^ *(?:(\S+) \{|\}|(\S+): (.*))$/.exec(line) ?? [];
    if (opened !== undefined) {
      const message: Message = new Map();
      add(opened, message);
      stack.push(message);
    } else if (name !== undefined) {
      add(name, value!.startsWith('"') ? unquote(value!) : value!);
    } else if (line !== '') {
      stack.pop();
    }
  }
  return stack[0]!;
}

/** As protoc quotes: escapes of C, bytes of UTF-8 in octal. */
function unquote(text: string): string {
  const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  const bytes: number[] = [];
  for (const [, octal, escaped, plain] of text.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\])/gu)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else bytes.push(...Buffer.from(escaped === undefined ? plain! : (ESCAPES[escaped] ?? escaped)));
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}

const one = (message: Message, name: string) => message.get(name)?.[0] as string | undefined;
const child = (message: Message, name: string) => message.get(name)?.[0] as Message | undefined;
const children = (message: Message | undefined, name: string) => (message?.get(name) ?? []) as Message[];
const texts = (message: Message, name: string) => (message.get(name) ?? []) as string[];

const INTERNED = {
  event_categories: 'name',
  event_names: 'name',
  debug_annotation_names: 'name',
  debug_annotation_string_values: 'str',
} as const;

function interpret(trace: Message): PerfettoTrace {
  const interned = new Map<string, string>();
  const clocks = new Map<string, bigint>();
  const tracks = new Map<string, Track>();
  const packets = children(trace, 'packet');
  const lookUp = (kind: keyof typeof INTERNED, iid: string) => {
    const found = interned.get(`${kind} ${iid}`);
    if (found === undefined) throw new Error(`${kind} ${iid} is not interned`);
    return found;
  };
  const events: PictureEvent[] = [];
  for (const [index, packet] of packets.entries()) {
    const flags = one(packet, 'sequence_flags');
    if ((index === 0) !== (flags === '1')) throw new Error(`packet ${index} has the flags ${flags}`);
    if (one(packet, 'trusted_packet_sequence_id') !== '1') throw new Error(`packet ${index} is of no sequence`);
    const snapshot = child(packet, 'clock_snapshot');
    for (const clock of children(snapshot, 'clocks')) {
      clocks.set(one(clock, 'clock_id')!, BigInt(one(clock, 'timestamp')!));
    }
    const data = child(packet, 'interned_data');
    for (const [kind, text] of Object.entries(INTERNED)) {
      for (const entry of children(data, kind)) {
        const key = `${kind} ${one(entry, 'iid')}`;
        if (interned.has(key) || one(entry, 'iid') === '0') throw new Error(`${key} is interned again`);
        interned.set(key, one(entry, text)!);
      }
    }
    const descriptor = child(packet, 'track_descriptor');
    if (descriptor) addTrack(tracks, descriptor);
    const event = child(packet, 'track_event');
    if (!event) continue;
    if (flags !== '2') throw new Error('an event does not say that it needs interned data');
    events.push({
      at: BigInt(one(packet, 'timestamp')!),
      kind: KINDS[one(event, 'type')!]!,
      track: one(event, 'track_uuid')!,
      ...(event.has('counter_value') && { value: BigInt(one(event, 'counter_value')!) }),
      facts: {
        name: one(event, 'name') ?? (event.has('name_iid') ? lookUp('event_names', one(event, 'name_iid')!) : ''),
        category: texts(event, 'category_iids')
          .map((iid) => lookUp('event_categories', iid))
          .join(),
        args: annotations(event, lookUp),
        flows: texts(event, 'flow_ids'),
        endingFlows: texts(event, 'terminating_flow_ids'),
      },
    });
  }
  return { ...draw(tracks, events), clocks };
}

const KINDS: Record<string, PictureEvent['kind']> = {
  TYPE_SLICE_BEGIN: 'begin',
  TYPE_SLICE_END: 'end',
  TYPE_INSTANT: 'instant',
  TYPE_COUNTER: 'counter',
};

function addTrack(tracks: Map<string, Track>, descriptor: Message): void {
  const uuid = one(descriptor, 'uuid')!;
  const parent = one(descriptor, 'parent_uuid');
  if (tracks.has(uuid) || uuid === '0') throw new Error(`track ${uuid} is described again`);
  if (parent !== undefined && !tracks.has(parent)) throw new Error(`track ${uuid} is below one that is not known`);
  tracks.set(uuid, { uuid, parent, name: one(descriptor, 'name')!, isCounter: descriptor.has('counter') });
}

type LookUp = (kind: keyof typeof INTERNED, iid: string) => string;

function annotations(event: Message, lookUp: LookUp): { [name: string]: Value } {
  const entries = children(event, 'debug_annotations').map((one) => entryOf(one, lookUp));
  const names = new Set(entries.map(([name]) => name));
  if (names.size !== entries.length) throw new Error(`two values of a name: ${entries.map(([name]) => name).join()}`);
  return Object.fromEntries(entries);
}

function entryOf(annotation: Message, lookUp: LookUp): [string, Value] {
  return [lookUp('debug_annotation_names', one(annotation, 'name_iid')!), readValue(annotation, lookUp)];
}

function readValue(annotation: Message, lookUp: LookUp): Value {
  if (annotation.has('dict_entries')) {
    return Object.fromEntries(children(annotation, 'dict_entries').map((entry) => entryOf(entry, lookUp)));
  }
  if (annotation.has('array_values')) {
    return children(annotation, 'array_values').map((value) => readValue(value, lookUp));
  }
  const iid = one(annotation, 'string_value_iid');
  if (iid !== undefined) return lookUp('debug_annotation_string_values', iid);
  const text = one(annotation, 'string_value');
  if (text !== undefined) return text;
  const bool = one(annotation, 'bool_value');
  if (bool !== undefined) return bool === 'true';
  const double = one(annotation, 'double_value');
  if (double !== undefined) return Number(double);
  const integer = one(annotation, 'uint_value') ?? one(annotation, 'int_value') ?? one(annotation, 'pointer_value');
  if (integer === undefined) throw new Error('a value is missing');
  return BigInt(integer);
}
