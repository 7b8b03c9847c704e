/** Files that are no recordings, or damaged ones: each is told in a message, and what is whole of it is shown before. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usedBytes } from '../../tests/support/memory.js';
import { recordBytes } from '../../tests/support/recordings.js';
import {
  BEGIN_ID,
  BEGIN_PLACE,
  BEGIN_SIZE,
  BEGIN_SKB,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_NOTICE,
  IPFT_NOTICE_BEGIN,
  PLACE_NETNS,
} from '../abi/layout.js';
import { JourneyTracker } from '../journey/tracker.js';
import { AggregateOutput } from '../output/aggregate.js';
import { Clock } from '../output/clock.js';
import { createJsonOutput } from '../output/json.js';
import { createContext, type Output } from '../output/output.js';
import { PathsOutput } from '../output/paths.js';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_LOSSES,
  CHUNK_NAMES,
  CHUNK_RECORDS,
  CHUNK_SYMBOLS,
  DEFLATED,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  FOOTER_BYTES,
  paddedBytes,
  parseChunkHeader,
  RECORD_HEADER_BYTES,
  STEP_HEADER_BYTES,
  writeChunkHeader,
} from './format.js';
import { RecordingError } from './problem.js';
import { Recording } from './recording.js';

let dir: string;
let path: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-bad-'));
  path = join(dir, 'trace.ipft');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const OUTPUTS: Record<string, (recording: Recording) => Output> = {
  json: (recording) => createJsonOutput(createContext(recording)),
  aggregate: (recording) =>
    new AggregateOutput(createContext(recording, Clock.wall(recording.header.realtimeOffsetNs)), {
      ...{ maxBytes: 1 << 24, showPlaces: true, order: 'begin' },
    }),
  paths: (recording) =>
    new PathsOutput(createContext(recording, Clock.since(recording.header.beganNs)), { maxBytes: 1 << 24 }),
};

interface Shown {
  /** How long the text is. */
  length: number;
  events: number;
  why: string;
  /** Empty for a recording that is whole. */
  problem: string;
}

/** Shows a file as `ipft show` does. @param onRead called after each reading */
function show(file: string, name = 'json', onRead = () => {}): Shown {
  let recording: Recording;
  try {
    recording = Recording.open(file);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    return { length: 0, events: 0, why: 'refused', problem: error.message };
  }
  using shown = recording;
  const output = OUTPUTS[name]!(shown);
  const tracker = new JourneyTracker(output, shown.places);
  let length = 0;
  const take = (idleMs: number) => {
    for (let hasMore = true; hasMore; ) {
      hasMore = output.tick(idleMs);
      const text = output.take();
      length += text.length;
      output.giveBack?.(text);
    }
  };
  while (!shown.isOver) {
    tracker.settle(shown.read(tracker).upToNs);
    take(0);
    onRead();
  }
  const { living, atNs } = shown.end();
  tracker.finish(living, atNs);
  for (const text of output.finish()) length += text.length;
  shown.losses();
  const { why = 'whole', problem = '' } = shown.endedEarly ?? {};
  return { length, events: tracker.events, why, problem };
}

function showBytes(bytes: Uint8Array, name?: string): Shown {
  writeFileSync(path, bytes);
  return show(path, name);
}

/** A message that names the file, in one line, and no error of the engine. */
function expectMessage({ problem }: Shown): void {
  expect(problem).toContain('trace.ipft');
  expect(problem).not.toMatch(/\n|undefined|Cannot |is not a function/);
  expect(problem.length).toBeLessThan(1000);
}

interface EditableChunk {
  type: number;
  flags: number;
  content: Buffer;
}

/** The chunks of a file, for changing. */
function takeApart(bytes: Buffer): EditableChunk[] {
  const chunks: EditableChunk[] = [];
  for (let at = FILE_HEADER_BYTES; at < bytes.length - FOOTER_BYTES; ) {
    const { type, flags, storedBytes } = parseChunkHeader(bytes.subarray(at, at + CHUNK_HEADER_BYTES), at);
    const stored = bytes.subarray(at + CHUNK_HEADER_BYTES, at + CHUNK_HEADER_BYTES + storedBytes);
    chunks.push({ type, flags, content: Buffer.from(flags & DEFLATED ? inflateSync(stored) : stored) });
    at += CHUNK_HEADER_BYTES + paddedBytes(storedBytes);
  }
  return chunks;
}

