import { expect, test } from 'vitest';
import { buildElf } from '../../tests/support/elf-builder.js';
import {
  IPFT_ASKS_FOR_MARK,
  IPFT_ASKS_FOR_PROCESS,
  IPFT_ASKS_NO_MARK,
  IPFT_MARK_PLACEHOLDER,
  IPFT_MARK_QUESTION_PLACEHOLDER,
  IPFT_MASK_PLACEHOLDER,
} from '../abi/layout.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { setMark } from './mark.js';
import { ANY_MARK } from './packet-filter.js';

const OBJECT = loadOwnObject('kprobe-multi.bpf.o').bytes;
const count = (bytes: Uint8Array, opcode: number, immediate: number) => {
  const pattern = Buffer.from([opcode, 0, 0, 0, 0, 0, 0, 0]);
  pattern.writeUInt32LE(immediate, 4);
  let found = 0;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const here = Buffer.from(bytes.subarray(at, at + 8));
    here[1] = 0;
    if (here.equals(pattern)) found++;
  }
  return found;
};
const [AND, XOR] = [0x57, 0xa7];

test('setMark: each comparison of a program looks for the mark under the mask', () => {
  const comparisons = count(OBJECT, AND, IPFT_MASK_PLACEHOLDER);
  expect(comparisons).toBeGreaterThanOrEqual(4);
  expect(count(OBJECT, XOR, IPFT_MARK_PLACEHOLDER)).toBe(comparisons);
  const before = Buffer.from(OBJECT);
  const set = setMark(OBJECT, { mark: { value: 0x80001234, mask: 0xf000ffff } });
  expect(before.equals(OBJECT)).toBe(true);
  expect(count(set, AND, 0xf000ffff)).toBe(comparisons);
  expect(count(set, XOR, 0x80001234)).toBe(comparisons);
  expect(count(set, AND, IPFT_MASK_PLACEHOLDER) + count(set, XOR, IPFT_MARK_PLACEHOLDER)).toBe(0);
});

/** An instruction: opcode, registers, offset, immediate. */
const instruction = (opcode: number, immediate: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(opcode, 0);
  bytes.writeUInt8(1, 1);
  bytes.writeUInt32LE(immediate, 4);
  return bytes;
};

test('setMark: of the instructions only those, in sections that have a function, and nothing else', () => {
  const [FUNCTION, OBJECT_TYPE] = [0x12, 0x11];
  const OR = 0x47;
  const places = [instruction(AND, IPFT_MASK_PLACEHOLDER), instruction(XOR, IPFT_MARK_PLACEHOLDER)];
  const others = [
    ...[instruction(OR, IPFT_MASK_PLACEHOLDER), instruction(OR, IPFT_MARK_PLACEHOLDER)],
    ...[instruction(AND, IPFT_MARK_PLACEHOLDER), instruction(XOR, IPFT_MASK_PLACEHOLDER)],
    ...[instruction(AND, 0xff), instruction(XOR, 0xff)],
  ];
  const set = [instruction(AND, 0xff00ff00), instruction(XOR, 0xab00cd00)];
  // As if an instruction ended within a string: what is cut off is none.
  const cut = Buffer.from('cut');
  const before = Buffer.concat([...others, ...places, ...others]);
  const after = Buffer.concat([...others, ...set, ...others]);
  const build = (code: Uint8Array, last: Uint8Array) =>
    buildElf({
      sections: { '.text': Buffer.concat([code, cut]), '.data': before, '.notes': before, last },
      symbols: [
        { name: 'program', info: FUNCTION, section: 3 },
        { name: 'data', info: OBJECT_TYPE, section: 4 },
        { name: 'last', info: FUNCTION, section: 6 },
        // A section that is not there, and one that is none: an undefined function.
        { name: 'strange', info: FUNCTION, section: 0xfff1 },
        { name: 'undefined', info: FUNCTION, section: 0 },
      ],
    });
  const wanted = { mark: { value: 0xab00cd00, mask: 0xff00ff00 } };
  expect(setMark(build(before, before), wanted)).toEqual(build(after, after));
});

test('setMark: a program that need not read the mark is told so', () => {
  const object = loadOwnObject('kprobe.by-helper.bpf.o').bytes;
  const MOV = 0xb7;
  const places = count(object, MOV, IPFT_MARK_QUESTION_PLACEHOLDER);
  expect(places).toBeGreaterThanOrEqual(4);
  const processes = {
    pids: [1],
    withChildren: false,
    names: [],
    groups: [],
    cgroups: [],
    command: false,
    withNeighbours: false,
  };
  const connections = { mark: ANY_MARK };
  for (const [filter, question] of [
    [{ mark: { value: 1, mask: 1 } }, IPFT_ASKS_FOR_MARK],
    [{ mark: { value: 1, mask: 1 }, processes }, IPFT_ASKS_FOR_MARK],
    [{ mark: ANY_MARK }, IPFT_ASKS_NO_MARK],
    [{ mark: ANY_MARK, processes, connections }, IPFT_ASKS_NO_MARK],
    [{ mark: ANY_MARK, processes: { ...processes, withNeighbours: true } }, IPFT_ASKS_NO_MARK],
    [{ mark: ANY_MARK, processes }, IPFT_ASKS_FOR_PROCESS],
  ] as const)
    expect(count(setMark(object, filter), MOV, question)).toBe(count(object, MOV, question) + places);
});
