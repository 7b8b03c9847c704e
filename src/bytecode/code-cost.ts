/** What code costs, counted from its instructions. Pure. */
import { INSTRUCTION_BYTES } from './assembler.js';
import type { ElfObject, ElfSymbol } from './elf.js';

/** Instructions that stand in the code, and how many of them call helpers or functions that are not counted with it. */
export interface CodeCost {
  readonly instructions: number;
  readonly calls: number;
}

/** A BPF object file. */
export interface CodeObject {
  readonly bytes: Uint8Array;
  readonly elf: ElfObject;
}

const BPF_CALL = 0x85;
const BPF_LD_IMM64 = 0x18;
/** What is called, by the second register: a function of the program, or of the kernel. */
const BPF_PSEUDO_CALL = 1;
const BPF_PSEUDO_KFUNC_CALL = 2;
/** Kernel functions that cast a pointer: no calls when the code runs. */
const CASTS = new Set(['bpf_rdonly_cast', 'bpf_cast_to_kern_ctx']);

/**
 * Counts code in which all kernel functions are casts.
 * @param from, to the instructions, of which the last is not counted
 */
export function countCode(code: Uint8Array, from = 0, to = code.length / INSTRUCTION_BYTES): CodeCost {
  let calls = 0;
  for (let index = from; index < to; index++) {
    const at = index * INSTRUCTION_BYTES;
    if (code[at] === BPF_CALL && code[at + 1]! >> 4 !== BPF_PSEUDO_KFUNC_CALL) calls++;
  }
  return { instructions: to - from, calls };
}

/**
 * Counts a function of object files that are to be linked, and all of their functions that it calls or hands to others, each
 * once. What is called in loops, or not at all, is no matter.
 * @returns undefined where there is no such function, it calls what is no function, or the files do not say how long one is
 */
export function countFunction(objects: readonly CodeObject[], name: string): CodeCost | undefined {
  return new FunctionCounter(objects).count(name);
}

/** Where code stands. */
interface Place {
  readonly code: ObjectCode;
  /** The index of its section. */
  readonly section: number;
  /** In bytes, from the beginning of the section. */
  readonly at: number;
}

class FunctionCounter {
  readonly #codes: readonly ObjectCode[];
  readonly #counted = new Set<ElfSymbol>();
  #calls = 0;

  constructor(objects: readonly CodeObject[]) {
    this.#codes = objects.map((object) => new ObjectCode(object));
  }

  count(name: string): CodeCost | undefined {
    const places = [this.#findGlobal(name)];
    if (!places[0]) return undefined;
    let instructions = 0;
    for (let place = places.pop(); place; place = places.pop()) {
      const symbol = place.code.functionAt(place);
      if (!symbol) return undefined;
      if (this.#counted.has(symbol)) continue;
      this.#counted.add(symbol);
      instructions += symbol.length / INSTRUCTION_BYTES;
      places.push(...this.#follow(place, symbol.length));
    }
    return { instructions, calls: this.#calls };
  }

  /** Counts the calls of a function. @returns the functions that it calls or names */
  #follow({ code, section, at: from }: Place, length: number): Place[] {
    const view = code.view(section);
    const places: Place[] = [];
    for (let at = from; at < from + length; at += INSTRUCTION_BYTES) {
      const opcode = view.getUint8(at);
      const isCall = opcode === BPF_CALL;
      const immediate = view.getInt32(at + 4, true);
      const symbol = code.symbolUsedAt(section, at);
      // What it counts from is the symbol; a call without one counts from itself. A call says how far behind the next instruction.
      const added = isCall ? (immediate + 1) * INSTRUCTION_BYTES : immediate;
      if (isCall && !symbol && view.getUint8(at + 1) >> 4 === BPF_PSEUDO_CALL) {
        places.push({ code, section, at: at + added });
      } else if (isCall) {
        const place = symbol && this.#resolve(code, symbol, added);
        if (place) places.push(place);
        else if (!symbol || !CASTS.has(symbol.name)) this.#calls++;
      } else if (opcode === BPF_LD_IMM64) {
        if (symbol && code.isCode(symbol)) places.push({ code, section: symbol.section, at: symbol.value + added });
        at += INSTRUCTION_BYTES;
      }
    }
    return places;
  }

  /** What a call of a symbol leads to; undefined: it is not among the objects. */
  #resolve(code: ObjectCode, symbol: ElfSymbol, added: number): Place | undefined {
    if (symbol.binding !== 'local') return this.#findGlobal(symbol.name);
    return symbol.defined ? { code, section: symbol.section, at: symbol.value + added } : undefined;
  }

  /** A function that objects define for each other: one that is not weak takes the place of those that are. */
  #findGlobal(name: string): Place | undefined {
    for (const binding of ['global', 'weak'] as const) {
      for (const code of this.#codes) {
        const symbol = code.globals.get(name);
        if (symbol?.binding === binding) return { code, section: symbol.section, at: symbol.value };
      }
    }
    return undefined;
  }
}

/** The code of an object file. */
class ObjectCode {
  readonly #object: CodeObject;
  /** By where they begin. */
  readonly #functions = new Map<string, ElfSymbol>();
  readonly #sections = new Set<number>();
  readonly #relocations: ReadonlyMap<string, number>;
  /** Its functions that other objects can call, by name. */
  readonly globals = new Map<string, ElfSymbol>();

  constructor(object: CodeObject) {
    this.#object = object;
    for (const symbol of object.elf.symbols) {
      if (!symbol.defined || symbol.kind !== 'function') continue;
      this.#functions.set(`${symbol.section} ${symbol.value}`, symbol);
      this.#sections.add(symbol.section);
      if (symbol.binding !== 'local') this.globals.set(symbol.name, symbol);
    }
    this.#relocations = new Map(
      object.elf.relocations.map(({ section, offset, symbol }) => [`${section} ${offset}`, symbol]),
    );
  }

  view(section: number): DataView {
    const { bytes, elf } = this.#object;
    const { offset, length } = elf.sections[section]!;
    return new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  }

  /** The function that begins there, if it lies in its section as a whole. */
  functionAt({ section, at }: Place): ElfSymbol | undefined {
    const symbol = this.#functions.get(`${section} ${at}`);
    if (!symbol) return undefined;
    const { value, length } = symbol;
    const isSound = length > 0 && value % INSTRUCTION_BYTES === 0 && length % INSTRUCTION_BYTES === 0;
    return isSound && value + length <= (this.#object.elf.sections[section]?.length ?? 0) ? symbol : undefined;
  }

  symbolUsedAt(section: number, at: number): ElfSymbol | undefined {
    return this.#object.elf.symbols[this.#relocations.get(`${section} ${at}`) ?? -1];
  }

  /** Whether a symbol stands for code: a function, or a section that has functions. */
  isCode({ defined, section }: ElfSymbol): boolean {
    return defined && this.#sections.has(section);
  }
}
