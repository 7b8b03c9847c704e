import { expect, test } from 'vitest';
import { Assembler, JumpTooFarError, Label } from './assembler.js';

/** The instructions as the kernel's documentation writes them: opcode, registers, offset, immediate. */
const words = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').match(/.{16}/g);

test('Assembler: each instruction as the instruction set has it', () => {
  const asm = new Assembler();
  asm.mov('r1', -1);
  asm.mov32('r2', 0xffffffff);
  asm.alu('add', 'r1', 'r2');
  asm.alu32('lsh', 'r6', 2);
  asm.negate32('r6');
  asm.swap('r3', 16);
  asm.load(1, 'r0', 'r10', -8);
  asm.load(8, 'r5', 'r1', 0x7ff);
  asm.store(4, 'r10', -4, 7);
  asm.store(2, 'r10', -2, 'r9');
  asm.call(113);
  asm.callKernel(0x12345);
  asm.mov64('r7', 0x1122334455667788n);
  asm.exit();
  expect(words(asm.finish())).toEqual([
    'b7010000ffffffff',
    'b4020000ffffffff',
    '0f21000000000000',
    '6406000002000000',
    '8406000000000000',
    'dc03000010000000',
    '71a0f8ff00000000',
    '7915ff0700000000',
    '620afcff07000000',
    '6b9afeff00000000',
    '8500000071000000',
    '8520000045230100',
    '1807000088776655',
    '0000000044332211',
    '9500000000000000',
  ]);
  expect(asm.length).toBe(15);
});

test('Assembler: jumps lead forward and back', () => {
  const asm = new Assembler();
  const [begin, end] = [new Label(), new Label()];
  asm.place(begin);
  asm.jumpIf('r1', 's>', 'r2', end);
  asm.jumpIf32('r6', '==', 0x80000000, end);
  asm.goto(begin);
  asm.place(end);
  asm.exit();
  expect(words(asm.finish())).toEqual(['6d21020000000000', '1606010000000080', '0500fdff00000000', '9500000000000000']);
});

test('Assembler: what can not be encoded is refused', () => {
  const far = new Assembler();
  const label = new Label();
  far.goto(label);
  for (let count = 0; count < 0x8000; count++) far.exit();
  far.place(label);
  expect(() => far.finish()).toThrow(JumpTooFarError);
  const asm = new Assembler();
  expect(() => asm.load(8, 'r1', 'r2', 0x8000)).toThrow(RangeError);
  expect(() => asm.mov('r1', 2 ** 32)).toThrow(RangeError);
  expect(() => far.place(label)).toThrow(/only once/);
  asm.goto(new Label());
  expect(() => asm.finish()).toThrow(/not placed/);
});
