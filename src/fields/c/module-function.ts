/** Checks the function `module` of an extension, and says in the author's terms what is wrong with it. Pure. */
import { counted } from '../../base/counted.js';
import { ExtensionError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import {
  BTF_KIND_FUNC,
  BTF_KIND_FUNC_PROTO,
  BTF_KIND_FWD,
  BTF_KIND_INT,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  type Btf,
} from '../../btf/btf.js';
import { typeName } from '../../btf/type-name.js';
import type { ElfObject, ElfSymbol } from '../../bytecode/elf.js';

export const SIGNATURE = '__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])';
const DEFINE = `define: ${SIGNATURE}`;
const PARAMETERS = 3;
const STV_HIDDEN = 2;

/** The function as a file defines it, if it does. */
export function findModule(elf: ElfObject): ElfSymbol | undefined {
  return elf.symbols.find(({ name, defined }) => defined && name === 'module');
}

/** Checks that the tracer can call it. @throws ExtensionError that says what must change */
export function checkModule(elf: ElfObject, btf: Btf, module: ElfSymbol): void {
  if (module.kind !== 'function') throw new ExtensionError('module is no function', DEFINE);
  if (module.binding === 'local') {
    throw new ExtensionError("its function module is static: the tracer can't call it", DEFINE);
  }
  const section = elf.sections[module.section]?.name ?? '';
  if (section !== '.text') {
    throw new ExtensionError(
      `its function module stands in the section ${printable(section)}, which makes a program of it: the tracer can't call it`,
      `leave out SEC(): ${SIGNATURE}`,
    );
  }
  const proto = findProto(btf);
  const problems = proto === undefined ? [] : describeProblems(btf, proto);
  if (problems.length === 0) return;
  const takesStruct =
    proto !== undefined && btf.vlen(proto) === PARAMETERS && pointeeKind(btf, proto, 2) === BTF_KIND_STRUCT;
  const cast = takesStruct ? '; in it: struct event *event = (struct event *)data;' : '';
  throw new ExtensionError(`its function module ${problems.join(', ')}`, `${DEFINE}${cast}`);
}

/** The id of the function's FUNC_PROTO. */
function findProto(btf: Btf): number | undefined {
  const func = findFunc(btf);
  if (func === undefined) return undefined;
  const proto = btf.sizeOrType(func);
  return btf.kind(proto) === BTF_KIND_FUNC_PROTO ? proto : undefined;
}

function findFunc(btf: Btf): number | undefined {
  const names = new Set(btf.findString('module'));
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) === BTF_KIND_FUNC && names.has(btf.nameOffset(id))) return id;
  }
  return undefined;
}

const parameter = (btf: Btf, proto: number, index: number) => btf.tail(proto, index * 2 + 1);

/** The type that a parameter points to; -1 if it is no pointer. */
function pointee(btf: Btf, proto: number, index: number): number {
  const type = btf.resolve(parameter(btf, proto, index));
  return btf.kind(type) === BTF_KIND_PTR ? btf.resolve(btf.sizeOrType(type)) : -1;
}

function pointeeKind(btf: Btf, proto: number, index: number): number {
  const type = pointee(btf, proto, index);
  return type < 0 ? -1 : btf.kind(type);
}

/** Compares the types as the linker does, without the first parameter: see `adaptModule`. */
function describeProblems(btf: Btf, proto: number): string[] {
  const problems: string[] = [];
  const returned = btf.resolve(btf.sizeOrType(proto));
  const name = (type: number) => printable(typeName(btf, type));
  if (btf.kind(returned) !== BTF_KIND_INT || btf.sizeOrType(returned) !== 4) {
    problems.push(`returns ${name(btf.sizeOrType(proto))}, and must return int`);
  }
  if (btf.vlen(proto) !== PARAMETERS) {
    return [...problems, `takes ${counted(btf.vlen(proto), 'parameter')}, and must take ${PARAMETERS}`];
  }
  const need = (index: number, fits: boolean, wanted: string) => {
    if (!fits)
      problems.push(
        `has ${name(parameter(btf, proto, index))} for its parameter ${index + 1}, which must be ${wanted}`,
      );
  };
  need(0, pointee(btf, proto, 0) >= 0, 'a pointer (void *ctx)');
  const [skb, skbKind] = [pointee(btf, proto, 1), pointeeKind(btf, proto, 1)];
  const isStruct = skbKind === BTF_KIND_STRUCT || skbKind === BTF_KIND_FWD;
  need(1, isStruct && btf.name(skb) === 'sk_buff', 'struct sk_buff *');
  const data = pointee(btf, proto, 2);
  need(2, data >= 0 && btf.kind(data) === BTF_KIND_INT && btf.sizeOrType(data) === 1, '__u8 *');
  return problems;
}

/**
 * Adapts an object for the linker. `module` becomes hidden: otherwise the verifier would check it by itself, for any
 * arguments, which no module() can pass. Its `ctx`, which may be a pointer to anything, becomes `void *` in the BTF, as
 * the tracer's programs declare it, since the linker compares the two. The BTF with its new types (a pointer, a
 * prototype) does not fit its old room, and moves to the end of the file.
 * @param bytes edited
 * @param btf the object's own, in its section
 * @returns the object, which is `bytes` or a longer copy
 */
export function adaptModule(bytes: Uint8Array, elf: ElfObject, btf: Btf, module: ElfSymbol): Uint8Array {
  bytes[module.at + 5] = (bytes[module.at + 5]! & ~3) | STV_HIDDEN;
  const [func, proto] = [findFunc(btf), findProto(btf)];
  if (func === undefined || proto === undefined || pointee(btf, proto, 0) === 0) return bytes;
  const section = elf.sections.find(({ name }) => name === '.BTF')!;
  const old = Buffer.from(bytes.subarray(section.offset, section.offset + section.length));
  const pointer = btf.endId;
  const tail = Array.from({ length: PARAMETERS * 2 }, (_, word) => (word === 1 ? pointer : btf.tail(proto, word)));
  const added = Uint32Array.of(
    ...[0, BTF_KIND_PTR << 24, 0],
    ...[0, (BTF_KIND_FUNC_PROTO << 24) | PARAMETERS, btf.sizeOrType(proto), ...tail],
  );
  old.writeUInt32LE(pointer + 1, btf.byteOffset({ type: func }) + 8);
  const grown = addTypes(old, Buffer.from(added.buffer));
  const at = Math.ceil(bytes.length / 8) * 8;
  const whole = Buffer.alloc(at + grown.length);
  whole.set(bytes);
  whole.set(grown, at);
  whole.writeBigUInt64LE(BigInt(at), section.at + 24);
  whole.writeBigUInt64LE(BigInt(grown.length), section.at + 32);
  return new Uint8Array(whole);
}

const HEADER_LENGTH = 24;

/** Appends types to a BTF. */
function addTypes(btf: Buffer, added: Buffer): Buffer {
  const [header, typesAt, typesLength, stringsAt, stringsLength] = [4, 8, 12, 16, 20].map((at) => btf.readUInt32LE(at));
  const head = Buffer.from(btf.subarray(0, HEADER_LENGTH));
  const types = btf.subarray(header! + typesAt!, header! + typesAt! + typesLength!);
  const strings = btf.subarray(header! + stringsAt!, header! + stringsAt! + stringsLength!);
  head.writeUInt32LE(HEADER_LENGTH, 4);
  head.writeUInt32LE(0, 8);
  head.writeUInt32LE(types.length + added.length, 12);
  head.writeUInt32LE(types.length + added.length, 16);
  return Buffer.concat([head, types, added, strings]);
}
