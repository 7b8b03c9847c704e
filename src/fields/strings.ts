/**
 * Characters and strings from the kernel. In text, unprintable characters (`base/printable.ts`) and bytes that are no
 * UTF-8 become `\xNN`; in JSON the former are escaped, and the latter become U+FFFD. Pure.
 */
import { isUnseen, jsonEscape, jsonString } from '../base/printable.js';
import { encode, type TextBuffer } from '../base/text-buffer.js';

/** Appends the string up to the first NUL, or to the array's end. */
export function writeString(out: TextBuffer, data: DataView, at: number, length: number): void {
  for (let i = 0; i < length; ) {
    const byte = data.getUint8(at + i);
    if (byte === 0) return;
    const sequence = byte < 0x80 ? 1 : sequenceLength(data, at + i, length - i);
    if (sequence === 0 || isUnseen(characterCode(data, at + i, sequence))) {
      for (let j = 0; j < Math.max(sequence, 1); j++) out.bytes(ESCAPED[data.getUint8(at + i + j)]!);
    } else {
      for (let j = 0; j < sequence; j++) out.byte(data.getUint8(at + i + j));
    }
    i += Math.max(sequence, 1);
  }
}

/** The same as a JSON string, with its quotes. */
export function writeJsonString(out: TextBuffer, data: DataView, at: number, length: number): void {
  out.byte(QUOTE);
  for (let i = 0; i < length; ) {
    const byte = data.getUint8(at + i);
    if (byte === 0) break;
    if (byte < 0x80) {
      out.bytes(JSON_ASCII[byte]!);
      i++;
      continue;
    }
    const sequence = sequenceLength(data, at + i, length - i);
    if (sequence === 0) out.bytes(REPLACEMENT);
    const code = characterCode(data, at + i, sequence);
    if (isUnseen(code)) out.text(jsonEscape(code));
    else for (let j = 0; j < sequence; j++) out.byte(data.getUint8(at + i + j));
    i += Math.max(sequence, 1);
  }
  out.byte(QUOTE);
}

/** Appends a char: itself if it is printable ASCII. */
export function writeCharacter(out: TextBuffer, data: DataView, at: number): void {
  const byte = data.getUint8(at);
  if (byte >= 0x20 && byte < 0x7f) out.byte(byte);
  else out.bytes(ESCAPED[byte]!);
}

/** One char as a JSON string of one character. */
export function writeJsonCharacter(out: TextBuffer, data: DataView, at: number): void {
  const byte = data.getUint8(at);
  out.byte(QUOTE);
  out.bytes(byte < 0x80 ? JSON_ASCII[byte]! : REPLACEMENT);
  out.byte(QUOTE);
}

/**
 * The length of the UTF-8 sequence that begins with a byte of 0x80 or more; 0 for an invalid one: overlong forms,
 * surrogates and characters above U+10FFFF (RFC 3629).
 */
function sequenceLength(data: DataView, at: number, available: number): number {
  const first = data.getUint8(at);
  const length =
    first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length === 0 || length > available) return 0;
  const second = data.getUint8(at + 1);
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = 2; i < length; i++) if ((data.getUint8(at + i) & 0xc0) !== 0x80) return 0;
  return length;
}

/**
 * The character of a UTF-8 sequence; U+FFFD for an invalid one, and for one of four bytes, all of which are printable.
 */
function characterCode(data: DataView, at: number, sequence: number): number {
  const first = data.getUint8(at);
  if (sequence === 1) return first;
  if (sequence === 2) return ((first & 0x1f) << 6) | (data.getUint8(at + 1) & 0x3f);
  if (sequence !== 3) return 0xfffd;
  return ((first & 0x0f) << 12) | ((data.getUint8(at + 1) & 0x3f) << 6) | (data.getUint8(at + 2) & 0x3f);
}

const QUOTE = 0x22;
const REPLACEMENT = encode('\ufffd');
const ESCAPED = Array.from({ length: 256 }, (_, byte) => encode(`\\x${byte.toString(16).padStart(2, '0')}`));
const JSON_ASCII = Array.from({ length: 128 }, (_, byte) => encode(jsonString(String.fromCharCode(byte)).slice(1, -1)));
