import { expect, test } from 'vitest';
import { quote } from '../../base/printable.js';
import { type Compile, compileExpression } from './expression.js';

const program = (...codes: [number, number, number, number][]) => {
  const bytes = Buffer.alloc(codes.length * 8);
  for (const [index, [code, jt, jf, k]] of codes.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  }
  return { program: new Uint8Array(bytes) };
};
const ALL = program([0x06, 0, 0, 65535]);
const always = (result: ReturnType<Compile>) => () => result;

test('compileExpression: what libpcap must not get', () => {
  const refuses = (text: string) => expect(() => compileExpression(text, always(ALL)));
  refuses('').toThrow('the expression is empty');
  refuses(' \n').toThrow('the expression is empty');
  refuses('tcp é').toThrow("the expression has 'é' at character 5");
  refuses('tcp\0').toThrow(/^the expression has '\\x00' at character 4$/);
  refuses('x\ufffd').toThrow('the expression has bytes that are no UTF-8 at character 2');
  refuses(`${'('.repeat(4000)}ip${')'.repeat(4000)}`).toThrow('it has 8001 words, and may have 500');
  refuses('x'.repeat(65537)).toThrow('it has 65537 characters, and may have 65536');
});

test('compileExpression: programs that an skb can not answer', () => {
  const refuses = (result: ReturnType<Compile>) => expect(() => compileExpression('1', always(result)));
  refuses(program([0x28, 0, 0, 0xfffff004], [0x06, 0, 0, 1])).toThrow(/a direction \(inbound, outbound\)/);
  refuses(program([0x05, 0, 0, 0xfffffffe], [0x06, 0, 0, 1])).toThrow(/needs a loop/);
  refuses(program([0x05, 0, 0, 7], [0x06, 0, 0, 1])).toThrow(/no sound program/);
  refuses(program([0x15, 0, 9, 7], [0x06, 0, 0, 1])).toThrow(/no sound program/);
  refuses(program([0x60, 0, 0, 16], [0x06, 0, 0, 1])).toThrow(/no sound program/);
});

test('compileExpression: one that can never match is a warning', () => {
  const never = { message: 'expression rejects all packets' };
  expect(compileExpression('1', always(never)).warnings).toEqual(["no packet can match '1'"]);
  expect(compileExpression('1', always(program([0x06, 0, 0, 0]))).warnings).toHaveLength(1);
  expect(compileExpression('1', always(ALL)).warnings).toEqual([]);
  // Reached by nothing.
  expect(
    compileExpression('1', always(program([0x05, 0, 0, 1], [0x06, 0, 0, 1], [0x06, 0, 0, 0]))).warnings,
  ).toHaveLength(1);
});

test('quote: on one line, and short', () => {
  expect(quote(' tcp\n port  80')).toBe("'tcp port 80'");
  expect(quote('x'.repeat(100))).toHaveLength(63);
});
