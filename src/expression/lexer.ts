/** The words of an expression in C's notation. Pure. */
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import { printable } from '../base/printable.js';
import type { LiteralType } from './ast.js';

export type Token = { readonly at: TextRange } & (
  | { readonly kind: 'name' | 'operator'; readonly text: string }
  | { readonly kind: 'number'; readonly value: bigint; readonly type: LiteralType; readonly text: string }
  | { readonly kind: 'text'; readonly value: string; readonly text: string }
  | { readonly kind: 'end'; readonly text: '' }
);

/** The longest text. */
export const MAX_CHARACTERS = 1 << 16;
/** The most words of a text. */
export const MAX_TOKENS = 4000;

const SPACE = /\s+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9A-Fa-f]+|0[bB][01]+|[0-9]+)([A-Za-z0-9_.]*)/y;
const TEXT = /"((?:[^"\\\n]|\\.)*)"/y;
const CHARACTER = /'((?:[^'\\\n]|\\(?:x[0-9A-Fa-f]+|[0-7]{1,3}|.)))'/y;
/** A text as other languages write it. */
const SINGLE_QUOTED = /'((?:[^'\\\n]|\\.)*)'/y;
const OPERATOR = /->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>=!~&|^?:()[\].,@]/y;
const SUFFIX = /^(?:u?l{0,2}|l{1,2}u)$/i;

/** @throws ExpressionError */
export function readTokens(text: string): Token[] {
  if (text.length > MAX_CHARACTERS) {
    throw new ExpressionError(
      `the expression has ${text.length} characters, and may have ${MAX_CHARACTERS}`,
      undefined,
      undefined,
    );
  }
  const tokens: Token[] = [];
  let from = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = from;
    return pattern.exec(text);
  };
  while (from < text.length) {
    const space = match(SPACE);
    if (space) {
      from += space[0].length;
      continue;
    }
    const [token, length] = readToken(text, from, match);
    tokens.push(token);
    from += length;
    if (tokens.length > MAX_TOKENS) {
      throw new ExpressionError(`the expression is too long: it may have ${MAX_TOKENS} words`, undefined, undefined);
    }
  }
  tokens.push({ kind: 'end', text: '', at: { from: text.length, to: text.length } });
  return tokens;
}

function readToken(text: string, from: number, match: (pattern: RegExp) => RegExpExecArray | null): [Token, number] {
  const place = (length: number): TextRange => ({ from, to: from + length });
  const name = match(NAME);
  if (name) return [{ kind: 'name', text: name[0], at: place(name[0].length) }, name[0].length];
  const number = match(NUMBER);
  if (number) return [readNumber(number[0], number[1]!, place(number[0].length)), number[0].length];
  const quoted = match(TEXT);
  if (quoted) {
    const at = place(quoted[0].length);
    return [{ kind: 'text', value: readEscapes(quoted[1]!, at, 0x7f), text: quoted[0], at }, quoted[0].length];
  }
  const character = match(CHARACTER);
  if (character) {
    const at = place(character[0].length);
    const value = readEscapes(character[1]!, at, 0xff);
    const bytes = Buffer.from(value, 'latin1');
    if (bytes.length !== 1 || value.charCodeAt(0) > 0xff) {
      throw new ExpressionError(`${printable(character[0])} is not one character of a byte`, undefined, at);
    }
    // A char of C is signed.
    return [
      { kind: 'number', value: BigInt(bytes.readInt8()), type: 'int', text: character[0], at },
      character[0].length,
    ];
  }
  const operator = match(OPERATOR);
  if (operator) return [{ kind: 'operator', text: operator[0], at: place(operator[0].length) }, operator[0].length];
  const texts = match(SINGLE_QUOTED);
  if (texts) {
    const problem = 'single quotes are for one character';
    throw new ExpressionError(problem, `write: "${printable(texts[1]!)}"`, place(texts[0].length));
  }
  const [symbol = ''] = text.slice(from);
  const isQuote = symbol === '"' || symbol === "'";
  throw new ExpressionError(
    isQuote ? `the quote ${symbol} is not closed` : `'${printable(symbol)}' has no meaning here`,
    undefined,
    place(symbol.length),
  );
}

/** A number has the first of C's types that holds it: decimal ones are signed unless they say otherwise. */
function readNumber(text: string, suffix: string, at: TextRange): Token {
  const digits = text.slice(0, text.length - suffix.length);
  const isOctal = /^0[0-9]/.test(digits);
  if (!SUFFIX.test(suffix) || (isOctal && /[89]/.test(digits))) {
    const hint = suffix.startsWith('.') ? 'there are integers only; an address is written ip("10.0.0.1")' : undefined;
    throw new ExpressionError(`${printable(text)} is no number`, hint, at);
  }
  const value = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  const [unsigned, long] = [/u/i.test(suffix), /l/i.test(suffix)];
  const isDecimal = /^([1-9]|0$)/.test(digits);
  const types: readonly (readonly [LiteralType, bigint])[] = [
    ['int', (1n << 31n) - 1n],
    ['unsigned int', (1n << 32n) - 1n],
    ['long', (1n << 63n) - 1n],
    ['unsigned long', (1n << 64n) - 1n],
  ];
  const found = types.find(([type, most]) => {
    const isUnsigned = type.startsWith('unsigned');
    if (long && !type.endsWith('long')) return false;
    if (unsigned && !isUnsigned) return false;
    // A decimal number without a suffix is unsigned only where no signed type holds it.
    if (isUnsigned && !unsigned && isDecimal && type !== 'unsigned long') return false;
    return value <= most;
  });
  if (found === undefined) throw new ExpressionError(`${printable(text)} does not fit 64 bits`, undefined, at);
  return { kind: 'number', value, type: found[0], text, at };
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
  ...{ '\\': '\\', '"': '"', "'": "'", '?': '?' },
};

/** C's escapes of what stands in quotes. @param most the largest character that a number may name */
function readEscapes(text: string, at: TextRange, most: number): string {
  return text.replace(/\\(x[0-9A-Fa-f]+|[0-7]{1,3}|.)/gs, (whole, code: string) => {
    const known = ESCAPES[code];
    if (known !== undefined) return known;
    const value = code.startsWith('x')
      ? Number.parseInt(code.slice(1), 16)
      : /^[0-7]/.test(code)
        ? Number.parseInt(code, 8)
        : Number.NaN;
    if (!(value <= most)) {
      throw new ExpressionError(`${printable(whole)} is no character that a text may have`, undefined, at);
    }
    return String.fromCharCode(value);
  });
}
