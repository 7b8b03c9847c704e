/** The BPF programs for each machine read the arguments where its kernel's pt_regs has them. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseElf } from '../../src/bytecode/elf.js';
import { unpackObjects } from '../../src/sys/own-objects.js';

/** Offsets into struct pt_regs of the first five arguments: arch/x86 and arch/arm64 `include/asm/ptrace.h`. */
const ARGUMENTS = {
  x64: [112, 104, 96, 88, 72], // di, si, dx, cx, r8
  arm64: [0, 8, 16, 24, 32], // x0 to x4
};
const OBJECTS = new URL('../../dist/bpf/', import.meta.url);
const LOAD_64_FROM_MEMORY = 0x79;
const STORE_64 = 0x7b;
const CONTEXT_REGISTER = 1;
const STACK_REGISTER = 10;

for (const [machine, offsets] of Object.entries(ARGUMENTS)) {
  // Builds that read with helpers take their arguments alike.
  const sources = readdirSync(OBJECTS).filter((name) => name.startsWith('kprobe'));
  test.each(sources.map((name) => name.replace('.br', '')))(`${machine}: %s`, (backend) => {
    const bytes = unpackObjects(new URL(`${backend}.br`, OBJECTS)).get(`${machine}/${backend}.bpf.o`)!;
    const elf = parseElf(bytes);
    const prefix = `ipft_${backend.includes('session') ? 'session' : 'entry'}_`;
    // Which of them it is, the cookie tells. A session looks first whether it is an entry: that is too much for this test.
    const anywhere = contextLoads(bytes, elf, `${prefix}deciding`);
    for (const offset of backend.includes('session') ? [] : offsets) expect(anywhere).toContain(offset);
    for (const [position, offset] of offsets.slice(0, 3).entries()) {
      const name = `${prefix}${position}`;
      expect(contextLoads(bytes, elf, name), name).toContain(offset);
      const wrong = offsets.filter((other) => other !== offset);
      for (const other of wrong) expect(contextLoads(bytes, elf, name), name).not.toContain(other);
    }
  });
}

/** Offsets from which a program loads 8 bytes of its context, before the context's register is used for other things. */
function contextLoads(bytes: Uint8Array, elf: ReturnType<typeof parseElf>, name: string): number[] {
  const program = elf.symbols.find((symbol) => symbol.name === name);
  expect(program, name).toBeDefined();
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Elf64_Sym: st_value at 8, st_size at 16.
  const at = elf.sections[program!.section]!.offset + Number(file.getBigUint64(program!.at + 8, true));
  const size = Number(file.getBigUint64(program!.at + 16, true));
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
  const loads: number[] = [];
  // The context comes in r1, and is kept in another register from the start where it is needed later.
  const holders = new Set([CONTEXT_REGISTER]);
  /** Where on the stack. */
  const kept = new Set<number>();
  for (let i = 0; i + 8 <= size; i += 8) {
    const code = view.getUint8(i);
    const [target, source] = [view.getUint8(i + 1) & 15, view.getUint8(i + 1) >> 4];
    const offset = view.getInt16(i + 2, true);
    if (code === 0xbf && holders.has(source)) holders.add(target);
    else if (code === STORE_64 && target === STACK_REGISTER && holders.has(source)) kept.add(offset);
    else if (code === LOAD_64_FROM_MEMORY && source === STACK_REGISTER && kept.has(offset)) holders.add(target);
    else if (code === LOAD_64_FROM_MEMORY && holders.has(source)) {
      loads.push(offset);
      holders.delete(target);
    } else if (code === 0x85) holders.delete(CONTEXT_REGISTER);
    else if ((code & 7) === 7 || (code & 7) === 4 || (code & 7) === 1 || (code & 7) === 0) holders.delete(target);
  }
  return loads;
}
