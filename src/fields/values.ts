/**
 * Makes writers and readers of values from a type and a format. All decisions are made here, once; afterwards only
 * bytes are read.
 */

import { writeIp, writeIpv4, writeIpv6, writeMac } from '../base/addresses.js';
import { ExtensionError } from '../base/errors.js';
import type { SymbolWriter, ValueTaker } from '../base/event.js';
import type { FieldReader, FieldType } from '../base/field.js';
import { printable } from '../base/printable.js';
import { encode, type Fragment, TextBuffer } from '../base/text-buffer.js';
import {
  BTF_KIND_ARRAY,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_FLOAT,
  BTF_KIND_INT,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  BTF_KIND_UNION,
  type Btf,
} from '../btf/btf.js';
import { typeName, typeSize } from '../btf/type-name.js';
import { type Enumerator, readEnumerators, type Width } from './enumerators.js';
import { createFloat } from './floats.js';
import {
  describeNeed,
  type Format,
  findTypedefTags,
  ownTags,
  PRESENCE_TAG,
  parseFormat,
  splitTags,
  type TagTable,
} from './formats.js';
import {
  bigEndianReader,
  bitReader,
  booleanValue,
  booleanWriter,
  byteReader,
  decimalWriter,
  durationWriter,
  enumWriter,
  flagsWriter,
  type Give,
  hexWriter,
  type IntegerReader,
  integerValue,
  type Read,
  textGiver,
  type ValueAccess,
  type Write,
  wideDecimalWriter,
  wideValue,
  writeWideHex,
} from './integers.js';
import { writeCharacter, writeJsonCharacter, writeJsonString, writeString } from './strings.js';

/** Bits of the encoding of a BTF_KIND_INT: `linux/btf.h`. */
const BTF_INT_SIGNED = 1;
const BTF_INT_CHAR = 2;
const BTF_INT_BOOL = 4;

/** The deepest nesting of structs and arrays. */
const MAX_DEPTH = 16;
/** The most values of an event: forged BTF can nest a struct in itself, many times on each level. */
const MAX_VALUES = 8192;
/** The most memory of their names, and of those of enumerators, in bytes: in forged BTF names can share their bytes. */
const MAX_NAMES_BYTES = 8 << 20;
/** Of a name besides its characters. */
const NAME_BYTES = 64;

/**
 * A member of a struct, with its writers and reader. Members of anonymous structs and unions count as their parent's.
 */
export interface Field {
  readonly name: string;
  /** In bytes from the beginning of the outer struct. */
  readonly offset: number;
  readonly value: ValueAccess;
  /** Its offset, width and type, for people. */
  readonly shape: FieldShape;
  /** The bit that is set where it has a value. Absent: it always has one. */
  readonly presence?: Presence | undefined;
}

/** Where a bit stands. */
export interface Presence {
  /** The byte, from the beginning of the outer struct. */
  readonly offset: number;
  readonly mask: number;
}

/** A field that lies so many bytes further. */
export function moveField(field: Field, by: number): Field {
  const { offset, presence } = field;
  return { ...field, offset: offset + by, presence: presence && { ...presence, offset: presence.offset + by } };
}

export function isPresent({ presence }: Pick<Field, 'presence'>, data: DataView, at: number): boolean {
  return presence === undefined || (data.getUint8(at + presence.offset) & presence.mask) !== 0;
}

export interface FieldShape {
  /** Bits behind `offset`; 0 but for bit-fields. */
  readonly bitOffset: number;
  /** Width in bits. */
  readonly bits: number;
  readonly type: string;
  /** The tag's name, as `hex` or `enum:colors`; empty without one. */
  readonly format: string;
}

/** The state while writers are made. */
export interface ValueContext {
  readonly btf: Btf;
  readonly tags: TagTable;
  /** Names kernel addresses. */
  readonly symbols: SymbolWriter;
  /** Called when a format needs `symbols`. */
  readonly onSymbols: () => void;
  readonly warn: (text: string) => void;
  /** Counted while writers are made. */
  values: number;
  namesBytes: number;
}

/** The position of a bit-field within its byte. */
interface BitField {
  readonly shift: number;
  readonly bits: number;
}

/**
 * The members of a struct or union, in their order.
 * @param label the struct, for messages
 * @throws ExtensionError for a member that can't be shown
 */
