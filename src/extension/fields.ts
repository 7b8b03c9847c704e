/** From an event struct to a writer of its values. Everything is decided here, once; writing an event only reads bytes. */
import { ExtensionError } from '../base/errors.js';
import type { FieldWriter } from '../base/event.js';
import { printable } from '../base/printable.js';
import { encode, type TextBuffer } from '../base/text-buffer.js';
import { BTF_KIND_INT, BTF_KIND_PTR, type Btf } from '../btf/btf.js';
import { readEnumerators, writeEnumerator, writeFlags } from './enumerators.js';
import type { EventMember, EventStruct } from './event-struct.js';

/** Bits of the encoding of a BTF_KIND_INT: `linux/btf.h`. */
const BTF_INT_SIGNED = 1;
const BTF_INT_CHAR = 2;
const BTF_INT_BOOL = 4;

/** Writes one value, found at byte `at`. */
interface ValueWriter {
  text(out: TextBuffer, data: DataView, at: number): void;
  json(out: TextBuffer, data: DataView, at: number): void;
}

/** An integer's shape. */
interface Integer {
  readonly sizeBytes: number;
  readonly signed: boolean;
}

/**
 * A writer of the struct's members, in their order.
 * @throws ExtensionError for a type that can't be shown, or a format that doesn't fit its member
 */
export function createFieldWriter(btf: Btf, struct: EventStruct): FieldWriter {
  const fields = struct.members.map((member, index) => ({
    textLabel: encode(`${index === 0 ? '' : ' '}${printable(member.name)}: `),
    jsonLabel: encode(`,${JSON.stringify(member.name)}:`),
    offset: member.offset,
    value: createValueWriter(btf, member, `struct ${printable(struct.name)}, member ${printable(member.name)}`),
  }));
  return {
    text(out, data, offset) {
      for (const field of fields) {
        out.bytes(field.textLabel);
        field.value.text(out, data, offset + field.offset);
      }
    },
    json(out, data, offset) {
      for (const field of fields) {
        out.bytes(field.jsonLabel);
        field.value.json(out, data, offset + field.offset);
      }
    },
  };
}

function createValueWriter(btf: Btf, { type, format }: EventMember, where: string): ValueWriter {
  const resolved = btf.resolve(type);
  const kind = btf.kind(resolved);
  if (kind === BTF_KIND_PTR) {
    if (format.kind === 'plain' || format.kind === 'hex') return quoted(hexWriter(8));
    throw new ExtensionError(`${where}: its tag needs an integer, and the member is a pointer`);
  }
  if (kind !== BTF_KIND_INT) {
    throw new ExtensionError(`${where}: only integers, booleans, characters and pointers can be shown yet`);
  }
  const sizeBytes = btf.sizeOrType(resolved);
  const encoding = (btf.tail(resolved, 0) >>> 24) & 15;
  if (![1, 2, 4, 8].includes(sizeBytes)) {
    throw new ExtensionError(`${where}: integers of ${sizeBytes} bytes can't be shown yet`);
  }
  const integer = { sizeBytes, signed: (encoding & BTF_INT_SIGNED) !== 0 };
  switch (format.kind) {
    case 'hex':
      return quoted(hexWriter(sizeBytes));
    case 'enum':
      return quoted(enumWriter(btf, format.enumType, integer));
    case 'flags':
      return quoted(flagsWriter(btf, format.enumType, integer));
    case 'plain':
      break;
  }
  if (encoding & BTF_INT_BOOL) return same((out, data, at) => out.bytes(data.getUint8(at) ? TRUE : FALSE));
  // clang calls a char by its name only: its encoding is that of a signed byte.
  if (sizeBytes === 1 && (encoding & BTF_INT_CHAR || btf.name(resolved) === 'char')) return CHARACTER;
  return same(integerWriter(integer));
}

type Write = ValueWriter['text'];

/** Text and JSON are the same. */
const same = (write: Write): ValueWriter => ({ text: write, json: write });

/** In JSON the text is a string. It must hold nothing that JSON escapes. */
const quoted = (write: Write): ValueWriter => ({
  text: write,
  json(out, data, at) {
    out.byte(QUOTE);
    write(out, data, at);
    out.byte(QUOTE);
  },
});

function integerWriter({ sizeBytes, signed }: Integer): Write {
  switch (sizeBytes) {
    case 1:
      return signed
        ? (out, data, at) => writeSmall(out, data.getInt8(at))
        : (out, data, at) => out.unsigned(data.getUint8(at));
    case 2:
      return signed
        ? (out, data, at) => writeSmall(out, data.getInt16(at, true))
        : (out, data, at) => out.unsigned(data.getUint16(at, true));
    case 4:
      return signed
        ? (out, data, at) => writeSmall(out, data.getInt32(at, true))
        : (out, data, at) => out.unsigned(data.getUint32(at, true));
    default:
      return signed
        ? (out, data, at) => out.signed64(data.getUint32(at, true), data.getUint32(at + 4, true))
        : (out, data, at) => out.unsigned64(data.getUint32(at, true), data.getUint32(at + 4, true));
  }
}

function writeSmall(out: TextBuffer, value: number): void {
  if (value < 0) out.byte(MINUS);
  out.unsigned(Math.abs(value));
}

function hexWriter(sizeBytes: number): Write {
  const low = lowReader(sizeBytes);
  return (out, data, at) => out.hex64(low(data, at), sizeBytes === 8 ? data.getUint32(at + 4, true) : 0);
}

function enumWriter(btf: Btf, enumType: number, integer: Integer): Write {
  const enumerators = readEnumerators(btf, enumType, integer.sizeBytes);
  const low = lowReader(integer.sizeBytes);
  const number = integerWriter(integer);
  return (out, data, at) => {
    const high = integer.sizeBytes === 8 ? data.getUint32(at + 4, true) : 0;
    if (!writeEnumerator(out, enumerators, low(data, at), high)) number(out, data, at);
  };
}

function flagsWriter(btf: Btf, enumType: number, { sizeBytes }: Integer): Write {
  const enumerators = readEnumerators(btf, enumType, sizeBytes);
  const low = lowReader(sizeBytes);
  return (out, data, at) =>
    writeFlags(out, enumerators, low(data, at), sizeBytes === 8 ? data.getUint32(at + 4, true) : 0);
}

/** Reads the low 32 bits of an integer, unsigned. */
function lowReader(sizeBytes: number): (data: DataView, at: number) => number {
  if (sizeBytes === 1) return (data, at) => data.getUint8(at);
  if (sizeBytes === 2) return (data, at) => data.getUint16(at, true);
  return (data, at) => data.getUint32(at, true);
}

/** A char: itself if ASCII can show it, else `\xNN`; in JSON always a string of one character. */
const CHARACTER: ValueWriter = {
  text(out, data, at) {
    const code = data.getUint8(at);
    if (code >= 0x20 && code < 0x7f) out.byte(code);
    else out.bytes(ESCAPED_BYTES[code]!);
  },
  json(out, data, at) {
    out.bytes(JSON_CHARACTERS[data.getUint8(at)]!);
  },
};

const QUOTE = 0x22;
const MINUS = 0x2d;
const TRUE = encode('true');
const FALSE = encode('false');
const ESCAPED_BYTES = Array.from({ length: 256 }, (_, code) => encode(`\\x${code.toString(16).padStart(2, '0')}`));
const JSON_CHARACTERS = Array.from({ length: 256 }, (_, code) =>
  encode(JSON.stringify(code < 0x80 ? String.fromCharCode(code) : '\ufffd')),
);
