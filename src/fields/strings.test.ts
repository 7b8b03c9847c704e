import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUnseen } from '../base/printable.js';
import { TextBuffer } from '../base/text-buffer.js';
import { writeCharacter, writeJsonCharacter, writeJsonString, writeString } from './strings.js';

const out = new TextBuffer();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escaped = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

/** The character that begins there, by Node's decoder; nothing for bytes that are none. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      return strict.decode(bytes.subarray(at, at + length));
    } catch {
      // It may have more bytes.
    }
  }
  return undefined;
}

/** What is shown of a char array as text, and what JSON has. */
function model(bytes: Uint8Array): { text: string; value: string } {
  let text = '';
  let value = '';
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const character = characterAt(bytes, at);
    const length = character === undefined ? 1 : Buffer.byteLength(character);
    const isShown = character !== undefined && !isUnseen(character.codePointAt(0)!);
    text += isShown ? character : [...bytes.subarray(at, at + length)].map(escaped).join('');
    value += character ?? '\ufffd';
    at += length;
  }
  return { text, value };
}

/** First and second bytes at the edges of what UTF-8 has, and controls. */
const edges = [
  ...[0x01, 0x09, 0x1f, 0x20, 0x22, 0x5c, 0x7e, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2],
  ...[0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
];

function expectString(bytes: readonly number[]): void {
  // Others' bytes before and behind it.
  const all = Uint8Array.from([0x41, ...bytes, 0xbf, 0x80]);
  const data = new DataView(all.buffer);
  const { text, value } = model(all.subarray(1, 1 + bytes.length));
  writeString(out, data, 1, bytes.length);
  const shown = out.takeText();
  writeJsonString(out, data, 1, bytes.length);
  const json = out.takeText();
  if (shown !== text) expect({ bytes, shown }).toEqual({ bytes, shown: text });
  if (JSON.parse(json) !== value) expect({ bytes, json: JSON.parse(json) }).toEqual({ bytes, json: value });
  if ([...json].some((character) => isUnseen(character.codePointAt(0)!))) expect(json).toBe('nothing unseen');
}

test('writeString, writeJsonString: whatever bytes are there, what is UTF-8 is shown, and nothing that can not be seen', () => {
  const one = fc.oneof(fc.constantFrom(...edges), fc.nat(255));
  const character = fc
    .oneof(
      fc.nat(0x7ff),
      fc.integer({ min: 0x2000, max: 0x206f }),
      fc.nat(0xd7ff),
      fc.integer({ min: 0xe000, max: 0x10ffff }),
    )
    .map((code) => [...Buffer.from(String.fromCodePoint(code))]);
  const bytes = fc
    .array(
      fc.oneof(
        one.map((byte) => [byte]),
        character,
      ),
      { maxLength: 10 },
    )
    .map((list) => list.flat());
  fc.assert(fc.property(bytes, expectString), { numRuns: 1500 });
});

test('writeString, writeJsonString: each edge of UTF-8', () => {
  for (const first of edges) {
    for (const second of edges) {
      expectString([first, second]);
      if (first < 0xe0) continue;
      for (const third of [0x7f, 0x80, 0xbf, 0xc0]) {
        expectString([first, second, third]);
        if (first >= 0xf0) for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) expectString([first, second, third, fourth]);
      }
    }
  }
});

test('writeCharacter: itself if ASCII can show it', () => {
  for (let byte = 0; byte < 256; byte++) {
    const data = new DataView(Uint8Array.of(0x41, byte).buffer);
    writeCharacter(out, data, 1);
    expect(out.takeText()).toBe(byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped(byte));
    writeJsonCharacter(out, data, 1);
    expect(JSON.parse(out.takeText())).toBe(byte < 0x80 ? String.fromCharCode(byte) : '\ufffd');
  }
});
