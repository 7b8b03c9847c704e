import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidates, decodeCandidates, encodeCandidates } from './candidates.js';

const facts = { isTraceable: true, isAmbiguous: false, isVariadic: false, returnsStruct: false, structBefore: false };
const candidates: Candidates = {
  modules: [
    {
      module: 'vmlinux',
      functions: ['ip_rcv', 'ip_output.cold'].map((name, index) => ({
        ...facts,
        name,
        id: index + 7,
        position: index,
        parameters: 2,
      })),
    },
    { module: 'nf_tables', functions: [{ ...facts, name: 'nft_do_chain', id: 90_001, position: 0, parameters: 1 }] },
  ],
  unknownModules: [{ module: 'zfs', problem: 'no BTF' }],
};

/** Values that stand where others should. */
const absurd = fc.oneof(
  fc.constantFrom(-1, 0, 0.5, 1e300, 2 ** 31, 2 ** 53, -0.1, null, true, '', 'x', '\x1b[m', 'a\nb', '../x', [], {}, [
    [],
  ]),
  fc.string(),
  fc.integer(),
  fc.double(),
);

/** All places in a value. */
function places(value: unknown): { holder: Record<string, unknown>; key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...places(holder[key])]);
}

test('decodeCandidates: whatever is damaged, what it gives is what a kernel could have', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), absurd), { minLength: 1, maxLength: 3 }), (changes) => {
      const kept = JSON.parse(JSON.stringify(encodeCandidates(candidates))) as unknown;
      for (const [index, value] of changes) {
        const all = places(kept);
        const place = all[index % Math.max(1, all.length)];
        if (place) place.holder[place.key] = structuredClone(value);
      }
      const decoded = decodeCandidates(kept);
      for (const { module, functions } of decoded?.modules ?? []) {
        expect(module).toMatch(/^[\w.$-]+$/);
        for (const { name, id, position, parameters } of functions) {
          expect(name).toMatch(/^[\w.$-]+$/);
          expect(Number.isInteger(id) && id > 0 && id < 2 ** 20).toBe(true);
          expect(Number.isInteger(position) && position >= 0 && position < parameters).toBe(true);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

type Kept = { modules: unknown[][][] };
test.each<[string, (kept: Kept) => unknown]>([
  ['a position that is negative', (kept) => (kept.modules[0]![3]![0] = -1)],
  ['a position behind the last parameter', (kept) => (kept.modules[0]![3]![0] = 2)],
  ['a position that is a fraction', (kept) => (kept.modules[0]![3]![1] = 0.5)],
  ['an id that is negative', (kept) => (kept.modules[0]![2]![0] = -7)],
  ['an id that is huge', (kept) => (kept.modules[0]![2]![0] = 1e9)],
  ['flags that there are not', (kept) => (kept.modules[0]![5]![0] = 32)],
  ['a name that is there twice', (kept) => (kept.modules[0]![1]![1] = 'ip_rcv')],
  ['a module that is there twice', (kept) => (kept.modules[1]![0] = 'vmlinux' as never)],
  ['a name that is none', (kept) => (kept.modules[0]![1]![0] = 'ip rcv')],
])('decodeCandidates: %s is refused', (_, damage) => {
  const kept = JSON.parse(JSON.stringify(encodeCandidates(candidates)));
  expect(decodeCandidates(kept)).toEqual(candidates);
  damage(kept);
  expect(decodeCandidates(kept)).toBeUndefined();
});