export function createFields(context: ValueContext, struct: number, label: string, depth = 0): Field[] {
  const { btf, tags } = context;
  if (depth > MAX_DEPTH || ++context.values > MAX_VALUES) {
    throw new ExtensionError(`${label}: structs are nested too deep, or too many`);
  }
  const size = btf.sizeOrType(struct);
  const memberTags = tags.get(struct);
  warnOfOwnTags(context, struct, label);
  return Array.from({ length: btf.vlen(struct) }, (_, index) => index).flatMap((index) => {
    const name = btf.string(btf.tail(struct, index * 3));
    const type = btf.tail(struct, index * 3 + 1);
    const position = btf.tail(struct, index * 3 + 2);
    const where = `${label}, member ${printable(name) || `number ${index + 1}`}`;
    const bitField = readBitField(btf, struct, type, position);
    const bitOffset = btf.kindFlag(struct) ? position & 0xffffff : position;
    const offset = Math.floor(bitOffset / 8);
    const bytes = bitField ? Math.ceil((bitField.shift + bitField.bits) / 8) : (typeSize(btf, type) ?? 0);
    if (offset + bytes > size) throw new ExtensionError(`${where}: it ends past the struct's ${size} bytes`);
    const { formats, presence } = splitTags(memberTags?.get(index) ?? [], where);
    const format = parseFormat(btf, formats, where);
    countName(context, name, label);
    if (name === '') {
      if (format) throw new ExtensionError(`${where}: a member without a name can't have a tag`);
      const resolved = btf.resolve(type);
      if (btf.kind(resolved) !== BTF_KIND_STRUCT && btf.kind(resolved) !== BTF_KIND_UNION) return [];
      return createFields(context, resolved, label, depth + 1).map((field) => moveField(field, offset));
    }
    // The bits that say which of the other members have a value.
    if (presence === 'bits') return [];
    const value = createValue(context, type, { format, bitField, where, depth, whole: type });
    const shownAs = format ?? readShownFormat(context, type, where);
    const shape = {
      bitOffset: bitField?.shift ?? 0,
      bits: bitField?.bits ?? bytes * 8,
      type: typeName(btf, type),
      format: shownAs?.tag.replace(/^ipft:fmt:/, '') ?? '',
    };
    return [{ name, offset, value, shape, presence: findPresence(context, struct, presence, where) }];
  });
}

/** The bit of a member, among the bits of its struct. */
function findPresence(
  { btf, tags }: ValueContext,
  struct: number,
  bit: number | undefined,
  where: string,
): Presence | undefined {
  if (bit === undefined) return undefined;
  for (const [index, memberTags] of tags.get(struct) ?? []) {
    if (!memberTags.includes(PRESENCE_TAG) || index >= btf.vlen(struct)) continue;
    const [type, position] = [btf.tail(struct, index * 3 + 1), btf.tail(struct, index * 3 + 2)];
    const begin = (btf.kindFlag(struct) ? position & 0xffffff : position) >> 3;
    const bytes = typeSize(btf, type) ?? 0;
    const offset = begin + (bit >> 3);
    if (offset < begin + bytes && offset < btf.sizeOrType(struct)) return { offset, mask: 1 << (bit & 7) };
  }
  throw new ExtensionError(`${where}: the struct has no bit ${bit} that says whether it has a value`);
}

/** @throws ExtensionError if the names are too long together */
function countName(context: ValueContext, name: string, where: string): void {
  context.namesBytes += NAME_BYTES + name.length;
  if (context.namesBytes > MAX_NAMES_BYTES) throw new ExtensionError(`${where}: its names are too long, or too many`);
}

/** The names of an enum. @throws ExtensionError */
function createEnumerators(context: ValueContext, type: number, width: Width, where: string): Enumerator[] {
  const { btf } = context;
  const words = btf.kind(type) === BTF_KIND_ENUM64 ? 3 : 2;
  for (let index = 0; index < btf.vlen(type); index++)
    countName(context, btf.string(btf.tail(type, index * words)), where);
  return readEnumerators(btf, type, width);
}

/**
 * The position of a bit-field: in the member where `kind_flag` is set, else in the integer's own encoding
 * (`linux/btf.h`).
 */
function readBitField(btf: Btf, struct: number, type: number, position: number): BitField | undefined {
  if (btf.kindFlag(struct)) {
    const bits = position >>> 24;
    return bits === 0 ? undefined : { shift: position & 7, bits };
  }
  const resolved = btf.resolve(type);
  if (btf.kind(resolved) !== BTF_KIND_INT) return undefined;
  const bits = btf.tail(resolved, 0) & 0xff;
  return bits === btf.sizeOrType(resolved) * 8 && position % 8 === 0 ? undefined : { shift: position & 7, bits };
}

