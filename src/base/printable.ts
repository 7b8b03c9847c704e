/**
 * Makes text from outside (the kernel, an object file, a compiler's variable) safe to print. Characters are escaped
 * that could control a terminal or make it show something else than the text: control characters, those of C1 (U+0080
 * to U+009F) included; marks that change the direction of text (U+202E and its kin, which can make one name look like
 * another); and Unicode's own ends of lines.
 */

/** U+0000 to U+001F and U+007F to U+009F; U+061C, U+200E, U+200F; U+2028 to U+202E; U+2066 to U+2069. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const UNSEEN = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text with `\xNN` and `\uNNNN` for unprintable characters. Line feeds and tabs stay only with `multiline`. */
export function printable(text: string, options: { multiline?: boolean } = {}): string {
  return text.replace(UNSEEN, (character) => {
    if (options.multiline && (character === '\n' || character === '\t')) return character;
    const code = character.charCodeAt(0);
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : jsonEscape(code);
  });
}

/** The part of a text that messages quote. */
const QUOTED_CHARACTERS = 60;

/** As messages show what was given: in quotes, on one line, cut if it is long. */
export function quote(text: string): string {
  const shown = printable(text.replace(/\s+/g, ' ').trim());
  return `'${shown.length > QUOTED_CHARACTERS ? `${shown.slice(0, QUOTED_CHARACTERS)}…` : shown}'`;
}

/** Text as a JSON string with its quotes: the same value, without unprintable characters. */
export function jsonString(text: string): string {
  return jsonText(text);
}

/** A value as JSON, in one line, without unprintable characters. */
export function jsonText(value: object | string): string {
  return JSON.stringify(value).replace(UNSEEN, (character) => jsonEscape(character.charCodeAt(0)));
}

/** A character's escape in JSON. */
export function jsonEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Whether a character is unprintable. */
export function isUnseen(code: number): boolean {
  if (code < 0x20) return true;
  if (code >= 0x7f && code <= 0x9f) return true;
  if (code < 0x61c || code > 0x2069) return false;
  return code === 0x61c || code === 0x200e || code === 0x200f || (code >= 0x2028 && code <= 0x202e) || code >= 0x2066;
}
