import { expect, test } from 'vitest';
import { parseMarkRules } from './mark-rules.js';

const ALL = 0xffffffff;
const rule = (chain: string, ...expr: unknown[]) => ({
  rule: { family: 'inet', table: 'ipft_2a', chain, handle: 3, expr },
});
const set = (value: unknown, key = 'mark') => ({ mangle: { key: { meta: { key } }, value } });
const masked = (kept: number, bits: number) => set({ '|': [{ '&': [{ meta: { key: 'mark' } }, kept] }, bits] });
const counter = (packets: number) => ({ counter: { packets, bytes: packets * 84 } });
const parse = (entries: unknown[], mark: number, mask: number) =>
  parseMarkRules(JSON.stringify({ nftables: [{ metainfo: { version: '1.1.3' } }, ...entries] }), mark, mask);

test('parseMarkRules: rules that set the mark, with their counters; no others', () => {
  const rules = [
    rule('sent', { match: { op: '==' } }, counter(7), set(0x2a)),
    rule('came', set(0x2a)),
    rule('other', counter(1), set(0x2b)),
    rule('priority', counter(1), set(0x2a, 'priority')),
    rule('restored', counter(1), set({ ct: { key: 'mark' } })),
    { chain: { family: 'inet', table: 'ipft_2a', name: 'sent' } },
  ];
  expect(parse(rules, 0x2a, ALL)).toEqual([
    { chain: 'inet ipft_2a sent', packets: 7 },
    { chain: 'inet ipft_2a came', packets: undefined },
  ]);
  expect(parse([rule('high', set(0xdeadbeef))], 0xdeadbeef, ALL)).toHaveLength(1);
});

test('parseMarkRules: under a mask, what is set of its bits counts', () => {
  const rules = [rule('sent', counter(0), masked(0xffffff0f, 0x20)), rule('all', set(0x12f))];
  expect(parse(rules, 0x20, 0xf0)).toEqual([
    { chain: 'inet ipft_2a sent', packets: 0 },
    { chain: 'inet ipft_2a all', packets: undefined },
  ]);
  expect(parse(rules, 0x30, 0xf0)).toEqual([]);
});

test('parseMarkRules: what is no ruleset has no rules', () => {
  for (const text of [
    '',
    '{',
    'null',
    '7',
    '{"nftables":{}}',
    '{"nftables":[null,{"rule":null},{"rule":{"expr":7}}]}',
  ]) {
    expect(parseMarkRules(text, 1, ALL)).toEqual([]);
  }
});