/** Warns of a tag behind the struct itself, which has no effect. */
function warnOfOwnTags({ tags, warn }: ValueContext, struct: number, label: string): void {
  for (const tag of ownTags(tags, struct)) {
    warn(
      `${label}: the tag ${printable(tag)} stands behind the struct itself and changes nothing: put it behind a member`,
    );
  }
}

/** The format of a typedef's tag. */
function readTypedefFormat({ btf, tags }: ValueContext, type: number, where: string): Format | undefined {
  const { found, typedef } = findTypedefTags(btf, tags, type);
  return parseFormat(btf, found, typedef === '' ? where : `${where}, typedef ${printable(typedef)}`);
}

/** The same for display, where it is also the format of an array of such values. */
function readShownFormat(context: ValueContext, type: number, where: string): Format | undefined {
  const format = readTypedefFormat(context, type, where);
  const resolved = context.btf.resolve(type);
  if (format || context.btf.kind(resolved) !== BTF_KIND_ARRAY) return format;
  return readShownFormat(context, context.btf.tail(resolved, 0), where);
}

interface ValueOptions {
  readonly format: Format | undefined;
  readonly bitField: BitField | undefined;
  readonly where: string;
  readonly depth: number;
  /** The type of the member, which may be an array of this one: for messages. */
  readonly whole: number;
}

function createValue(context: ValueContext, type: number, options: ValueOptions): ValueAccess {
  const { btf } = context;
  const { where, depth } = options;
  if (depth > MAX_DEPTH || ++context.values > MAX_VALUES) {
    throw new ExtensionError(`${where}: types are nested too deep, or too many`);
  }
  const resolved = btf.resolve(type);
  // The member's own tag comes before those of typedefs.
  const format = options.format ?? readTypedefFormat(context, type, where);
  if (options.bitField && options.bitField.bits > 64)
    throw new ExtensionError(`${where}: a bit-field has 64 bits at most`);
  const fitting = format
    ? createFormatted(context, resolved, format, options)
    : createPlain(context, resolved, options);
  if (fitting) return fitting;
  // A format that does not fit an array may fit its elements.
  if (btf.kind(resolved) === BTF_KIND_ARRAY) return createArray(context, resolved, { ...options, format });
  const whole = printable(typeName(btf, options.whole));
  if (!format) throw new ExtensionError(`${where}: values of the type ${whole} can't be shown`);
  throw new ExtensionError(
    `${where}: the tag ${printable(format.tag)} does not fit the type ${whole}`,
    `it needs ${describeNeed(format)}, or an array of them`,
  );
}

/**
 * Access to a value without a format; undefined for types without a value, and for arrays of anything but characters.
 */
function createPlain(context: ValueContext, type: number, options: ValueOptions): ValueAccess | undefined {
  const { btf } = context;
  switch (btf.kind(type)) {
    case BTF_KIND_INT: {
      const encoding = integerEncoding(btf, type);
      if (btf.sizeOrType(type) === 16 && !options.bitField) return createWide((encoding & BTF_INT_SIGNED) !== 0);
      const reader = integerReader(btf, type, options.bitField);
      if (!reader) return undefined;
      if (encoding & BTF_INT_BOOL) return { ...same(booleanWriter(reader)), ...booleanValue(reader) };
      return createInteger(reader);
    }
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return createEnum(context, type, type, options);
    case BTF_KIND_PTR:
      return quoted(hexWriter(byteReader(8, false)));
    case BTF_KIND_FLOAT:
      return createFloat(btf.sizeOrType(type));
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      return createStruct(createFields(context, type, options.where, options.depth + 1));
    case BTF_KIND_ARRAY: {
      const length = btf.tail(type, 2);
      return length > 0 && isCharacter(btf, btf.resolve(btf.tail(type, 0))) ? createString(length) : undefined;
    }
    default:
      return undefined;
  }
}

