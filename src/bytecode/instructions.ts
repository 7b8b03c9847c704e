/** The instructions of a BPF object, one by one. An instruction: opcode u8, registers u8, offset s16, immediate s32. */
import { parseElf } from './elf.js';

const INSTRUCTION_BYTES = 8;

/**
 * A copy of a BPF object in which instructions were changed.
 * @param change called with each instruction of each function: a view of the copy, and the instruction's offset
 */
export function changeInstructions(object: Uint8Array, change: (view: DataView, at: number) => void): Uint8Array {
  const bytes = Uint8Array.from(object);
  const view = new DataView(bytes.buffer);
  const { sections, symbols } = parseElf(bytes);
  const withCode = new Set(
    symbols.filter(({ kind, defined }) => defined && kind === 'function').map(({ section }) => section),
  );
  for (const index of withCode) {
    const section = sections[index];
    if (!section) continue;
    const end = section.offset + section.length - (section.length % INSTRUCTION_BYTES);
    for (let at = section.offset; at < end; at += INSTRUCTION_BYTES) change(view, at);
  }
  return bytes;
}

export const opcodeAt = (view: DataView, at: number): number => view.getUint8(at);
export const immediateAt = (view: DataView, at: number): number => view.getUint32(at + 4, true);

export function setImmediate32(view: DataView, at: number, value: number): void {
  view.setUint32(at + 4, value, true);
}

export function setOpcode(view: DataView, at: number, opcode: number): void {
  view.setUint8(at, opcode);
}
