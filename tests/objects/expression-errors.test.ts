/** Expressions that libpcap refuses, or that it would ask name servers about. */
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/option-table.js';
import { compileExpression, compileInner, DLT_EN10MB } from '../../src/filter/pcap/expression.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';

test.each([
  ['tcp port 80 and', /syntax error, at its end$/],
  ['tcp)', /^libpcap refuses 'tcp\)': .*syntax error, at character 4$/],
  ['tcp port 80 or 443 udp', /syntax error, at character 20$/],
  ['net 10.0.0.1/8', /non-network bits set/],
  ['1 / 0 = 1', /division by zero/],
  ['ip broadcast', /netmask not known/],
  ['ifname eth0', /ifname/],
  ['inbound', /a direction/],
  ['tcp[-1] = 0', /an offset before its first byte/],
  ['ip protochain 6', /needs a loop/],
  ['host foo.example', /^'foo.example' in 'host foo.example', at character 6, is no word of pcap-filter, and names/],
  ['src example', /names are not resolved/],
  ['port 80 and not host \\tcp', /names are not resolved/],
  ['ether host example', /names are not resolved/],
  ['tcp prot 80', /^'prot' in 'tcp prot 80', at character 5/],
])('%s', (text, message) => {
  expect(() => compileExpression(text, compileWithLibpcap)).toThrow(message);
});

test('messages name the inner expression', () => {
  for (const [text, message] of [
    ['', /^the inner expression: the expression is empty$/],
    ['tcp)', /^the inner expression: libpcap refuses 'tcp\)': .*syntax error, at character 4$/],
    ['host foo.example', /^the inner expression: 'foo.example' in /],
  ] as const) {
    expect(() => compileInner(text, compileWithLibpcap)).toThrow(message);
  }
  const never = "the inner expression: no packet can match 'arp and tcp'";
  expect(compileInner('arp and tcp', compileWithLibpcap).warnings).toEqual([never]);
});

test.each([
  'port domain or ssh',
  'ip proto \\tcp',
  'host 2001:db8::1',
  'ether host 02:00:00:00:00:01',
  'net 10',
  'llc i',
  'llc rr or llc disc',
])('%s has no name of a host', (text) => {
  expect(compileExpression(text, compileWithLibpcap).warnings).toEqual([]);
});

test('one that no packet matches', () => {
  expect(compileExpression('arp and tcp', compileWithLibpcap).warnings).toEqual(["no packet can match 'arp and tcp'"]);
});

test.each(COMMANDS.map(({ name }) => name))('the command %s is no expression', (name) => {
  expect(compileWithLibpcap(name, DLT_EN10MB)).toHaveProperty('message');
});