/** A file of chunks, whose checksums are right. @param claims what a chunk says of its size */
function putTogether(chunks: readonly EditableChunk[], claims?: (chunk: EditableChunk) => number): Buffer {
  const pieces = chunks.map((chunk, number) => {
    const { type, flags, content } = chunk;
    const stored = flags & DEFLATED ? deflateSync(content, { level: 1 }) : content;
    const bytes = Buffer.alloc(CHUNK_HEADER_BYTES + paddedBytes(stored.length));
    const contentBytes = claims?.(chunk) ?? content.length;
    writeChunkHeader(bytes, { type, flags, storedBytes: stored.length, contentBytes, crc: crc32(stored), number });
    bytes.set(stored, CHUNK_HEADER_BYTES);
    return bytes;
  });
  return Buffer.concat([encodeFileHeader(), ...pieces]);
}

/** Numbers that are the same in each run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * below);
  };
}

const KINDS = {
  plain: { rounds: 1000 },
  fields: { hasFields: true, rounds: 1000 },
  deflated: { hasFields: true, deflates: true, rounds: 200 },
};
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];
const SMALL = { events: 400, ringBytes: 1 << 16, endsBytes: 1 << 14 };

test.each(ALL)('Recording: cut at every 64th byte, %s', (kind) => {
  const bytes = recordBytes({ ...SMALL, ...KINDS[kind] });
  const whole = showBytes(bytes);
  expect(whole).toMatchObject({ why: 'whole', events: SMALL.events });
  let last = 0;
  for (let length = 0; length < bytes.length; length += 64) {
    const shown = showBytes(bytes.subarray(0, length));
    expectMessage(shown);
    expect(shown.why === 'refused' ? 0 : shown.events).toBeGreaterThanOrEqual(last);
    if (length > FILE_HEADER_BYTES && shown.why === 'refused') expect(shown.problem).toContain('cut within its header');
    else if (length > FILE_HEADER_BYTES) expect(shown).toMatchObject({ why: 'cut' });
    last = shown.events;
  }
  expect(last).toBe(SMALL.events);
  // A file system may have made room for what was never written.
  const zeros = showBytes(Buffer.concat([bytes.subarray(0, bytes.length - 100), Buffer.alloc(5000)]));
  expect(zeros).toMatchObject({ why: 'cut', events: SMALL.events });
});

test.each(ALL)('Recording: random changes, %s', (kind) => {
  const bytes = recordBytes({ ...SMALL, ...KINDS[kind] });
  const below = createRandom(1);
  for (let round = 0; round < KINDS[kind].rounds; round++) {
    const changed = Buffer.from(bytes);
    for (let changes = 1 + below(8); changes > 0; changes--) changed[below(changed.length)] = below(256);
    const shown = showBytes(changed, Object.keys(OUTPUTS)[round % 3]);
    // Bytes that fill chunks up have no meaning.
    if (shown.why !== 'whole') expectMessage(shown);
  }
});

test.each(ALL)(
  'Recording: random changes whose checksums are right, %s',
  (kind) => {
    const chunks = takeApart(recordBytes({ ...SMALL, ...KINDS[kind] }));
    const below = createRandom(2);
    const seen = new Set<string>();
    for (let round = 0; round < KINDS[kind].rounds; round++) {
      const changed = chunks.map((chunk) => ({ ...chunk, content: Buffer.from(chunk.content) }));
      const chunk = changed[below(changed.length)]!;
      const { content } = chunk;
      switch (below(8)) {
        case 0:
          chunk.type = below(10);
          break;
        case 1:
          changed.splice(below(changed.length), 1);
          break;
        case 2:
          chunk.content = content.subarray(0, below(content.length));
          break;
        case 3:
          // JSON with another value.
          chunk.content = Buffer.from(
            content
              .toString('latin1')
              .replace(/[0-9]+|"[^"]*"|true|false|\[/g, (text) =>
                below(12) > 0
                  ? text
                  : ['0', '-1', '1e300', '""', 'null', '{}', '[', '"99999999999999999999"'][below(8)]!,
              ),
            'latin1',
          );
          break;
        default: {
          // Words as well as bytes: lengths and offsets have four.
          for (let changes = 1 + below(8); changes > 0; changes--) {
            if (below(2) === 0) content[below(content.length)] = below(256);
            else if (content.length >= 4) {
              const at = below(content.length >> 2) * 4;
              content.writeUInt32LE(
                [0, 1, 24, 0xffffffff, 0x7fffffff, below(0xffffffff), 1 << below(31)][below(7)]! >>> 0,
                at,
              );
            }
          }
        }
      }
      const shown = showBytes(putTogether(changed), Object.keys(OUTPUTS)[round % 3]);
      if (shown.why !== 'whole') expectMessage(shown);
      seen.add(shown.problem.replace(/[0-9]+/g, 'N'));
    }
    expect(seen.size).toBeGreaterThan(10);
  },
  60_000,
);

test('Recording: random changes of the BTF of its fields', () => {
  const chunks = takeApart(recordBytes({ ...SMALL, ...KINDS.fields }));
  const below = createRandom(3);
  for (let round = 0; round < 1000; round++) {
    const header = JSON.parse(chunks[0]!.content.toString());
    const btf = Buffer.from(header.field_sets[0].btf, 'base64');
    for (let changes = 1 + below(6); changes > 0; changes--) {
      const words = [0, 1, 2, 3, below(32) * 2 ** 24 + below(4), 0xffffffff, below(2000)];
      if (below(2) === 0) btf[below(btf.length)] = below(256);
      else btf.writeUInt32LE(words[below(words.length)]!, below(btf.length >> 2) * 4);
    }
    header.field_sets[0].btf = btf.toString('base64');
    const content = Buffer.from(JSON.stringify(header));
    const shown = showBytes(
      putTogether([{ ...chunks[0]!, content }, ...chunks.slice(1)]),
      Object.keys(OUTPUTS)[round % 3],
    );
    if (shown.why !== 'whole') expectMessage(shown);
  }
}, 60_000);

test('Recording: files that are none', async () => {
  const bytes = recordBytes(SMALL);
  const other = (at: number, value: readonly number[]) => {
    const changed = Buffer.from(bytes);
    changed.set(value, at);
    return showBytes(changed);
  };
  expect(other(8, [2, 0, 0, 0]).problem).toContain('its version is 2, and this ipft reads version 1');
  expect(other(8, [0, 0, 0, 1]).problem).toContain('the other byte order');
  expect(other(0, [0]).problem).toContain('it does not begin as a recording does');
  expect(showBytes(Buffer.alloc(0)).problem).toContain('it is empty');
  mkdirSync(join(dir, 'directory'), { recursive: true });
  for (const file of [join(dir, 'directory'), '/dev/null', '/dev/zero']) {
    expect(show(file).problem).toContain(`reading the recording ${file}: it is no regular file`);
  }
  expect(show(join(dir, 'none')).problem).toContain('ENOENT');
  // A name must not write to the terminal.
  expect(show(join(dir, '\x1b[31m')).problem).not.toContain('\x1b');
  expect(show('/proc/self/status').problem).toContain('it is empty');
  expect(show('/proc/self/mem').problem).toMatch(/does not begin|EIO|empty/);
});

test('Recording: two files that were joined show the first, and say so', () => {
  const bytes = recordBytes(SMALL);
  const joined = showBytes(Buffer.concat([bytes, bytes]));
  expect(joined).toMatchObject({ why: 'damaged', events: SMALL.events });
  expect(joined.problem).toContain('two files joined?');
  const { length } = takeApart(bytes).at(-1)!.content;
  const cut = bytes.subarray(0, bytes.length - FOOTER_BYTES - paddedBytes(length) - CHUNK_HEADER_BYTES);
  expect(showBytes(cut).why).toBe('cut');
  expect(showBytes(Buffer.concat([cut, bytes])).problem).toContain('another recording begins here: two files joined?');
});

test('Recording: chunks that lie about their size', () => {
  const chunks = takeApart(recordBytes({ ...SMALL, ...KINDS.deflated }));
  for (const claim of [0, 1, 1 << 20, 16 << 20]) {
    const shown = showBytes(
      putTogether(chunks, ({ type, content }) => (type === CHUNK_RECORDS ? claim : content.length)),
    );
    expect(shown.problem).toMatch(/has another size than it says|can't be decompressed/);
  }
  const shown = showBytes(
    putTogether(chunks, ({ type, content }) => (type === CHUNK_RECORDS ? 0xffffffff : content.length)),
  );
  expect(shown.problem).toContain('a chunk claims to have 4294967295 bytes');
});

/** What fills memory if nothing bounds it, and is small in a file. */
const BOMBS: Record<string, () => EditableChunk[]> = {
  'journeys that begin and never end': () => records(2, (index) => [begin(index)]),
  'journeys that begin, and have an event': () => records(2, (index) => [begin(index), event(index + 1, index)]),
  'one journey of many events': () => [...records(1, () => [begin(0)], 1), ...records(5, (index) => [event(1, index)])],
  'events against the order of time': () => [
    ...records(1, () => [begin(0)], 1),
    ...records(1, (index) => [event(1, index, 1e9 - index)], 60_000),
  ],
  'objects of JSON': () => [
    json(CHUNK_LOSSES, `[${'{},'.repeat(2_700_000)}{}]`),
    json(CHUNK_LOSSES, `[${'{},'.repeat(1_000_000)}{}]`),
  ],
  'members of JSON': () => [
    json(CHUNK_LOSSES, `{${Array.from({ length: 600_000 }, (_, index) => `"${index}":0`).join()}}`),
  ],
  'brackets of JSON': () => [json(CHUNK_LOSSES, '['.repeat(1_000_000))],
  'names of functions': () =>
    Array.from({ length: 11 }, (_, chunk) =>
      names({ targets: Array.from({ length: 7000 }, (_, index) => [`${chunk}${'f'.repeat(1000)}`, `${index}`]) }),
    ),
  'names of addresses': () =>
    Array.from({ length: 3 }, (_, chunk) => names({ symbols: numbered(chunk, 100_000, 'x'.repeat(40)) })),
  'lines of symbols': () => Array.from({ length: 3 }, () => symbols('ffffffff81000000 t a\n'.repeat(700_000))),
};