/** Access to a value with a format; undefined if the format does not fit the type. */
function createFormatted(
  context: ValueContext,
  type: number,
  format: Format,
  options: ValueOptions,
): ValueAccess | undefined {
  const { btf } = context;
  const kind = btf.kind(type);
  const isInteger = kind === BTF_KIND_INT || kind === BTF_KIND_ENUM || kind === BTF_KIND_ENUM64;
  const reader = isInteger ? integerReader(btf, type, options.bitField) : undefined;
  const size = options.bitField ? 0 : typeSize(btf, type);
  const isBytes = kind === BTF_KIND_ARRAY && typeSize(btf, btf.tail(type, 0)) === 1;
  const isComposite = kind === BTF_KIND_STRUCT || kind === BTF_KIND_UNION;
  switch (format.kind) {
    case 'hex':
      if (kind === BTF_KIND_PTR) return quoted(hexWriter(byteReader(8, false)));
      if (kind === BTF_KIND_INT && size === 16) return quoted(writeWideHex);
      return reader && quoted(hexWriter(reader));
    case 'enum':
      return reader && createEnum(context, type, format.enumType, options);
    case 'flags':
      return (
        reader &&
        quoted(
          flagsWriter(
            reader,
            createEnumerators(context, format.enumType, { bits: reader.bits, signed: false }, options.where),
          ),
        )
      );
    case 'ipv4':
      return size === 4 && (reader || isBytes || isComposite) ? quoted(writeIpv4) : undefined;
    case 'ip':
    case 'ipv6': {
      const fits = size === 16 && (isInteger || isComposite || isArrayOfIntegers(btf, type));
      return fits ? quoted(format.kind === 'ip' ? writeIp : writeIpv6) : undefined;
    }
    case 'mac':
      return size === 6 && (isComposite || isArrayOfIntegers(btf, type)) ? quoted(writeMac) : undefined;
    case 'be16':
    case 'be32':
    case 'be64': {
      const bytes = Number(format.kind.slice(2)) / 8;
      return reader && size === bytes ? createInteger(bigEndianReader(bytes, reader.signed)) : undefined;
    }
    case 'char':
      if (size !== 1 || !reader) return undefined;
      return {
        ...{ text: writeCharacter, json: writeJsonCharacter, give: textGiver(writeCharacter) },
        ...parsed(writeJsonCharacter),
      };
    case 'string':
      return isBytes && size !== undefined && size > 0 ? createString(size) : undefined;
    case 'symbol':
      if (size !== 8 || (kind !== BTF_KIND_PTR && !reader)) return undefined;
      context.onSymbols();
      return quoted((out, data, at) => context.symbols(out, data.getUint32(at, true), data.getUint32(at + 4, true)));
    case 'ns':
      return reader && { ...createInteger(reader), text: durationWriter(reader) };
  }
}

function createEnum(
  context: ValueContext,
  type: number,
  enumType: number,
  { bitField, where }: ValueOptions,
): ValueAccess {
  const { btf } = context;
  const reader = integerReader(btf, type, bitField);
  if (!reader) throw new ExtensionError(`${where}: enums of ${btf.sizeOrType(type)} bytes can't be shown`);
  if (btf.kind(enumType) === BTF_KIND_ENUM && btf.sizeOrType(enumType) === 8) {
    context.warn(
      `${where}: the compiler wrote ${printable(typeName(btf, enumType))} without the upper halves of its values: names may be missing or wrong (clang 15 and later write them)`,
    );
  }
  return quoted(enumWriter(reader, createEnumerators(context, enumType, reader, where)));
}

function createInteger(reader: IntegerReader): ValueAccess {
  return { ...same(decimalWriter(reader)), ...integerValue(reader) };
}

function createWide(signed: boolean): ValueAccess {
  const write = wideDecimalWriter(signed);
  return { ...same(write), give: textGiver(write), ...wideValue(signed) };
}

/** The reader of an INT or ENUM; undefined for sizes other than 1, 2, 4 and 8 bytes. */
function integerReader(btf: Btf, type: number, bitField: BitField | undefined): IntegerReader | undefined {
  const sizeBytes = btf.sizeOrType(type);
  if (![1, 2, 4, 8].includes(sizeBytes)) return undefined;
  const signed =
    btf.kind(type) === BTF_KIND_INT ? (integerEncoding(btf, type) & BTF_INT_SIGNED) !== 0 : btf.kindFlag(type);
  return bitField ? bitReader(bitField.shift, bitField.bits, signed) : byteReader(sizeBytes, signed);
}

function integerEncoding(btf: Btf, type: number): number {
  return (btf.tail(type, 0) >>> 24) & 15;
}

/** clang encodes a char as a signed byte: only the name tells. */
function isCharacter(btf: Btf, type: number): boolean {
  return (
    btf.kind(type) === BTF_KIND_INT &&
    btf.sizeOrType(type) === 1 &&
    ((integerEncoding(btf, type) & BTF_INT_CHAR) !== 0 || btf.name(type) === 'char')
  );
}

function isArrayOfIntegers(btf: Btf, type: number): boolean {
  if (btf.kind(type) !== BTF_KIND_ARRAY) return false;
  const element = btf.resolve(btf.tail(type, 0));
  return btf.kind(element) === BTF_KIND_INT;
}

