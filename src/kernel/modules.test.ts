import { expect, test } from 'vitest';
import { parseModules } from './modules.js';

test('parseModules: name, size, state and address, in the order of the kernel', () => {
  const text = [
    'veth 45056 0 - Live 0x0000000000000000',
    'nf_tables 385024 2 nft_compat,nft_chain_nat, Unloading 0xffffffffc0a00000',
    'bridge 421888 1 br_netfilter, Loading 0xffffffffc0900000 (OE)',
    '',
  ].join('\n');
  expect(parseModules(text)).toEqual([
    { name: 'veth', size: '45056', state: 'Live', address: '0x0000000000000000' },
    { name: 'nf_tables', size: '385024', state: 'Unloading', address: '0xffffffffc0a00000' },
    { name: 'bridge', size: '421888', state: 'Loading', address: '0xffffffffc0900000' },
  ]);
  expect(parseModules('')).toEqual([]);
});