const RECORDS_BYTES = 15 << 20;

const STEP_BYTES = 1 << 20;

/** Chunks of records, of many steps. @param make the records for a number, which goes on from chunk to chunk */
function records(chunks: number, make: (index: number) => Buffer[], most = Number.POSITIVE_INFINITY): EditableChunk[] {
  let index = 0;
  return Array.from({ length: chunks }, () => {
    const content = Buffer.alloc(RECORDS_BYTES + 1000);
    let at = 0;
    while (at < RECORDS_BYTES && index < most) {
      const step = at;
      for (at += STEP_HEADER_BYTES; at < Math.min(step + STEP_BYTES, RECORDS_BYTES) && index < most; index++) {
        for (const record of make(index)) {
          content.writeUInt32LE(record.length, at);
          content.set(record, at + RECORD_HEADER_BYTES);
          at += RECORD_HEADER_BYTES + record.length;
        }
      }
      content.writeUInt32LE(at - step - STEP_HEADER_BYTES, step + 8);
    }
    return { type: CHUNK_RECORDS, flags: DEFLATED, content: content.subarray(0, at) };
  });
}

function event(journey: number, sequence: number, ns = sequence): Buffer {
  const record = Buffer.alloc(EVENT_SIZE);
  record.writeUInt32LE(ns, EVENT_TIMESTAMP_NS);
  record.writeUInt32LE(journey, EVENT_JOURNEY);
  record.writeUInt32LE(sequence, EVENT_SEQUENCE);
  return record;
}

