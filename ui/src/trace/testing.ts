/** Parts of pages for tests, as docs/page-data.md tells their form. */
import type { PartText } from './read.js';

export interface GivenJourney {
  readonly number: number;
  readonly begin: number;
  /** The number of its events: each is a nanosecond after the one before. */
  readonly count: number;
  /** What else the part says of it. */
  readonly over?: Readonly<Record<string, unknown>>;
}

export interface GivenPart {
  readonly journeys: readonly GivenJourney[];
  /** The names of functions that were not in a part before. */
  readonly functions?: readonly string[];
  /** The function of all events. */
  readonly fn?: number;
}

export const HEAD: PartText = {
  kind: 'head',
  text: JSON.stringify({ format: 'ipft-page', version: 1, began: '0', realtime: '0', hasReturns: false, fields: [] }),
};
const COLUMNS = 12;

/** The journeys of a part, and their details. */
export async function createParts({ journeys, functions = [], fn = 0 }: GivenPart): Promise<readonly PartText[]> {
  const events = journeys.reduce((sum, { count }) => sum + count, 0);
  const facts = journeys.map(({ number, begin, count, over }) => ({
    ...{ journey: number, packet_id: `0x${number}`, outcome: 'delivered', begin, end: begin + count, events: count },
    ...{ count, ...over },
  }));
  const lists = { functions: functions.map((name) => [name, 'vmlinux']), places: [], long: [], journeys: facts };
  const json = new TextEncoder().encode(JSON.stringify(lists));
  const bytes = new Uint8Array(12 + json.length + events * COLUMNS);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, json.length, true);
  view.setUint32(4, events, true);
  view.setUint32(8, COLUMNS, true);
  bytes.set(json, 12);
  const columns = bytes.subarray(12 + json.length);
  let at = 0;
  for (const { count } of journeys) {
    for (let index = 0; index < count; index++, at++) {
      columns[at] = index === 0 ? 0 : 1;
      columns[4 * events + at] = fn;
    }
  }
  const details = journeys.map(({ number }) => ({ snapshots: [], changes: [{ kind: `of ${number}` }] }));
  return [
    { kind: 'journeys', text: await pack(bytes) },
    { kind: 'details', text: await pack(new TextEncoder().encode(JSON.stringify(details))) },
  ];
}

async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join(''));
}
