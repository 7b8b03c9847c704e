/**
 * Expressions of pcap-filter: what libpcap must not get, and what its answers mean. Pure: the compiler is handed in.
 */
import { causedBy, UsageError } from '../../base/errors.js';
import { ExpressionError, type TextRange } from '../../base/expression-error.js';
import { printable, quote } from '../../base/printable.js';
import { type ClassicInstruction, findUnfit, parseClassic, rejectsAll, type Unfit } from './classic-bpf.js';

/** Packets that begin with Ethernet's header. */
export const DLT_EN10MB = 1;
/** Packets that begin with IP's. */
export const DLT_RAW = 12;

/** libpcap's compiler: instructions, or its message. */
export type Compile = (
  text: string,
  linkType: number,
) => { readonly program: Uint8Array } | { readonly message: string };

export interface CompiledExpression {
  readonly text: string;
  readonly ethernet: readonly ClassicInstruction[];
  readonly ip: readonly ClassicInstruction[];
  readonly warnings: readonly string[];
}

/**
 * The time that libpcap takes grows with the third power of the length, and it needs more stack than there is at last:
 * so many words take it a second.
 */
const MAX_WORDS = 500;
const MAX_CHARACTERS = 1 << 16;
/** The longest program that the kernel's verifier is asked to look at, in instructions of classic BPF. */
const MAX_INSTRUCTIONS = 4096;
const SYNTAX = 'man pcap-filter tells the syntax';

const WORD = /\\[^\s()]+|[A-Za-z0-9_.:/-]+|&&|\|\||<<|>>|[<>!=]=|\S/g;

interface Word {
  readonly text: string;
  readonly at: number;
}

/**
 * Compiles an expression for both kinds of packets.
 * @throws UsageError if it can't be used; the message is libpcap's where it has one
 */
export function compileExpression(text: string, compile: Compile): CompiledExpression {
  const words = splitWords(text);
  refuseNames(text, words, compile);
  const ethernet = compileFor(DLT_EN10MB, text, words, compile);
  const ip = compileFor(DLT_RAW, text, words, compile);
  const never = rejectsAll(ethernet) && rejectsAll(ip);
  const warnings = never ? [`no packet can match ${quote(text)}`] : [];
  return { text, ethernet, ip, warnings };
}