function begin(index: number): Buffer {
  const record = Buffer.alloc(BEGIN_SIZE);
  record.writeUInt32LE(IPFT_NOTICE_BEGIN, EVENT_TARGET);
  record[EVENT_FLAGS] = IPFT_EVENT_NOTICE;
  record.writeUInt32LE(index + 1, BEGIN_ID);
  record.writeUInt32LE(index + 1, BEGIN_SKB);
  record.writeUInt32LE(1, BEGIN_PLACE + PLACE_NETNS);
  return record;
}

function json(type: number, text: string): EditableChunk {
  return { type, flags: DEFLATED, content: Buffer.from(text) };
}

function names(some: object): EditableChunk {
  return json(CHUNK_NAMES, JSON.stringify({ ...{ reasons: {}, netns: {}, symbols: {}, targets: [] }, ...some }));
}

function numbered(chunk: number, count: number, text: string): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [chunk * count + index, `${index}${text}`]));
}

function symbols(text: string): EditableChunk {
  return { type: CHUNK_SYMBOLS, flags: DEFLATED, content: Buffer.from(text) };
}

test.each(Object.keys(BOMBS))(
  'Recording: %s take no more memory than there are bounds for',
  (name) => {
    const [header, ...rest] = takeApart(recordBytes({ ...SMALL, events: 10 }));
    const bytes = putTogether([header!, ...BOMBS[name]!(), ...rest]);
    writeFileSync(path, bytes);
    const output = Object.keys(OUTPUTS)[Object.keys(BOMBS).indexOf(name) % 3]!;
    const before = usedBytes();
    let most = 0;
    show(path, output, () => {
      most = Math.max(most, usedBytes() - before);
    });
    expect(most).toBeLessThan(bytes.length + (100 << 20));
  },
  300_000,
);
