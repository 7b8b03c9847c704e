import { expect, test } from 'vitest';
import { buildElf } from '../../tests/support/elf-builder.js';
import { IPFT_SNAPSHOTS_PLACEHOLDER } from '../abi/layout.js';
import { loadOwnObject } from '../sys/own-objects.js';
import { switchSnapshots } from './snapshots.js';

const [JGT, JGE, JLT, JLE, JEQ] = [0x25, 0x35, 0xa5, 0xb5, 0x15];
const FUNCTION = 0x12;

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

test('switchSnapshots: jumps that ask for snapshots have a known answer, and go where they went', () => {
  const asks = [
    ...[jump(JGE, IPFT_SNAPSHOTS_PLACEHOLDER), jump(JGT, IPFT_SNAPSHOTS_PLACEHOLDER - 1)],
    ...[jump(JLT, IPFT_SNAPSHOTS_PLACEHOLDER), jump(JLE, IPFT_SNAPSHOTS_PLACEHOLDER - 1)],
  ];
  const others = [jump(JEQ, IPFT_SNAPSHOTS_PLACEHOLDER), jump(JGE, IPFT_SNAPSHOTS_PLACEHOLDER - 1), jump(JGT, 7)];
  const [always, never] = [jump(JGE, 0), jump(JLT, 0)];
  const before = object(...asks, ...others);
  expect(switchSnapshots(before, true)).toEqual(object(always, always, never, never, ...others));
  expect(switchSnapshots(before, false)).toEqual(object(never, never, always, always, ...others));
  expect(before).toEqual(object(...asks, ...others));
});

test.each(['kprobe-multi', 'kprobe.by-helper', 'kprobe-session', 'ftrace.with-calls', 'fentry-multi'])(
  'switchSnapshots: %s asks nowhere afterwards',
  (name) => {
    const built = loadOwnObject(`${name}.bpf.o`).bytes;
    const count = (bytes: Uint8Array) => {
      let found = 0;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      for (let at = 0; at + 8 <= bytes.length; at += 8) {
        const immediate = view.getUint32(at + 4, true);
        if (immediate === IPFT_SNAPSHOTS_PLACEHOLDER || immediate === IPFT_SNAPSHOTS_PLACEHOLDER - 1) found++;
      }
      return found;
    };
    expect(count(built)).toBeGreaterThanOrEqual(4);
    expect(count(switchSnapshots(built, false))).toBe(0);
    expect(count(switchSnapshots(built, true))).toBe(0);
  },
);
