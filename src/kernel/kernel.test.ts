import { expect, test } from 'vitest';
import { EnvironmentError } from '../base/errors.js';
import { createSymbolWriter } from '../base/symbol-writer.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseSymbolAddresses, parseTraceableFunctions } from './functions.js';
import { parseLockdown } from './lockdown.js';
import { checkPrivileges, parseCapabilities } from './privileges.js';

test('parseTraceableFunctions: sorts names by module and counts equal ones', () => {
  const functions = parseTraceableFunctions(
    'ip_rcv\nreg_vif_xmit\nreg_vif_xmit\nveth_xmit [veth]\nbr_\\x [bridge]\nlast',
  );
  expect([...(functions.get('vmlinux') ?? [])]).toEqual([
    ['ip_rcv', 1],
    ['reg_vif_xmit', 2],
    ['last', 1],
  ]);
  expect(functions.get('veth')?.get('veth_xmit')).toBe(1);
  expect(parseTraceableFunctions('').get('vmlinux')?.size).toBe(0);
});

test('parseSymbolAddresses: finds functions of kernel and modules, not data', () => {
  const text = [
    'ffffffff81000000 T ip_rcv',
    'ffffffff82000000 D ip_rcv_data',
    'ffffffff81000010 t static_one',
    'ffffffffc0000020 t veth_xmit\t[veth]',
    'ffffffffc0000030 t ip_rcv\t[other]',
  ].join('\n');
  const wanted = new Map([
    ['vmlinux', new Set(['ip_rcv', 'static_one', 'ip_rcv_data'])],
    ['veth', new Set(['veth_xmit'])],
  ]);
  expect(parseSymbolAddresses(text, wanted)).toEqual([
    { module: 'vmlinux', name: 'ip_rcv', address: 0xffffffff81000000n },
    { module: 'vmlinux', name: 'static_one', address: 0xffffffff81000010n },
    { module: 'veth', name: 'veth_xmit', address: 0xffffffffc0000020n },
  ]);
});

test('parseLockdown: takes the level in brackets', () => {
  expect(parseLockdown('none [integrity] confidentiality\n')).toBe('integrity');
  expect(parseLockdown('[none] integrity confidentiality\n')).toBe('none');
  expect(parseLockdown('')).toBe('unknown');
});

test('checkPrivileges: root or CAP_BPF with CAP_PERFMON; names what is missing', () => {
  const status = (bits: bigint) => `Name:\tnode\nCapEff:\t${bits.toString(16).padStart(16, '0')}\n`;
  checkPrivileges(parseCapabilities(status(1n << 21n)));
  checkPrivileges(parseCapabilities(status((1n << 38n) | (1n << 39n))));
  expect(() => checkPrivileges(parseCapabilities(status(1n << 39n)))).toThrow(/: CAP_PERFMON is missing/);
  expect(() => checkPrivileges(parseCapabilities(status(0n)))).toThrow(EnvironmentError);
  expect(() => parseCapabilities('')).toThrow('/proc/self/status is not what the kernel shows there');
});

test('createSymbolWriter: name and offset of functions and data; numbers for what lies in no symbol', () => {
  const text = [
    '0000000000000000 A fixed_percpu_data',
    'ffffffff81000000 T _stext',
    'ffffffff81000000 T second_of_that_address',
    'ffffffff81000040 t ip_rcv',
    'ffffffff82000000 D init_net',
    'ffffffffc0000020 t veth_xmit\t[veth]',
    '',
  ].join('\n');
  const name = (address: bigint, symbols = text) => {
    const out = new TextBuffer();
    createSymbolWriter(symbols)(out, Number(address & 0xffffffffn), Number(address >> 32n));
    return out.takeText();
  };
  expect(name(0xffffffff81000040n)).toBe('ip_rcv');
  expect(name(0xffffffff81000050n)).toBe('ip_rcv+0x10');
  expect(name(0xffffffff8100003fn)).toBe('_stext+0x3f');
  expect(name(0xffffffff82000004n)).toBe('init_net+0x4');
  expect(name(0xffffffffc0000020n)).toBe('veth_xmit');
  expect(name(0xffffffff81fffff0n)).toBe('0xffffffff81fffff0');
  expect(name(0xffff888003c0a500n)).toBe('0xffff888003c0a500');
  expect(name(0n)).toBe('0x0');
  expect(name(0xffffffff81000040n, '0000000000000000 T hidden\n')).toBe('0xffffffff81000040');
});
