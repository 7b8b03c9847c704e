/** A page has what JSON has of the same recording: `-o html` writes it, and what the page reads it with reads it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Recording } from '../../src/recording/recording.js';
import { DataError, type PartText, readTrace } from '../../ui/src/trace/read.js';
import { ENTRY_LOST, HAS_FIELDS, IS_RETURN, PACKET_FREED, PARTNER_LOST, type Trace } from '../../ui/src/trace/trace.js';
import { makePage } from '../support/pages.js';
import { showText } from '../support/recorded.js';
import { recordBytes } from '../support/recordings.js';

const FOLDER = fileURLToPath(new URL('../recordings/v1', import.meta.url));
const FRAME = { before: '<html>', after: '</html>' };
const PART = /<script type="application\/ipft" data-part="(\w+)">([^<]*)<\/script>\n/g;

const directory = mkdtempSync(join(tmpdir(), 'ipft-page-'));
afterAll(() => rmSync(directory, { recursive: true }));

function openBytes(bytes: Uint8Array): Recording {
  const path = join(directory, 'trace.ipft');
  writeFileSync(path, bytes);
  return Recording.open([path]);
}

async function showPage(recording: Recording): Promise<string> {
  return showText(recording, 'html', { page: { frame: FRAME, header: recording.header } });
}

function partsOf(page: string): PartText[] {
  return [...page.matchAll(PART)].map(([, kind = '', text = '']) => ({ kind, text }));
}

/** All that JSON says of a trace, made of what the page has. */
async function toLines(trace: Trace) {
  const { head, events, functions, places, journeys } = trace;
  const lines: Record<string, unknown>[] = [];
  for (const journey of journeys) {
    const { fields } = await trace.details(journey);
    for (let at = journey.first; at < journey.first + journey.count; at++) {
      const flags = events.flags[at]!;
      const { name, module } = functions[events.fn[at]!]!;
      const { netns, device } = places[events.place[at]!]!;
      const isReturn = (flags & IS_RETURN) !== 0;
      const isLost = (flags & (PARTNER_LOST | ENTRY_LOST)) !== 0;
      const own = fields?.[at - journey.first];
      expect(own !== undefined && own !== 0).toBe((flags & HAS_FIELDS) !== 0);
      lines.push({
        ...{
          packet_id: journey.packetId,
          timestamp: Number(head.began) + events.time[at]!,
          processor_id: events.cpu[at],
        },
        ...{ module, function: name, is_return: isReturn },
        ...(isReturn ? { duration_ns: events.sinceEntry[at] } : {}),
        ...(isLost ? { partner: 'lost' } : {}),
        ...((flags & PACKET_FREED) !== 0 ? { skb_freed: true } : {}),
        ...{ journey: journey.number },
        ...(netns === 0 ? {} : { netns }),
        ...(device === '' ? {} : { device }),
        ...(own || {}),
      });
    }
  }
  return lines;
}

/** JSON's lines: events by journey, and journeys. */
async function readJson(recording: Recording) {
  const lines = (await showText(recording, 'json'))
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
  const journeys = lines.filter(({ type }) => type === 'journey');
  const order = new Map(
    [...journeys]
      .sort((a, b) => Number(a['begin']) - Number(b['begin']) || Number(a['journey']) - Number(b['journey']))
      .map(({ journey }, index) => [journey, index]),
  );
  const events = lines.filter(({ type }) => type !== 'journey');
  return {
    journeys,
    events: events.sort((a, b) => order.get(a['journey'])! - order.get(b['journey'])!),
  };
}

const KEPT = readdirSync(FOLDER).filter((name) => name.endsWith('.ipft'));
const FILES: [string, () => Buffer][] = [
  ...KEPT.map((name): [string, () => Buffer] => [name, () => readFileSync(join(FOLDER, name))]),
  ['made', () => recordBytes({ events: 3000, hasFields: true })],
  ['one event', () => recordBytes({ events: 1 })],
];

describe.each(FILES)('%s', (_name, read) => {
  test('the page has the events and journeys of JSON', async () => {
    using forPage = openBytes(read());
    using forJson = openBytes(read());
    const trace = await readTrace(partsOf(await showPage(forPage)));
    const json = await readJson(forJson);
    expect(trace.problem).toBeUndefined();
    expect(await toLines(trace)).toEqual(json.events);
    const shown = json.journeys.filter(({ events }) => events !== 0);
    expect(trace.journeys).toHaveLength(shown.length);
    for (const line of shown) {
      const journey = trace.find(Number(line['journey']))!;
      expect({
        ...{ packet_id: journey.packetId, parent: journey.parent ?? null, outcome: journey.outcome },
        ...{ reason: journey.reason ?? null, ended_in: journey.endedIn ?? null, events: journey.events },
        ...{ begin: Number(trace.head.began) + journey.begin, end: Number(trace.head.began) + journey.end },
        ...{ gap: journey.hasGap, lost: journey.lost },
      }).toEqual({
        ...{ packet_id: line['packet_id'], parent: line['parent'], outcome: line['outcome'], reason: line['reason'] },
        ...{ ended_in: line['ended_in'], events: line['events'], begin: line['begin'], end: line['end'] },
        ...{ gap: line['gap'], lost: line['lost'] ?? 0 },
      });
    }
  });
});

describe('what is cut or damaged', () => {
  const parts = async (): Promise<PartText[]> => {
    using recording = openBytes(recordBytes({ events: 200_000 }));
    return partsOf(await showPage(recording));
  };

  test('shows what came before, and says so', async () => {
    const whole = await parts();
    const kinds = whole.map(({ kind }) => kind);
    expect(kinds.slice(0, 3)).toEqual(['head', 'journeys', 'details']);
    expect(kinds.filter((kind) => kind === 'journeys').length).toBeGreaterThan(2);
    const { events } = await readTrace(whole);
    const cut = await readTrace(whole.slice(0, 3));
    expect(cut.problem).toMatch(/cut short/);
    expect(cut.events.count).toBeGreaterThan(0);
    expect(cut.events.count).toBeLessThan(events.count);
    const damaged = whole.map((part, index) => (index === 3 ? { ...part, text: part.text.slice(0, 1000) } : part));
    const half = await readTrace(damaged);
    expect(half.problem).toMatch(/damaged/);
    expect(half.events.count).toBe(cut.events.count);
  });

  test('is an error where there is no trace, or one of another form', async () => {
    const [head, ...rest] = await parts();
    await expect(readTrace([])).rejects.toThrow(DataError);
    await expect(readTrace(rest)).rejects.toThrow(/no trace/);
    const other = { kind: 'head', text: head!.text.replace('"version":1', '"version":2') };
    await expect(readTrace([other, ...rest])).rejects.toThrow(/version 2/);
  });
});

test('events whose fields are computed may have none', async () => {
  for (const [field, expected] of [
    ['n', [{ n: 0 }, { n: 1 }]],
    ['', [{}, {}]],
  ] as const) {
    const calls = [0, 10].map((at) => ({ fn: 'ip_rcv', at }));
    const page = Buffer.concat([...makePage({ journeys: [{ begin: 0, calls }], field })]).toString();
    const trace = await readTrace(partsOf(page));
    expect((await trace.details(trace.journeys[0]!)).fields).toEqual(expected);
  }
});
