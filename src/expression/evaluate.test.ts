import { expect, test } from 'vitest';
import { ExpressionError } from '../base/expression-error.js';
import { compileRecorded } from './evaluate.js';
import { parseExpression } from './parse.js';

const FIELDS = ['len', 'mark', 'name', 'saddr', 'state', 'big', 'list', 'pair', 'gone', 'up'];
const event = {
  fields: {
    ...{ len: 1500, mark: '0x30', name: 'eth0', saddr: '10.0.0.1', state: 'UP', big: 1n << 63n, list: [1, 2, 3] },
    ...{ pair: { a: 7, b: 'x' }, up: true },
  },
  func: 'ip_rcv',
  cpu: 3,
  now: 123n,
};
const evaluate = (text: string) =>
  compileRecorded(parseExpression(text), { fields: new Set(FIELDS), hasFacts: true })(event);

test.each<[string, bigint | string | undefined]>([
  ['len', 1500n],
  ['len * 2 - 1', 2999n],
  ['-len / 7', -214n],
  ['mark & 0x10', 16n],
  ['mark == 48', 1n],
  ['name', 'eth0'],
  ['name == "eth0" && len > 1400', 1n],
  ['name != "eth0"', 0n],
  ['name < "z"', undefined],
  ['saddr == ip("10.0.0.1")', 1n],
  ['state == "UP"', 1n],
  ['up', 1n],
  ['big > 0', 1n],
  ['list[1]', 2n],
  ['list[9]', undefined],
  ['list', undefined],
  ['pair.a', 7n],
  ['pair.c', undefined],
  ['len.x', undefined],
  ['gone', undefined],
  ['gone == 0', undefined],
  ['!gone', undefined],
  ['gone || len', 1n],
  ['len || gone', 1n],
  ['gone && !len', 0n],
  ['gone && len', undefined],
  ['len / (len - 1500)', undefined],
  ['1 << 64', undefined],
  ['len ? name : 0', 'eth0'],
  ['func == "ip_rcv" && cpu == 3 && now > 100', 1n],
  ['ETH_P_IP', 2048n],
  ['~0', -1n],
])('%s', (text, value) => {
  expect(evaluate(text)).toBe(value);
});

test.each<[string, RegExp]>([
  ['skb->len', /the recording has no skb/],
  ['lenn', /the recording has no lenn/],
  ['ntohs(len)', /nothing that ntohs\(\) could look at/],
  ['(u32)len', /no types of the kernel/],
  ['sizeof(len)', /no types of the kernel/],
  ['*len', /no memory/],
])('%s is refused with its place', (text, message) => {
  let error: unknown;
  try {
    evaluate(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ExpressionError);
  expect((error as ExpressionError).message).toMatch(message);
  expect((error as ExpressionError).at).toBeDefined();
});
