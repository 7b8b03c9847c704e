/** Fields that are expressions: what they are, where they lie in the record, and the function that writes them. Pure. */
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import { printable } from '../base/printable.js';
import { type DirectReads, WINDOW_BYTES } from '../btf/direct-reads.js';
import type { Register, Size } from '../bytecode/assembler.js';
import { type CodeCost, countCode } from '../bytecode/code-cost.js';
import { type Signature, type SourceLine, writeFunctionObject } from '../bytecode/function-object.js';
import type { Expression } from './ast.js';
import { Checker } from './check.js';
import { Target } from './code.js';
import { collectUse, Emitter, EXTERNS, mayBeAbsent, placeMayBeAbsent } from './emit.js';
import type { KernelTypes } from './kernel-types.js';
import { networkFormat, type StoredField, type StoredType, writeShowStruct } from './show-struct.js';
import type { Place, Typed, Value } from './typed.js';
import {
  type CType,
  integer,
  isFunctionPointer,
  isText,
  pointerTo,
  pointsToText,
  sizeOf,
  type TypeRef,
} from './types.js';

/** A field as it is asked for. */
export interface FieldExpression {
  readonly name: string;
  readonly expression: Expression;
  /** As `hex` or `enum:tcp_state`. */
  readonly format?: { readonly text: string; readonly at: TextRange } | undefined;
  /** What the verifier's log shows for its instructions. */
  readonly text: string;
  /** The line of its file, from 1. */
  readonly line: number;
}

export interface FieldsQuery {
  readonly fields: readonly FieldExpression[];
  /** Events of which this is 0, or absent, are left out. */
  readonly keep?: FieldExpression | undefined;
  /** The name of the function that is made: `int NAME(void *ctx, struct sk_buff *skb, __u8 *data)`. */
  readonly functionName: string;
  /** The file that the texts are said to stand in. */
  readonly sourceFile: string;
  /** What there is for it: default, as much as there is in a record of an event. */
  readonly room?: FieldsRoom | undefined;
}

/** What fields may take. */
export interface FieldsRoom {
  /** Of the data, all fields together: a multiple of 8. */
  readonly dataBytes: number;
  /** Of the stack, for the function that is made. */
  readonly stackBytes: number;
}

export interface CompiledFields {
  /** BTF that declares the event struct. */
  readonly btf: Uint8Array;
  /** Bytes of a record: a multiple of 8. */
  readonly dataBytes: number;
  /** The bytes at its beginning, one for each field that may be absent: 1 where it has a value. */
  readonly presenceBytes: number;
  /** Whether the code calls `ipft_find_header`. */
  readonly needsHeaders: boolean;
  /** A BPF object with the function. @param direct undefined: memory is read with helpers */
  createObject(direct: DirectReads | undefined): Uint8Array;
  /** What each field costs, in their order. */
  costs(direct: DirectReads | undefined): readonly CodeCost[];
}

/** The most fields, and the bytes that all of them have together. */
export const MAX_FIELDS = 64;
export const MAX_BYTES = 1024;
/** What is kept of a string that a pointer leads to, with its NUL. */
const STRING_BYTES = 64;
const COMM_BYTES = 16;
const MAC_BYTES = 6;
/** At most so many bytes are copied without a helper. */
const COPIED_DIRECTLY = 32;
/** As much as a C extension has where stacks are smallest. */
const STACK_BYTES = 400;
const RECORD: FieldsRoom = { dataBytes: MAX_BYTES, stackBytes: STACK_BYTES };
/** The part of a field's text that the verifier's log shows. */
const LINE_CHARACTERS = 200;

const BPF_FUNC_get_current_comm = 16;
const BPF_FUNC_probe_read_kernel = 113;
const BPF_FUNC_probe_read_kernel_str = 115;

const SIGNATURE: Signature = {
  parameters: { ctx: 'void *', skb: { struct: 'sk_buff' }, data: '__u8 *' },
  returns: 'int',
};
/** Where fields are written. First comes a byte for each field that may be absent. */
const DATA: Register = 'r7';

/** How a field gets its bytes. */
type Source =
  | { readonly kind: 'value'; readonly typed: Typed }
  | { readonly kind: 'copy'; readonly place: Place }
  | { readonly kind: 'string'; readonly pointer: Typed }
  | { readonly kind: 'comm' };

interface PlannedField {
  readonly name: string;
  readonly source: Source;
  readonly stored: StoredType;
  readonly bytes: number;
  readonly align: number;
  readonly format: string | undefined;
  readonly enumOf: TypeRef | undefined;
  readonly isOptional: boolean;
  readonly asked: FieldExpression;
}

