/** Recordings of real packets, shown to a user without privileges from whom the kernel is hidden. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compiled,
  extension,
  type Finished,
  ipft,
  ipftWithoutKernel,
  Network,
  NOBODY,
  recordWhile,
  splitJson,
} from './harness.js';
import { HAS_ALL_TESTS, KERNEL } from './kernels.js';

const MARK = 0x5e;
const PINGS = 3;
/** Of each packet's way, a function that it passes at its beginning, in the middle and at its end. */
const WAY = ['ip_output', 'dev_hard_start_xmit', 'ip_rcv'];

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-record-'));
  chownSync(dir, NOBODY, NOBODY);
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A recording holds what a trace shows, whose returns other tests have on all kernels. */
const WAYS: readonly (readonly [string, readonly string[]])[] = [
  ['function', ['-t', 'function']],
  ...(HAS_ALL_TESTS ? ([['function_graph, compressed', ['-t', 'function_graph', '--compress']]] as const) : []),
];

// Without reasons of drops, and with them.
describe.skipIf(!HAS_ALL_TESTS && KERNEL.hasDropReasons).each(WAYS)('%s', (name, options) => {
  let file: string;
  let recorded: Finished;
  let shown: Finished;

  beforeAll(async () => {
    file = join(dir, name);
    const args = ['-m', String(MARK), '--follow', '-r', `^(${WAY.join('|')})$`];
    recorded = await recordWhile(file, [...args, '-e', compiled(extension('kinds.bpf.c')), ...options], () => {
      network.ping(MARK, { count: PINGS, bytes: 100 });
      network.sendInVain('10.11.0.2', MARK, 200);
      network.send('tcp', '10.11.0.2', MARK, 300);
    });
    chownSync(file, NOBODY, NOBODY);
    shown = ipftWithoutKernel('show', file, '-o', 'json');
  });

  test('all that was recorded is shown', () => {
    expect(recorded.status).toBe(0);
    expect(shown.status).toBe(0);
    const { journeys, events } = splitJson(shown.stdout);
    const ended = journeys.filter(({ outcome }) => outcome !== 'alive');
    expect(recorded.stderr).toContain(`${ended.length} journeys ended; ${events.length} events; `);
    // Releasing says how far it is where it takes long.
    const losses = ({ stderr }: Finished) => /^(Nothing was lost|Every event found room).*$/m.exec(stderr)?.[0];
    expect(losses(recorded)).toBeDefined();
    expect(losses(shown)).toBe(losses(recorded));
    expect(journeys.filter(({ gap }) => gap)).toEqual([]);
  });

  test('functions, fields, places and outcomes are those of the packets', () => {
    const { journeys, events } = splitJson(shown.stdout);
    const inode = (namespace: string) => Number(execFileSync('stat', ['-Lc', '%i', `/run/netns/${namespace}`]));
    const [here, there] = [inode(network.here), inode(network.there)];
    const eventsOf = (journey: number, isReturn = false) =>
      events.filter((event) => event['journey'] === journey && event['is_return'] === isReturn);
    const pings = journeys.filter(({ outcome }) => outcome === 'consumed').slice(0, PINGS);
    expect(pings).toHaveLength(PINGS);
    for (const { journey } of pings) {
      const its = eventsOf(journey);
      expect(its.map((event) => event['function'])).toEqual(WAY);
      expect(its.map(({ netns, len, mark, protocol }) => ({ netns, len, mark, protocol }))).toEqual([
        { netns: here, len: 128, mark: '0x5e', protocol: 'IPV4' },
        { netns: here, len: 142, mark: '0x5e', protocol: 'IPV4' },
        // The mark is cleared on the way to another namespace.
        { netns: there, len: 128, mark: '0x0', protocol: 'IPV4' },
      ]);
      expect(its[0]?.['destructor']).toBe('sock_wfree');
      expect(its.at(-1)?.['device']).toBe('veth-b');
      if (options.includes('function_graph')) {
        expect(eventsOf(journey, true).map((event) => event['function'])).toEqual(
          expect.arrayContaining(['ip_output', 'ip_rcv']),
        );
      }
    }
    const dropped = journeys.filter(({ outcome }) => outcome === 'dropped');
    expect(dropped).toEqual([
      expect.objectContaining({ ended_in: expect.stringMatching(/^(__udp4_lib_rcv|udp_rcv)\+0x/) }),
    ]);
    expect(dropped[0]?.reason).toBe(KERNEL.hasDropReasons ? 'SKB_DROP_REASON_NO_SOCKET' : null);
    expect(eventsOf(dropped[0]?.journey ?? 0).map((event) => event['len'])).toEqual([228, 242, 228]);
    const delivered = journeys.filter(({ outcome, protocol }) => outcome === 'delivered' && protocol === 'TCP');
    expect(delivered.length).toBeGreaterThanOrEqual(2);
    expect(delivered[0]).toMatchObject({ family: 'AF_INET', reason: null, gap: false });
  });

  if (name !== 'function' || !HAS_ALL_TESTS) return;

  test('whoever shows it, in whatever form, sees the same', () => {
    expect(ipft('show', file, '-o', 'json')).toEqual(shown);
    for (const output of ['aggregate', 'paths']) {
      const text = ipftWithoutKernel('show', file, '-o', output).stdout;
      expect(text).toContain(`(${network.here})`);
      expect(text).toContain(`(${network.there})`);
      expect(text).toMatch(KERNEL.hasDropReasons ? /dropped.*NO_SOCKET in / : /dropped in /);
      if (output === 'paths') continue;
      expect(text).toContain('( len: 128 mark: 0x5e protocol: IPV4 destructor: sock_wfree )');
    }
  });
});
