import { expect, test } from 'vitest';
import { countLines } from './names.js';

test('lines are counted as words are broken', () => {
  expect(countLines('', 20)).toBe(1);
  expect(countLines('delivered to TCP', 20)).toBe(1);
  expect(countLines('delivered to AF_INET6 TCP', 20)).toBe(2);
  expect(countLines('x'.repeat(20), 20)).toBe(1);
  expect(countLines('x'.repeat(21), 20)).toBe(2);
  // dropped: | SKB_DROP_REASON_NETF | ILTER_DROP in | nft_do_chain+0x40e
  expect(countLines('dropped: SKB_DROP_REASON_NETFILTER_DROP in nft_do_chain+0x40e', 20)).toBe(4);
});