/**
 * Checks and lays out fields.
 * @throws ExpressionError if one can't be had, or they are too many or too large
 */
export function compileFields(query: FieldsQuery, types: KernelTypes): CompiledFields {
  if (query.fields.length > MAX_FIELDS) {
    throw new ExpressionError(
      `there are ${query.fields.length} fields, and there may be ${MAX_FIELDS}`,
      undefined,
      undefined,
    );
  }
  const { room = RECORD } = query;
  const planned = query.fields.map((field) => planField(field, types));
  const keep = query.keep && new Checker(types).condition(query.keep.expression);
  const optional = planned.filter(({ isOptional }) => isOptional);
  const presenceBytes = optional.length;
  let end = presenceBytes;
  const placed = planned.map((field): PlannedField & StoredField => {
    const offset = Math.ceil(end / field.align) * field.align;
    end = offset + field.bytes;
    if (end > room.dataBytes) {
      throw new ExpressionError(
        `with ${printable(field.name)} the fields have ${end} bytes, and all together may have ${room.dataBytes}`,
        undefined,
        field.asked.expression.at,
      );
    }
    return { ...field, offset, presence: field.isOptional ? optional.indexOf(field) : undefined };
  });
  const dataBytes = Math.ceil(Math.max(end, 1) / 8) * 8;
  const values = [...placed.flatMap(({ source }) => valuesOf(source)), ...(keep ? [keep] : [])];
  const needsHeaders = values.some(usesHeaders);
  return {
    ...{ btf: writeShowStruct(placed, Math.max(end, 1), presenceBytes), dataBytes, presenceBytes, needsHeaders },
    createObject: (direct) => writeObject(query, placed, keep, values, direct).object,
    costs: (direct) => writeObject(query, placed, keep, values, direct).costs,
  };
}

/** A condition as an object with `int NAME(void *ctx, struct sk_buff *skb)`. */
export interface CompiledCondition {
  readonly needsHeaders: boolean;
  createObject(direct: DirectReads | undefined): Uint8Array;
  cost(direct: DirectReads | undefined): CodeCost;
}

/**
 * Checks a condition that packets are asked for.
 * @param stackBytes how much of the stack it may take
 * @throws ExpressionError
 */
export function compileCondition(
  { expression, text, line }: Pick<FieldExpression, 'expression' | 'text' | 'line'>,
  types: KernelTypes,
  {
    functionName,
    sourceFile,
    stackBytes,
  }: { readonly functionName: string; readonly sourceFile: string; readonly stackBytes: number },
): CompiledCondition {
  const typed = new Checker(types).condition(expression);
  const emit = (direct: DirectReads | undefined) => {
    const emitter = new Emitter({ direct, stackBytes, values: [typed], isLazy: true });
    const { code } = emitter;
    const [yes, no] = [new Target(), new Target()];
    code.jumpIf('r6', '==', 0, no);
    emitter.condition(typed, { yes, no, absent: no, next: yes });
    for (const [target, value] of [
      [yes, 1],
      [no, 0],
    ] as const) {
      code.place(target);
      code.emit((asm) => {
        asm.mov32('r0', value);
        asm.exit();
      });
      code.end();
    }
    return emitter;
  };
  const parameters = { ctx: 'void *', skb: { struct: 'sk_buff' } } as const;
  const lines = [{ at: 0, text: lineOf(text), line }];
  const createObject = (direct: DirectReads | undefined) =>
    finishObject(emit(direct), functionName, { parameters, returns: 'int' }, sourceFile, lines);
  // What can't be made is told now.
  createObject(undefined);
  const cost = (direct: DirectReads | undefined) => countCode(emit(direct).code.finish().finish());
  return { needsHeaders: usesHeaders(typed), createObject, cost };
}

