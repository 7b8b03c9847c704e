import { expect, test } from 'vitest';
import { NO_PACKETS } from '../filter/packet-query.js';
import { describeSilence, type SilenceFacts } from './silence.js';

const facts = (over: Partial<SilenceFacts> = {}) =>
  describeSilence({
    ...{
      packets: { ...NO_PACKETS, mark: 0x2a },
      functions: 3,
      followed: { packets: 0, leftOut: 0 },
      samplePeriod: 1,
      isCounting: false,
    },
    ...{ counted: { functions: 3, calls: 0n, milliseconds: 0 }, rules: [] },
    ...over,
  });

test('describeSilence: what was seen of packets and calls, and what to do; nothing that is not known', () => {
  expect(facts()[0]).toBe('no packet with mark 0x2a was seen');
  expect(facts().join()).not.toMatch(/counted|called/);
  expect(facts({ packets: { ...NO_PACKETS, mark: 0x2a, mask: 0xff } })[0]).toBe(
    'no packet with mark 0x2a under mask 0xff was seen',
  );
  const counted = (functions: number, calls: bigint) => facts({ counted: { functions, calls, milliseconds: 1234 } })[1];
  expect(counted(3, 17n)).toBe(
    'in 1.2 s that were counted the 3 traced functions were called 17 times: by other packets',
  );
  expect(counted(2, 1n)).toBe(
    'in 1.2 s that were counted 2 of the 3 traced functions were called 1 time: by other packets',
  );
  expect(counted(3, 0n)).toBe(
    'in 1.2 s that were counted no packet at all passed the 3 traced functions: was anything sent?',
  );
  expect(counted(0, 0n)).toMatch(/^ipft mark-help/);
  expect(facts().at(-2)).toMatch(/^ipft mark-help .*docs\/marking\.md/);
});

test('describeSilence: whether rules match', () => {
  const rules = [
    { namespace: undefined, rules: [{ chain: 'inet t sent', packets: 0 }] },
    {
      namespace: 'a\x1b',
      rules: [
        { chain: 'ip t out', packets: 2 },
        { chain: 'ip t in', packets: undefined },
      ],
    },
  ];
  expect(facts({ rules }).slice(1, 3)).toEqual([
    'the rule of nftables in inet t sent has matched no packet since it was made',
    'the rule of nftables in ip t out, in the namespace a\\x1b, has matched 2 packets since it was made',
  ]);
  expect(facts({ rules }).at(-1)).toMatch(/^ipft mark-help/);
});

test('describeSilence: packets that were seen elsewhere, or left out', () => {
  const followed = { packets: 5, leftOut: 0 };
  expect(facts({ followed })[0]).toBe('packets with mark 0x2a were seen, but none passed the 3 traced functions');
  expect(facts({ followed, functions: 1 })[0]).toMatch(/none passed the traced function$/);
  expect(facts({ followed: { packets: 5, leftOut: 1 } })[0]).toMatch(/the extension left out all of their events$/);
  expect(facts({ followed: { packets: 5, leftOut: 1 }, isCounting: true })[0]).toMatch(
    /not all values .* could be had$/,
  );
  expect(facts({ followed, samplePeriod: 9 })[0]).toMatch(/but --perf-sample-period 9 left out all of their events$/);
});
