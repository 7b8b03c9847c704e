/** What the fields of the page ask for, as words of ipft's command line, and back. What the words mean only ipft knows. */

export interface Fields {
  /** The expression that chooses packets. */
  readonly expression: string;
  /** The regular expression that chooses functions. */
  readonly functions: string;
  readonly snaplen: string;
  /** Other options, as they would be typed. */
  readonly more: string;
}

export const NO_FIELDS: Fields = { expression: '', functions: '', snaplen: '', more: '' };

/** Options behind which no value stands. */
const FLAGS = new Set([
  ...['--connection', '--pid-tree', '--with-neighbours', '--follow', '--no-follow', '--follow-modules'],
  ...['--who', '--no-who'],
]);
const FUNCTIONS = ['-r', '--regex'];
const SNAPLEN = ['--snaplen'];

/** The expression is one word, and the last. */
export function toWords({ expression, functions, snaplen, more }: Fields): readonly string[] {
  const words = splitWords(more);
  if (functions.trim() !== '') words.push('-r', functions.trim());
  if (snaplen.trim() !== '') words.push('--snaplen', snaplen.trim());
  if (expression.trim() !== '') words.push(expression.trim());
  return words;
}

export function toFields(words: readonly string[]): Fields {
  const expression: string[] = [];
  const more: string[] = [];
  let [functions, snaplen] = ['', ''];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, name = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    if (!word.startsWith('-') || word === '-') {
      expression.push(word);
      continue;
    }
    // `-m1` has its value, `-m 1` has it in the next word.
    const isWhole = value !== undefined || FLAGS.has(name) || /^-[^-]./.test(word);
    const given = value ?? (isWhole ? undefined : words[++at]);
    if (FUNCTIONS.includes(name)) functions = given ?? '';
    else if (SNAPLEN.includes(name)) snaplen = given ?? '';
    else more.push(word, ...(isWhole || given === undefined ? [] : [given]));
  }
  return { expression: expression.join(' '), functions, snaplen, more: joinWords(more) };
}

/** The value of the last option with this name. */
export function optionValue(words: readonly string[], name: string): string | undefined {
  const at = words.lastIndexOf(name);
  if (at >= 0) return words[at + 1];
  return words.findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Words as a shell takes them apart: blanks stand between them, quotes keep blanks. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (const letter of text) {
    if (quote !== '') {
      if (letter === quote) quote = '';
      else word += letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A text that `splitWords` makes the same words of. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (word !== '' && !/[\s'"]/.test(word)) return word;
  // A single quote can't stand between single quotes, but beside them, between double ones.
  return word
    .split("'")
    .map((piece) => (piece === '' ? '' : `'${piece}'`))
    .join(`"'"`)
    .replace(/^$/, "''");
}
