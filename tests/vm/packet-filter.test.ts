/**
 * Filters that are programs: what they reject leaves nothing. With every backend and tracer, builtin-fields.test.ts has
 * them.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackendName, TracerName } from '../../src/base/method.js';
import { Session } from '../../src/capture/session.js';
import { loadExtension } from '../../src/fields/c/extension.js';
import { combineFields } from '../../src/fields/field-set.js';
import { markFilter } from '../../src/filter/mark.js';
import { ANY_MARK, type PacketFilter } from '../../src/filter/packet-filter.js';
import { BACKENDS } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compiled, example, Network, ROOT, run, until } from './harness.js';
import { CHOSEN_METHODS, HAS_ALL_TESTS, MAIN_METHODS, testMethod } from './kernels.js';

/** Elsewhere what `ipft` chooses without returns is enough: larger programs have had all backends. */
const TRIED = HAS_ALL_TESTS
  ? MAIN_METHODS
  : MAIN_METHODS.filter((method) => method === CHOSEN_METHODS.find((one) => one.endsWith(' function')));
/** For what each kernel's verifier has had in larger programs, and our side does alike. */
const CHOSEN = HAS_ALL_TESTS ? CHOSEN_METHODS : [];

let network: Network;
let object: { name: string; bytes: Uint8Array };
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  object = { name: 'long-frames', bytes: readFileSync(compiled(join(ROOT, 'tests/vm/filters/long-frames.bpf.c'))) };
});
afterAll(() => network?.[Symbol.dispose]());

/** In the order in which a ping passes them, there and back. The first and the last see it without its Ethernet header. */
const FUNCTIONS = ['ip_output', 'dev_hard_start_xmit', 'ip_rcv', 'icmp_rcv', 'kfree_skbmem'];

/** What came of the pings of some sizes, while a session with the filter was attached. */
async function pingWith(filter: PacketFilter, method: string, options: { follow?: boolean; extension?: string } = {}) {
  const [name, tracer] = method.split(' ') as [BackendName, TracerName];
  const backend = BACKENDS.find((one) => one.name === name)!;
  const { targets, deciding } = await loadTargets(backend, {
    functionPattern: { regExp: new RegExp(`^(${FUNCTIONS.join('|')})$`), text: '' },
  });
  const fields = combineFields(options.extension === undefined ? [] : [await loadExtension([options.extension])]);
  using session = await Session.open({
    ...{
      backend,
      tracer,
      targets,
      deciding,
      packets: filter,
      samplePeriod: 1,
      snaplen: 0,
      who: false,
      follow: options.follow ?? false,
    },
    ...{ ringSizeBytes: 1 << 20, fields },
  });
  await session.attach(new AbortController().signal);
  const seen = { began: 0, ended: 0, functions: [] as string[] };
  const read = () =>
    session.read({
      began: () => void seen.began++,
      event: ({ target, isReturn }) => void (isReturn || seen.functions.push(targets[target]?.name ?? '')),
      ended: () => void seen.ended++,
      moved: () => {},
      snapshot: () => {},
      process: () => {},
    });
  const ping = (bytes: number) =>
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c1', '-W300', '-m47', `-s${bytes}`, '10.11.0.2']);
  ping(56);
  ping(1199);
  read();
  const afterShort = { ...seen, functions: [...seen.functions], ...session.countFollowed() };
  ping(1200);
  await until(() => {
    read();
    return seen.ended > 0 && seen.ended === seen.began;
  }, 'the end of what began');
  const followed = session.countFollowed();
  await session.release();
  return { afterShort, ...seen, followed };
}

const NOTHING = { began: 0, ended: 0, functions: [], packets: 0, leftOut: 0 };

describe('a filter without a mark', () => {
  const filter: PacketFilter = { mark: ANY_MARK, compile: () => object };
  for (const method of TRIED) {
    testMethod(method, 'only what it wants has journeys, from where it wants it until it is freed', async () => {
      const { afterShort, functions, began } = await pingWith(filter, method, { follow: true });
      expect(afterShort).toEqual(NOTHING);
      // The request and its answer.
      expect(began).toBeGreaterThanOrEqual(2);
      expect(functions[0]).toBe('dev_hard_start_xmit');
      for (const name of FUNCTIONS.slice(1)) expect(functions).toContain(name);
      expect(functions.filter((name) => name === 'dev_hard_start_xmit')).toHaveLength(2);
      expect(functions).not.toContain('ip_output');
    });
  }
});

/** It is compiled for the kernel that runs. */
const withMark: PacketFilter = { ...markFilter(47, 0xffffffff), compile: () => object };
for (const method of CHOSEN) {
  testMethod(
    method,
    'a filter with a mark: both must hold where a journey begins; with follow neither afterwards',
    async () => {
      const { afterShort, functions } = await pingWith(withMark, method, {
        ...{ follow: true, extension: example('skb-len.bpf.c') },
      });
      expect(afterShort).toEqual(NOTHING);
      // The answer has no mark, and the namespace that the request comes to takes its mark away.
      expect(functions.slice(0, 3)).toEqual(['dev_hard_start_xmit', 'ip_rcv', 'icmp_rcv']);
      expect(functions.filter((name) => name === 'dev_hard_start_xmit')).toHaveLength(1);
    },
  );
}