function writeObject(
  query: FieldsQuery,
  placed: readonly (PlannedField & StoredField)[],
  keep: Typed | undefined,
  values: readonly Typed[],
  direct: DirectReads | undefined,
): { readonly object: Uint8Array; readonly costs: readonly CodeCost[] } {
  const { stackBytes } = query.room ?? RECORD;
  const emitter = new Emitter({ direct, stackBytes, values, isLazy: false });
  const { code } = emitter;
  const lines: SourceLine[] = [];
  const begin = ({ text, line }: FieldExpression) => {
    const at = lines.length === 0 ? 0 : code.here();
    if (lines.at(-1)?.at === at) lines.pop();
    lines.push({ at, text: lineOf(text), line });
  };
  code.emit((asm) => asm.mov(DATA, 'r3'));
  emitter.findHeaders();
  if (keep && query.keep) {
    const [yes, no] = [new Target(), new Target()];
    begin(query.keep);
    emitter.condition(keep, { yes, no, absent: no, next: no });
    code.place(no);
    code.emit((asm) => {
      asm.mov32('r0', 1);
      asm.exit();
    });
    code.end();
    code.place(yes);
  }
  const begins: number[] = [];
  for (const field of placed) {
    const { presence, asked } = field;
    begin(asked);
    begins.push(code.here());
    const absent = new Target();
    writeField(emitter, field, direct, absent);
    // In memory, and not in bits of a register: that the verifier would know, and follow all ways to the end apart.
    if (presence !== undefined) code.emit((asm) => asm.store(1, DATA, presence, 1));
    code.place(absent);
  }
  begins.push(code.here());
  code.emit((asm) => {
    asm.mov32('r0', 0);
    asm.exit();
  });
  const object = finishObject(emitter, query.functionName, SIGNATURE, query.sourceFile, lines);
  const bytes = emitter.code.finish().finish();
  const costs = placed.map((_, index) => countCode(bytes, begins[index]!, begins[index + 1]!));
  return { object, costs };
}

function finishObject(
  emitter: Emitter,
  name: string,
  signature: Signature,
  sourceFile: string,
  lines: readonly SourceLine[],
): Uint8Array {
  const asm = emitter.code.finish();
  const code = asm.finish();
  const calls = asm.functionCalls;
  const called = new Set(calls.map((call) => call.name));
  const externs = Object.fromEntries(Object.entries(EXTERNS).filter(([extern]) => called.has(extern)));
  return writeFunctionObject({ name, ...signature, code, calls, externs, lines, sourceFile });
}

function lineOf(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, LINE_CHARACTERS);
}

function writeField(
  emitter: Emitter,
  { source, offset, bytes, isOptional }: PlannedField & StoredField,
  direct: DirectReads | undefined,
  absent: Target,
): void {
  const { code } = emitter;
  /** Calls a helper that writes the field. r3 stays. */
  const call = (helper: number) =>
    code.emit((asm) => {
      asm.mov('r1', DATA);
      if (offset > 0) asm.alu('add', 'r1', offset);
      asm.mov32('r2', bytes);
      asm.call(helper);
    });
  switch (source.kind) {
    case 'value': {
      const { typed } = source;
      if (!direct && typed.op === 'read' && !typed.place.bits) {
        emitter.address(typed.place, 'r3', absent);
        call(BPF_FUNC_probe_read_kernel);
        if (isOptional) code.jumpIf('r0', '!=', 0, absent);
        return;
      }
      emitter.value(typed, absent);
      code.emit((asm) => asm.store(bytes as Size, DATA, offset, 'r0'));
      return;
    }
    case 'copy': {
      if (!direct || bytes > Math.min(COPIED_DIRECTLY, WINDOW_BYTES)) {
        emitter.address(source.place, 'r3', absent);
        call(BPF_FUNC_probe_read_kernel);
        if (isOptional) code.jumpIf('r0', '!=', 0, absent);
        return;
      }
      emitter.address(source.place, 'r1', absent);
      code.emit((asm) => {
        asm.mov32('r2', direct.window);
        asm.callKernel(direct.cast);
        for (let at = 0; at < bytes; ) {
          const size = ([8, 4, 2, 1] as const).find((one) => at + one <= bytes)!;
          asm.load(size, 'r1', 'r0', at);
          asm.store(size, DATA, offset + at, 'r1');
          at += size;
        }
      });
      return;
    }
    case 'string':
      emitter.pointer(source.pointer, 'r3', absent);
      call(BPF_FUNC_probe_read_kernel_str);
      code.jumpIf('r0', 's<', 0, absent);
      return;
    case 'comm':
      call(BPF_FUNC_get_current_comm);
  }
}

function planField(asked: FieldExpression, types: KernelTypes): PlannedField {
  const { name, expression, format } = asked;
  const value = new Checker(types).value(expression);
  const [word, reference, ...more] = format?.text.split(':') ?? [];
  const isEnum = word === 'enum' || word === 'enum_flags';
  if (format && (isEnum ? reference === undefined || more.length > 0 : reference !== undefined)) {
    throw new ExpressionError(
      isEnum ? `${word} needs the name of an enum` : `there is no format ${printable(format.text)}`,
      isEnum ? `as ${word}:tcp_state` : undefined,
      format.at,
    );
  }
  const enumOf = isEnum && format ? types.findEnum(reference!, format.at) : undefined;
  const plan = planValue(value, word, expression);
  return { name, asked, enumOf, ...plan };
}