function createArray(context: ValueContext, type: number, options: ValueOptions): ValueAccess {
  const { btf } = context;
  const elementType = btf.tail(type, 0);
  const length = btf.tail(type, 2);
  const stride = typeSize(btf, elementType);
  if (length === 0) throw new ExtensionError(`${options.where}: an array without elements has nothing to show`);
  const element = createValue(context, elementType, { ...options, bitField: undefined, depth: options.depth + 1 });
  if (stride === undefined || stride === 0) throw new ExtensionError(`${options.where}: its elements have no size`);
  const list =
    (write: Write, separator: Fragment): Write =>
    (out, data, at) => {
      out.byte(OPEN_BRACKET);
      for (let i = 0; i < length; i++) {
        if (i > 0) out.bytes(separator);
        write(out, data, at + i * stride);
      }
      out.byte(CLOSE_BRACKET);
    };
  const read: Read = (data, at) => Array.from({ length }, (_, i) => element.read(data, at + i * stride));
  const give: Give = (taker, data, at) => {
    taker.open('array');
    for (let i = 0; i < length; i++) element.give(taker, data, at + i * stride);
    taker.close();
  };
  return { text: list(element.text, COMMA_SPACE), json: list(element.json, COMMA), give, type: [element.type], read };
}

function createString(length: number): ValueAccess {
  const json: Write = (out, data, at) => writeJsonString(out, data, at, length);
  const text: Write = (out, data, at) => writeString(out, data, at, length);
  return { text, json, give: textGiver(text), ...parsed(json) };
}

/** `{family: 2, port: 80}` */
function createStruct(fields: readonly Field[]): ValueAccess {
  const labelled = fields.map((field, index) => ({
    ...field,
    textLabel: encode(`${index > 0 ? ', ' : ''}${printable(field.name)}: `),
    jsonLabel: encode(`${index > 0 ? ',' : ''}${JSON.stringify(field.name)}:`),
  }));
  return {
    text(out, data, at) {
      out.byte(OPEN_BRACE);
      for (const { textLabel, value, offset } of labelled) {
        out.bytes(textLabel);
        value.text(out, data, at + offset);
      }
      out.byte(CLOSE_BRACE);
    },
    json(out, data, at) {
      out.byte(OPEN_BRACE);
      for (const { jsonLabel, value, offset } of labelled) {
        out.bytes(jsonLabel);
        value.json(out, data, at + offset);
      }
      out.byte(CLOSE_BRACE);
    },
    give(taker, data, at) {
      taker.open('struct');
      giveFields(fields, taker, data, at);
      taker.close();
    },
    type: typesOf(fields),
    read: createFieldReader(fields),
  };
}

/** The types of a struct's members, by their names. Of two members of one name the last counts, as in JSON. */
export function typesOf(fields: readonly Field[]): { readonly [name: string]: FieldType } {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value.type]));
}

/** Gives a struct's members with their names. */
export function giveFields(fields: readonly Field[], taker: ValueTaker, data: DataView, at: number): void {
  for (const field of fields) {
    if (!isPresent(field, data, at)) continue;
    taker.name(field.name);
    field.value.give(taker, data, at + field.offset);
  }
}

/** Reads a struct's members as an object. */
export function createFieldReader(fields: readonly Field[]): FieldReader {
  // Not by assignment, since a member may be called __proto__.
  return (data, at) =>
    Object.fromEntries(
      fields.flatMap((field) => {
        const { name, offset, value } = field;
        return isPresent(field, data, at) ? [[name, value.read(data, at + offset)]] : [];
      }),
    );
}

/** Text and JSON are the same. */
const same = (write: Write) => ({ text: write, json: write });

/** For text that a value's writer makes. Not re-entrant: one value is read at a time. */
const scratch = new TextBuffer(256);

/** Reads a value by its JSON text, a string. */
const parsed = (json: Write): Pick<ValueAccess, 'type' | 'read'> => ({
  type: 'string',
  read(data, at) {
    json(scratch, data, at);
    return JSON.parse(scratch.takeText()) as string;
  },
});

/** Access to a value whose JSON is its text in quotes: the text has no character that JSON escapes. */
const quoted = (write: Write): ValueAccess => ({
  type: 'string',
  read(data, at) {
    write(scratch, data, at);
    return scratch.takeText();
  },
  text: write,
  give: textGiver(write),
  json(out: TextBuffer, data: DataView, at: number) {
    out.byte(QUOTE);
    write(out, data, at);
    out.byte(QUOTE);
  },
});

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = encode(',');
const COMMA_SPACE = encode(', ');
