/** A reader that was written from docs/recording.md alone finds in a recording what `ipft show -o json` does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JourneyPacket } from '../../src/base/packet.js';
import { Recording } from '../../src/recording/recording.js';
import { KernelRings, type KernelRingsOptions } from '../support/kernel-rings.js';
import { createFields, record, showText } from '../support/recorded.js';
import { createHeader } from '../support/trace-header.js';

const READER = fileURLToPath(new URL('reader.py', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-reader-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The same as the reader says it: addresses and length, first and last. */
const packetOf = ({ first, last }: JourneyPacket) =>
  [first, last].map(({ network, lengthBytes }) =>
    network?.kind === 'ipv4' ? [network.source, network.destination, lengthBytes] : [],
  );

/** Lines in an order of their own, without what the reader does not say: names of sockets, and lost partners. */
function comparable(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { family, protocol, socket, partner, ipft, ...rest } = JSON.parse(line);
      if (ipft?.packet) rest.packet = packetOf(ipft.packet);
      if (ipft) Object.assign(rest, { sender: ipft.sender, receiver: ipft.receiver });
      return JSON.stringify(Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))));
    })
    .sort();
}

async function compare(path: string): Promise<string[]> {
  using recording = Recording.open(path);
  const shown = comparable(await showText(recording, 'json'));
  const read = comparable(execFileSync('python3', [READER, path], { encoding: 'utf8', maxBuffer: 1 << 28 }));
  // The first of them only: all would be too many to read.
  expect(read.filter((line, index) => line !== shown[index]).slice(0, 3)).toEqual([]);
  expect(shown.length).toBe(read.length);
  return read;
}

const RINGS = { ringBytes: 1 << 16, endsBytes: 1 << 13, eventsPerJourney: 6, isVaried: true };
const fields = createFields(24, (b) => [
  { name: 'len', type: b.typedef('__u32', b.int('unsigned int', 4)), offset: 0 },
  { name: 'low', type: b.int('signed char', 1, 1), offset: 4 },
  { name: 'mark', type: b.int('unsigned short', 2), offset: 6, tag: 'hex' },
  { name: 'isLast', type: b.int('_Bool', 1, 4), offset: 8 },
]);

test.each<readonly [string, Partial<KernelRingsOptions>, boolean, boolean]>([
  ['entries', {}, false, false],
  ['snapshots', { hasSnapshots: true }, false, true],
  ['processes', { hasProcesses: true }, false, false],
  ['processes and snapshots', { hasProcesses: true, hasSnapshots: true, packets: 40 }, false, true],
  ['returns, compressed', { hasReturns: true }, false, true],
  ['fields', { packets: 40 }, true, false],
  ['fields of returns', { hasReturns: true, packets: 40 }, true, true],
])('reader.py: %s, with losses and misses', async (name, rings, hasFields, deflates) => {
  const some = hasFields ? { fields } : {};
  const kernel = new KernelRings({ ...RINGS, dataBytes: hasFields ? fields.dataBytes : 0, ...rings });
  const header = {
    ...createHeader(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, module: 'vmlinux' }))),
    ...{ ...some, tracer: rings.hasReturns ? ('function_graph' as const) : ('function' as const) },
    findGroup: (id: bigint) =>
      id === 2000n
        ? { path: '/blue', container: { id: 'c0ffee', name: undefined }, unit: 'blue.service', pod: 'one/two' }
        : { path: '/red' },
    names: { reason: (reason: number) => `REASON_${reason}`, symbol: (address: bigint) => `symbol_${address}` },
  };
  const happen = (round: number) => {
    if (round % 4 === 3) kernel.fill();
    else kernel.happen(round * 40);
    kernel.ns += (round % 3) * 80_000_000;
    if (round % 6 === 5) kernel.misses++;
  };
  const path = join(dir, name);
  writeFileSync(path, record(kernel, header, happen, { ...some, deflates }));
  const lines = await compare(path);
  expect(lines.length).toBeGreaterThan(2000);
  expect(kernel.truth.lostEvents).toBeGreaterThan(0);
});

/** The other one has fields that are no integers. */
test.each(['function', 'graph', 'graph-fields'])('reader.py: tests/recordings/v1/%s.ipft', async (name) => {
  const path = fileURLToPath(new URL(`../recordings/v1/${name}.ipft`, import.meta.url));
  const lines = await compare(path);
  expect(lines.filter((line) => line.includes('"outcome":"dropped"'))).toHaveLength(1);
});
