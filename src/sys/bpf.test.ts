import { expect, test } from 'vitest';
import { findFunctionStarts } from './bpf.js';

/** An instruction: code, source register, constant. */
const instruction = (code: number, source = 0, constant = 0) => {
  const bytes = Buffer.alloc(8);
  bytes[0] = code;
  bytes[1] = source << 4;
  bytes.writeInt32LE(constant, 4);
  return bytes;
};
const EXIT = instruction(0x95);

test('findFunctionStarts: functions that are called, called back, and neither', () => {
  const program = [
    instruction(0x85, 1, 5), // 0: calls 6
    instruction(0x18, 4, 5), // 1: the address of 7
    instruction(0, 0, 0),
    instruction(0x85, 0, 181), // 3: a helper
    instruction(0x18, 0, 0x85), // 4: a number, whose second half looks like a call
    instruction(0x85, 1, 3),
    EXIT, // 6
    instruction(0x85, 1, -2), // 7: calls 6
    EXIT,
  ];
  expect(findFunctionStarts(Buffer.concat(program))).toEqual([0, 6, 7]);
});