type Plan = Pick<PlannedField, 'source' | 'stored' | 'bytes' | 'align' | 'format' | 'isOptional'>;

function planValue(value: Value, format: string | undefined, { at }: Expression): Plan {
  switch (value.kind) {
    case 'scalar':
      return planScalar(value.typed, format);
    case 'composite': {
      const { type, place } = value;
      const length = sizeOf(type)!;
      const isOptional = placeMayBeAbsent(place);
      if (length === 0) return planWithoutLength(value, at);
      const source = { kind: 'copy', place } as const;
      // A device's address may have room for longer ones.
      if (format === 'mac' && type.kind === 'array' && length > MAC_BYTES) return planBytes(place, MAC_BYTES, format);
      if (isText(type)) return { ...planBytes(place, length, format), stored: { kind: 'bytes', length, isText: true } };
      const own = type.kind === 'struct' && type.name.endsWith('struct in6_addr') ? 'ip' : undefined;
      return {
        source,
        stored: { kind: 'copy', ref: type.ref },
        bytes: length,
        align: 8,
        format: format ?? own,
        isOptional,
      };
    }
    case 'comm': {
      const stored = { kind: 'bytes', length: COMM_BYTES, isText: true } as const;
      return { source: { kind: 'comm' }, stored, bytes: COMM_BYTES, align: 8, format, isOptional: false };
    }
    case 'formatted':
      return planBytes(value.place, value.bytes, format ?? value.format);
    case 'text':
    case 'literal':
      throw new ExpressionError('this is the same for all packets: there is nothing to show', undefined, at);
  }
}

/** An array at the end of a struct, which has as many elements as there was memory for. */
function planWithoutLength({ type, place }: Value & { kind: 'composite' }, at: TextRange): Plan {
  const first = type.kind === 'array' ? pointerTo(type.element()) : undefined;
  if (first && pointsToText(first)) return planScalar({ op: 'address', type: first, place }, undefined);
  throw new ExpressionError(
    `${printable(type.name)} has no length that the kernel's types tell`,
    'name an element, as in x[0]',
    at,
  );
}

function planBytes(place: Place, length: number, format: string | undefined): Plan {
  const stored = { kind: 'bytes', length, isText: false } as const;
  return {
    source: { kind: 'copy', place },
    stored,
    bytes: length,
    align: 8,
    format,
    isOptional: placeMayBeAbsent(place),
  };
}

/** Formats that show a number in network order as its bytes are. */
const OF_BYTES = new Set(['ipv4', 'be16', 'be32', 'be64', 'string', 'mac', 'ipv6']);

function planScalar(typed: Typed, given: string | undefined): Plan {
  const { type } = typed;
  // An address of IPv4 is one of `ip`, too.
  const format = given === 'ip' && sizeOf(type) === 4 ? 'ipv4' : given;
  if (format === 'mac' && type.kind === 'pointer') {
    return planBytes({ base: { kind: 'pointer', value: typed }, offset: 0 }, MAC_BYTES, format);
  }
  if (pointsToText(type) && (format === undefined || format === 'string')) {
    const stored = { kind: 'bytes', length: STRING_BYTES, isText: true } as const;
    return {
      source: { kind: 'string', pointer: typed },
      stored,
      bytes: STRING_BYTES,
      align: 8,
      format: undefined,
      isOptional: true,
    };
  }
  const isNetwork = type.kind === 'integer' && type.isBigEndian;
  const isSwapped = isNetwork && format !== undefined && !OF_BYTES.has(format);
  const shown: CType = isSwapped ? integer(`u${type.bytes * 8}`, type.bytes, false) : type;
  const value: Typed = isSwapped ? { op: 'swap', type: shown as typeof type, of: typed } : typed;
  const own = isNetwork ? networkFormat(type) : isFunctionPointer(type) ? 'symbol' : undefined;
  const bytes = sizeOf(type)!;
  return {
    ...{ source: { kind: 'value', typed: value }, stored: { kind: 'scalar', type: shown }, bytes, align: bytes },
    ...{ format: format ?? own, isOptional: mayBeAbsent(typed) },
  };
}

/** What the code generator makes for a field. */
function valuesOf(source: Source): Typed[] {
  switch (source.kind) {
    case 'value':
      return [source.typed];
    case 'copy':
      return [addressOf(source.place)];
    case 'string':
      return [source.pointer];
    case 'comm':
      return [];
  }
}

function addressOf(place: Place): Typed {
  return { op: 'address', type: { kind: 'pointer', name: 'void *', to: () => integer('u8', 1, false) }, place };
}

function usesHeaders(typed: Typed): boolean {
  return collectUse([typed]).headers.size > 0;
}