/** Compiles the expression for the packet within a tunnel, which messages call the inner one. @throws UsageError */
export function compileInner(text: string, compile: Compile): CompiledExpression {
  const name = (message: string) => `the inner expression: ${message}`;
  try {
    const compiled = compileExpression(text, compile);
    return { ...compiled, warnings: compiled.warnings.map(name) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const at = error instanceof ExpressionError ? error.at : undefined;
    throw causedBy(new ExpressionError(name(error.message), error.hint, at), error);
  }
}

function splitWords(text: string): Word[] {
  if (text.trim() === '')
    throw new UsageError('the expression is empty', `it names packets, as in 'tcp port 443'; ${SYNTAX}`);
  if (text.length > MAX_CHARACTERS) throw tooLong(`${text.length} characters`, MAX_CHARACTERS);
  const strange = /[^\t\n\r\x20-\x7e]/u.exec(text);
  if (strange) {
    const what = strange[0] === '\ufffd' ? 'bytes that are no UTF-8' : `'${printable(strange[0])}'`;
    const at = { from: strange.index, to: strange.index + strange[0].length };
    throw new ExpressionError(`the expression has ${what} at character ${strange.index + 1}`, SYNTAX, at);
  }
  const words = [...text.matchAll(WORD)].map((match) => ({ text: match[0], at: match.index }));
  if (words.length > MAX_WORDS) throw tooLong(`${words.length} words`, MAX_WORDS);
  return words;
}

function tooLong(length: string, most: number): UsageError {
  return new UsageError(`the expression is too long: it has ${length}, and may have ${most}`);
}

/** Words behind which a name is one of a service, a protocol or something else that no name server is asked for. */
const NAMING = new Set([
  ...['port', 'portrange', 'proto', 'protochain', 'type', 'subtype', 'dir', 'direction', 'ifname', 'on'],
  ...['rset', 'ruleset', 'reason', 'action', 'llc'],
]);
/** Words that leave the meaning of a name as it was: `port http or https`. */
const JOINING = new Set(['and', 'or', 'not', '&&', '||', '!', '(', ')']);
/** Numbers and addresses. */
const NUMBER =
  /^(0x[0-9a-f]+|\d+(\.\d+){0,3}(\/\d+)?|\d+-\d+|[0-9a-f]{1,2}([.-][0-9a-f]{1,2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12}|.*:.*)$/i;

/**
 * Refuses names of hosts and networks. libpcap would ask name servers for them, whose answers are packets, too, and may
 * take long.
 */
function refuseNames(text: string, words: readonly Word[], compile: Compile): void {
  let isOther = false;
  for (const word of words) {
    if (NUMBER.test(word.text) || JOINING.has(word.text) || !/^[\\A-Za-z0-9]/.test(word.text)) continue;
    if (!isName(word.text, compile)) isOther = NAMING.has(word.text);
    else if (!isOther) {
      throw new ExpressionError(
        `'${printable(word.text)}' in ${quote(text)}${placeOf(word)}, is no word of pcap-filter, and names are not resolved`,
        `write the address of a host: getent ahosts NAME tells it; ${SYNTAX}`,
        rangeOf(word, text),
      );
    }
  }
}

/** Whether libpcap takes a word for a name, not for one of its own words. */
function isName(word: string, compile: Compile): boolean {
  const isSyntaxError = (text: string) => {
    const result = compile(text, DLT_EN10MB);
    return 'message' in result && result.message.includes('syntax error');
  };
  // Its own words can't stand for a port, but for some that are numbers, as tcp-syn.
  return word.startsWith('\\') || (!isSyntaxError(`port ${word}`) && isSyntaxError(`ether[0] = ${word}`));
}

const UNFIT: Record<Unfit, (text: string) => string> = {
  ancillary: (text) =>
    `${quote(text)} asks for something that a packet does not tell on its way: a direction (inbound, outbound), an interface, or an offset before its first byte`,
  loop: (text) => `${quote(text)} needs a loop (protochain), which the kernel does not run`,
  malformed: (text) => `libpcap makes no sound program of ${quote(text)}`,
};

/** A program that rejects all. */
const NEVER: readonly ClassicInstruction[] = [{ code: 0x06, jt: 0, jf: 0, k: 0 }];

function compileFor(
  linkType: number,
  text: string,
  words: readonly Word[],
  compile: Compile,
): readonly ClassicInstruction[] {
  const result = compile(text, linkType);
  if ('message' in result) {
    if (/rejects all packets/.test(result.message)) return NEVER;
    // What is asked about Ethernet, no packet without it answers.
    if (linkType === DLT_RAW) return NEVER;
    const refusal = `libpcap refuses ${quote(text)}: ${printable(result.message)}`;
    if (!/syntax error/.test(result.message)) throw new UsageError(refusal, SYNTAX);
    const word = findError(words, text, compile);
    throw new ExpressionError(`${refusal}${placeOf(word)}`, SYNTAX, rangeOf(word, text));
  }
  const program = parseClassic(result.program);
  const unfit = findUnfit(program);
  if (unfit !== undefined) throw new UsageError(UNFIT[unfit](text));
  if (program.length > MAX_INSTRUCTIONS) throw tooLong(`${program.length} instructions`, MAX_INSTRUCTIONS);
  return program;
}

function placeOf(word: Word | undefined): string {
  return word === undefined ? ', at its end' : `, at character ${word.at + 1}`;
}

function rangeOf(word: Word | undefined, text: string): TextRange {
  return word === undefined
    ? { from: text.length, to: text.length }
    : { from: word.at, to: word.at + word.text.length };
}

/** What may follow a beginning that is right as far as it goes. */
const REST = [
  ...['', ' ip', ' 1', ' 1.2.3.4', ' 1-2', ' \\tcp', ' 1:2:3:4:5:6', ' = 0', ' 0 = 0', '0] = 0', '] = 0'],
  ...[' port 1', ' host 1.2.3.4', ' mask 1.2.3.4', ' :1] = 0'],
];

/**
 * The word at which libpcap sees a syntax error, which it does not tell: the first one up to which no ending makes the
 * expression right. Undefined: its end.
 */
function findError(words: readonly Word[], text: string, compile: Compile): Word | undefined {
  const isRight = (count: number) => {
    const last = words[count - 1]!;
    const beginning = text.slice(0, last.at + last.text.length);
    const open = [...beginning].reduce((depth, letter) => depth + (letter === '(' ? 1 : letter === ')' ? -1 : 0), 0);
    const close = ')'.repeat(Math.max(0, open));
    return REST.flatMap((rest) => [
      `${beginning}${rest}${close}`,
      `${beginning}${rest.replace(' = 0', '')}${close} = 0`,
    ]).some((whole) => {
      const result = compile(whole, DLT_EN10MB);
      return !('message' in result && result.message.includes('syntax error'));
    });
  };
  let [right, wrong] = [0, words.length + 1];
  while (wrong - right > 1) {
    const middle = (right + wrong) >> 1;
    if (isRight(middle)) right = middle;
    else wrong = middle;
    if (wrong > words.length && right === words.length) break;
  }
  return words[right];
}
