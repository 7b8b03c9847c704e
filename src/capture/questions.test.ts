import { expect, test } from 'vitest';
import { buildElf } from '../../tests/support/elf-builder.js';
import { IPFT_SNAPSHOTS_PLACEHOLDER, IPFT_WHO_PLACEHOLDER } from '../abi/layout.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { switchSnapshots, switchWho } from './questions.js';

const [JGT, JGE, JLT, JLE, JEQ] = [0x25, 0x35, 0xa5, 0xb5, 0x15];
const FUNCTION = 0x12;

const QUESTIONS = [
  ['switchSnapshots', switchSnapshots, IPFT_SNAPSHOTS_PLACEHOLDER, IPFT_WHO_PLACEHOLDER],
  ['switchWho', switchWho, IPFT_WHO_PLACEHOLDER, IPFT_SNAPSHOTS_PLACEHOLDER],
] as const;
const BUILDS = ['kprobe-multi', 'kprobe.by-helper', 'kprobe-session', 'ftrace.with-calls', 'fentry-multi'];

/** A jump: opcode, registers, offset -7, immediate. */
const jump = (opcode: number, immediate: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(opcode, 0);
  bytes.writeUInt8(9, 1);
  bytes.writeInt16LE(-7, 2);
  bytes.writeUInt32LE(immediate, 4);
  return bytes;
};
const object = (...jumps: Buffer[]) =>
  buildElf({
    sections: { '.text': Buffer.concat(jumps) },
    symbols: [{ name: 'program', info: FUNCTION, section: 3 }],
  });

test.each(QUESTIONS)('%s: jumps that ask have a known answer, and go where they went', (_, answer, own, other) => {
  const asks = [...[jump(JGE, own), jump(JGT, own - 1)], ...[jump(JLT, own), jump(JLE, own - 1)]];
  const others = [jump(JEQ, own), jump(JGE, own - 1), jump(JGT, 7), jump(JGE, other)];
  const [always, never] = [jump(JGE, 0), jump(JLT, 0)];
  const before = object(...asks, ...others);
  expect(answer(before, true)).toEqual(object(always, always, never, never, ...others));
  expect(answer(before, false)).toEqual(object(never, never, always, always, ...others));
  expect(before).toEqual(object(...asks, ...others));
});

test.each(QUESTIONS.flatMap(([name, answer, own]) => BUILDS.map((build) => [name, build, answer, own] as const)))(
  '%s: %s asks nowhere afterwards',
  (_, build, answer, own) => {
    const built = loadOwnObject(`${build}.bpf.o`).bytes;
    const count = (bytes: Uint8Array) => {
      let found = 0;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      for (let at = 0; at + 8 <= bytes.length; at += 8) {
        const immediate = view.getUint32(at + 4, true);
        if (immediate === own || immediate === own - 1) found++;
      }
      return found;
    };
    expect(count(built)).toBeGreaterThanOrEqual(4);
    expect(count(answer(built, false))).toBe(0);
    expect(count(answer(built, true))).toBe(0);
  },
);
