/**
 * Translates Perl's regular expressions, which ipftrace2 takes, to JavaScript's. A construct that only Perl has is
 * written in a way that matches the same names, or refused. A pattern without such constructs stays as it is. Only
 * whether a pattern matches counts: where the match begins (`\K`) makes no difference.
 */
import { complement, posixSet, propertySet, type Range, SPACES, VERTICAL_SPACES } from './character-sets.js';

/** The reason why a pattern can't be translated, in words that follow the pattern and a colon. */
export class PatternProblem extends Error {}

interface Flags {
  /** Case does not count. */
  readonly i: boolean;
  /** `^` and `$` match at ends of lines. */
  readonly m: boolean;
  /** `.` matches line feeds. */
  readonly s: boolean;
  /** Spaces and comments are ignored; `xx`: also in sets. */
  readonly x: boolean;
  readonly xx: boolean;
}

/** A capturing group. */
interface Capture {
  readonly kind: 'capture';
  /** Whether it takes part in each match, so that it is always set. */
  isCertain: boolean;
  isClosed: boolean;
}

/** A reference to a group: by its number, by its name, or to a group of the translation. */
interface Reference {
  readonly kind: 'reference';
  readonly to: number | string | Capture;
  readonly text: string;
  /** Whether it stands behind the group. */
  readonly isBackward: boolean;
}

type Piece = string | Capture | Reference | readonly Piece[];

/** The parts of an open group that can match the empty string. */
interface Emptiness {
  /** One of the alternatives before this one. */
  readonly earlier: boolean;
  /** This alternative without its last atom, and with it. */
  readonly beforeAtom: boolean;
  readonly branch: boolean;
  /** The last atom. */
  readonly atom: boolean;
}

/** An open group. */
interface Frame {
  /** The index of its piece. */
  readonly index: number;
  readonly closing: readonly Piece[];
  /** The flags outside of it. */
  readonly flags: Flags;
  readonly isBehind: boolean;
  /** Whether it is a lookaround, which always matches the empty string. */
  readonly looks: boolean;
  readonly isAtomic: boolean;
  readonly emptiness: Emptiness;
  readonly capture?: Capture;
}

const NO_FLAGS: Flags = { i: false, m: false, s: false, x: false, xx: false };
const START: Emptiness = { earlier: false, beforeAtom: true, branch: true, atom: false };
const NOTHING = '(?:)';
const LINE_BEGIN = '(?:^|(?<=\\n))';
const LINE_END = '(?:$|(?=\\n))';
const LAST_LINE_END = '(?=\\n?$)';
const ANY = '[\\s\\S]';
const LETTERS = [posixSet('upper')![0]!, posixSet('lower')![0]!];

/**
 * @returns the pattern for `new RegExp`, which refuses errors of both dialects
 * @throws PatternProblem
 */
export function translatePattern(text: string): string {
  return new Translator(text).translate();
}

class Translator {
  readonly #text: string;
  #at = 0;
  /** Whether the pattern has a construct that only Perl has. */
  #isPerl = false;
  #flags = NO_FLAGS;
  readonly #out: Piece[] = [];
  readonly #frames: Frame[] = [];
  /** The atom that a quantifier would apply to, as an index of `out`; undefined if there is none. */
  #atom: number | undefined;
  #isQuantified = false;
  readonly #captures: Capture[] = [];
  readonly #names = new Map<string, Capture>();
  /** Whether a group has a branch reset, in which groups of different branches share a number. */
  #hasBranchReset = false;
  #emptiness = START;
  /** The last repetition of an atom that can match the empty string, as an index of `out`. */
  #emptyLoop = -1;
  /** Whether the whole pattern has alternatives. */
  #hasAlternatives = false;

  constructor(text: string) {
    this.#text = text;
  }

  translate(): string {
    while (this.#at < this.#text.length) this.#next();
    return this.#isPerl ? this.#resolve() : this.#text;
  }

  /** Matches the text at the position, and moves the position behind the match. */
  #take(wanted: RegExp): RegExpExecArray | undefined {
    wanted.lastIndex = this.#at;
    const found = wanted.exec(this.#text);
    if (found) this.#at = wanted.lastIndex;
    return found ?? undefined;
  }

  /** @param mayBeEmpty whether the piece can match the empty string */
  #push(piece: Piece, mayBeEmpty = false): void {
    this.#atom = this.#out.length;
    this.#isQuantified = false;
    this.#out.push(piece);
    this.#beginAtom(mayBeEmpty, this.#emptiness.branch);
  }

  #pushPerl(piece: Piece, mayBeEmpty = false): void {
    this.#isPerl = true;
    this.#push(piece, mayBeEmpty);
  }

  #beginAtom(mayBeEmpty: boolean, beforeAtom: boolean): void {
    const { earlier } = this.#emptiness;
    this.#emptiness = { earlier, beforeAtom, branch: beforeAtom && mayBeEmpty, atom: mayBeEmpty };
  }

  #next(): void {
    const character = this.#text[this.#at]!;
    switch (character) {
      case '\\':
        this.#escape();
        return;
      case '[':
        this.#set();
        return;
      case '(':
        this.#open();
        return;
      case ')':
        this.#at++;
        this.#close();
        return;
      case '|':
        this.#at++;
        this.#out.push('|');
        this.#atom = undefined;
        this.#emptiness = { ...START, earlier: this.#emptiness.earlier || this.#emptiness.branch };
        if (this.#frames.length === 0) this.#hasAlternatives = true;
        return;
      case '^':
      case '$':
        this.#at++;
        this.#push(this.#flags.m ? (character === '^' ? LINE_BEGIN : LINE_END) : character, true);
        return;
      case '.':
        this.#at++;
        this.#push(this.#flags.s ? ANY : '.');
        return;
    }
    const quantifier = this.#take(/[*+?]|\{\d+(?:,\d*)?\}/y)?.[0];
    if (quantifier !== undefined) {
      this.#quantify(quantifier);
      return;
    }
    if (this.#flags.x && this.#take(/\s+|#[^\n]*(?:\n|$)/y)) return;
    this.#at++;
    this.#literal(character.charCodeAt(0), character);
  }

  #quantify(quantifier: string): void {
    const atom = this.#atom;
    const possessive = this.#take(/\+/y) !== undefined;
    const lazy = this.#take(/\?/y)?.[0] ?? '';
    if (atom === undefined) {
      if (this.#isPerl) throw new PatternProblem(`there is nothing that ${quantifier} could repeat`);
      // JavaScript reports the error.
      this.#out.push(`${quantifier}${possessive ? '+' : lazy}`);
      return;
    }
    const quantified = this.#out[atom]!;
    if (Array.isArray(quantified)) for (const piece of quantified) if (isCapture(piece)) piece.isCertain = false;
    if (isCapture(quantified)) quantified.isCertain = false;
    if (this.#isQuantified && quantifier.startsWith('{')) {
      // Perl reads a{2}{3} as (?:a{2}){3}.
      this.#isPerl = true;
      this.#out[atom] = ['(?:', quantified];
      this.#out.push(')');
    }
    const mayStop = !/^\{\d+\}$/.test(quantifier);
    if (this.#emptiness.atom && mayStop) this.#emptyLoop = Math.max(this.#emptyLoop, atom);
    if (/^(?:[*?]|\{0)/.test(quantifier))
      this.#emptiness = { ...this.#emptiness, branch: this.#emptiness.beforeAtom, atom: true };
    if (possessive) {
      this.#refuseEmptyLoop(atom);
      const own: Capture = { kind: 'capture', isCertain: true, isClosed: true };
      this.#refuseBehind(`the possessive quantifier ${quantifier}+`);
      this.#isPerl = true;
      this.#out[atom] = ['(?:(?=', own, this.#out[atom]!];
      this.#out.push(`${quantifier}))`, { kind: 'reference', to: own, text: '', isBackward: true }, ')');
    } else {
      this.#out.push(quantifier, lazy);
    }
    this.#isQuantified = true;
  }

  #open(): void {
    const isBehind = this.#frames.at(-1)?.isBehind ?? false;
    const verb = this.#take(/\(\*[^)]*\)?/y);
    if (verb) throw new PatternProblem(`${verb[0]} is an instruction to Perl's matching, which there is not here`);
    if (this.#take(/\(\?#/y)) {
      const end = this.#text.indexOf(')', this.#at);
      if (end < 0) throw new PatternProblem('a comment, (?#, has no end');
      this.#isPerl = true;
      this.#at = end + 1;
      return;
    }
    const plain = this.#take(/\(\?(?::|=|!|<=|<!)/y);
    if (plain) {
      this.#enter(plain[0], { isBehind: isBehind || plain[0].startsWith('(?<'), looks: plain[0] !== '(?:' });
      return;
    }
    if (this.#take(/\(\?>/y)) {
      this.#refuseBehind('(?>…)');
      const own: Capture = { kind: 'capture', isCertain: true, isClosed: true };
      this.#isPerl = true;
      this.#enter(['(?:(?=', own], {
        isBehind,
        closing: ['))', { kind: 'reference', to: own, text: '', isBackward: true }, ')'],
      });
      return;
    }
    if (this.#take(/\(\?\|/y)) {
      this.#isPerl = true;
      this.#hasBranchReset = true;
      this.#enter('(?:', { isBehind });
      return;
    }
    const named = this.#take(/\(\?(?:<|P<|')([A-Za-z_$][\w$]*)[>']/y);
    if (named) {
      if (!named[0].startsWith('(?<')) this.#isPerl = true;
      this.#capture(isBehind, named[1]);
      return;
    }
    const reference = this.#take(/\(\?P=(\w+)\)/y);
    if (reference) {
      this.#isPerl = true;
      this.#refer(reference[1]!, reference[0]);
      return;
    }
    this.#refuseUnknownGroup();
    const switches = this.#take(/\(\?(\^?)([A-Za-z]*)(?:-([A-Za-z]*))?([:)])/y);
    if (switches) {
      this.#switchFlags(switches, isBehind);
      return;
    }
    this.#at++;
    this.#capture(isBehind);
  }

  #refuseUnknownGroup(): void {
    const refused: readonly [RegExp, string][] = [
      [/\(\?\(/y, 'is a condition'],
      [/\(\?(?:R|P>|&|[+-]?\d)[^)]*\)?/y, 'is a recursion'],
      [/\(\?\??\{/y, 'is code'],
      [/\(\?C[^)]*\)?/y, 'is a callout'],
    ];
    for (const [form, what] of refused) {
      const found = this.#take(form)?.[0];
      if (found !== undefined) throw new PatternProblem(`${found} ${what}, which there is not in JavaScript`);
    }
  }

  #switchFlags([text, reset, on = '', off = '', end]: RegExpExecArray, isBehind: boolean): void {
    const unknown = /[^imsxU]/.exec(on + off)?.[0];
    if (unknown !== undefined) throw new PatternProblem(`the flag ${unknown} of ${text} is not known here`);
    // U changes how much is matched, not whether.
    const before = reset === '^' ? NO_FLAGS : this.#flags;
    const set = (flag: keyof Flags) => (before[flag] || on.includes(flag)) && !off.includes(flag[0]!);
    const flags = { i: set('i'), m: set('m'), s: set('s'), x: set('x'), xx: set('xx') };
    if (end === ':') {
      if (text !== '(?:') this.#isPerl = true;
      this.#enter('(?:', { isBehind });
    } else {
      this.#isPerl = true;
      this.#atom = undefined;
    }
    this.#flags = flags;
  }

  #enter(
    opening: Piece,
    { isBehind, looks = false, closing, capture }: Partial<Frame> & Pick<Frame, 'isBehind'>,
  ): void {
    this.#frames.push({
      ...{ index: this.#out.length, flags: this.#flags, emptiness: this.#emptiness },
      ...{ isBehind, looks, isAtomic: closing !== undefined, closing: closing ?? [')'] },
      ...(capture ? { capture } : {}),
    });
    this.#out.push(opening);
    this.#atom = undefined;
    this.#emptiness = START;
  }

  #capture(isBehind: boolean, name?: string): void {
    const capture: Capture = { kind: 'capture', isCertain: this.#frames.length === 0, isClosed: false };
    this.#captures.push(capture);
    if (name !== undefined && this.#names.has(name)) throw new PatternProblem(`two groups are named ${name}`);
    if (name !== undefined) this.#names.set(name, capture);
    this.#enter(capture, { isBehind, capture });
  }

  #close(): void {
    const frame = this.#frames.pop();
    if (frame?.capture) frame.capture.isClosed = true;
    this.#out.push(...(frame?.closing ?? [')']));
    this.#flags = frame?.flags ?? this.#flags;
    this.#atom = frame?.index;
    this.#isQuantified = false;
    if (!frame) return;
    if (frame.isAtomic) this.#refuseEmptyLoop(frame.index);
    const { earlier, branch } = this.#emptiness;
    this.#emptiness = frame.emptiness;
    this.#beginAtom(frame.looks || earlier || branch, frame.emptiness.branch);
  }

  /**
   * Perl ends a repetition after the first empty turn, JavaScript refuses an empty turn. That makes a difference unless
   * another way is tried later.
   * @param index where the repetition begins
   */
  #refuseEmptyLoop(index: number): void {
    if (this.#emptyLoop < index) return;
    throw new PatternProblem(
      "what repeats something that may be empty can't be translated within (?>…) and before a +",
    );
  }

  #refuseBehind(what: string): void {
    if (this.#frames.at(-1)?.isBehind) throw new PatternProblem(`${what} within a lookbehind can't be translated`);
  }

  #refer(to: number | string, text: string): void {
    if (this.#flags.i) throw new PatternProblem(`${text} can't be translated where letters of both cases are equal`);
    this.#push({ kind: 'reference', to, text, isBackward: this.#group(to)?.isClosed ?? false }, true);
  }

  #group(to: number | string): Capture | undefined {
    return typeof to === 'number' ? this.#captures[to - 1] : this.#names.get(to);
  }

  #literal(code: number, text: string): void {
    const other = this.#flags.i ? otherCase(code) : undefined;
    this.#push(other === undefined ? text : `[${codeText(code)}${codeText(other)}]`);
  }

  #escape(): void {
    if (this.#take(/\\Q/y)) {
      this.#quote();
      return;
    }
    if (this.#take(/\\E/y)) {
      this.#isPerl = true;
      return;
    }
    if (this.#take(/\\K/y)) {
      this.#pushPerl(NOTHING, true);
      return;
    }
    const anchor = this.#take(/\\([AGzZ])/y)?.[1];
    if (anchor !== undefined) {
      this.#pushPerl(anchor === 'Z' ? LAST_LINE_END : anchor === 'z' ? '$' : '^', true);
      return;
    }
    if (this.#take(/\\R/y)) {
      this.#refuseBehind('\\R');
      const own: Capture = { kind: 'capture', isCertain: true, isClosed: true };
      const ends = `\\r\\n|[${setText(VERTICAL_SPACES)}]`;
      this.#pushPerl(['(?:(?=', own, ends, '))', { kind: 'reference', to: own, text: '', isBackward: true }, ')']);
      return;
    }
    if (this.#take(/\\N(?!\{)/y)) {
      this.#pushPerl('[^\\n]');
      return;
    }
    if (this.#take(/\\C/y)) {
      this.#pushPerl(ANY);
      return;
    }
    const ranges = this.#takeSet();
    if (ranges) {
      this.#pushPerl(`[${setText(this.#flags.i ? fold(ranges) : ranges)}]`);
      return;
    }
    if (this.#escapeReference()) return;
    const begin = this.#at;
    const code = this.#takeCode(false);
    const text = this.#text.slice(begin, this.#at);
    if (code !== undefined) {
      this.#literal(code, this.#isPerl ? atomText(code) : text);
      return;
    }
    this.#at += 2;
    this.#push(this.#text.slice(begin, this.#at), /^\\[bB]$/.test(this.#text.slice(begin, this.#at)));
  }

  #quote(): void {
    this.#isPerl = true;
    const end = this.#text.indexOf('\\E', this.#at);
    const quoted = this.#text.slice(this.#at, end < 0 ? undefined : end);
    for (let index = 0; index < quoted.length; index++) {
      const code = quoted.charCodeAt(index);
      this.#literal(code, codeText(code));
    }
    this.#at = end < 0 ? this.#text.length : end + 2;
  }

  #escapeReference(): boolean {
    const called = this.#take(/\\g(?:<[^>]*>?|'[^']*'?)/y)?.[0];
    if (called !== undefined) throw new PatternProblem(`${called} is a recursion, which there is not in JavaScript`);
    const byNumber = this.#take(/\\g\{?([+-]?)(\d+)\}?/y);
    if (byNumber) {
      const [text, sign, digits] = byNumber;
      const count = Number(digits);
      this.#isPerl = true;
      const before = this.#captures.length;
      this.#refer(sign === '-' ? before + 1 - count : sign === '+' ? before + count : count, text);
      return true;
    }
    const byName = this.#take(/\\(?:k\{(\w+)\}|k'(\w+)'|g\{(\w+)\}|k<([\w$]+)>)/y);
    if (byName) {
      const [text, ...names] = byName;
      if (!text.startsWith('\\k<')) this.#isPerl = true;
      this.#refer(names.find((name) => name !== undefined)!, text);
      return true;
    }
    const numbered = this.#take(/\\[1-9]\d*/y)?.[0];
    if (numbered === undefined) return false;
    this.#refer(Number(numbered.slice(1)), numbered);
    return true;
  }

  /** A set that an escape stands for. */
  #takeSet(): Range[] | undefined {
    const property = this.#take(/\\([pP])(?:\{(\^?)([^}]*)\}|([A-Z]))/y);
    if (property) {
      const [text, kind, negation, long, short] = property;
      const ranges = propertySet(long ?? short ?? '');
      if (!ranges) throw new PatternProblem(`the property of ${text} is not known here`);
      this.#isPerl = true;
      return (kind === 'P') !== (negation === '^') ? complement(ranges) : ranges;
    }
    const letter = this.#take(/\\([hHV])/y)?.[1];
    if (letter === undefined) return undefined;
    this.#isPerl = true;
    return letter === 'h' ? SPACES : complement(letter === 'H' ? SPACES : VERTICAL_SPACES);
  }

  /** The code of a character that an escape stands for; undefined for other escapes. */
  #takeCode(inSet: boolean): number | undefined {
    const changing = this.#take(/\\(?:[lLUX]|u(?![0-9a-fA-F]{4})|N\{)/y)?.[0];
    if (changing !== undefined) throw new PatternProblem(`${changing} can't be translated`);
    const hex = this.#take(/\\x\{([0-9a-fA-F]+)\}/y) ?? this.#take(/\\x([0-9a-fA-F]?)(?![0-9a-fA-F])/y);
    const octal = hex ? undefined : this.#take(/\\o\{([0-7]+)\}/y);
    if (hex || octal) {
      this.#isPerl = true;
      return checkCode(hex ? Number.parseInt(hex[1] || '0', 16) : Number.parseInt(octal![1]!, 8));
    }
    const both = this.#take(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/y);
    if (both) return Number.parseInt(both[1] ?? both[2]!, 16);
    const control = this.#take(/\\c([A-Za-z])/y)?.[1];
    if (control !== undefined) return control.charCodeAt(0) & 31;
    const digits = this.#take(inSet ? /\\([0-7]{1,3})/y : /\\(0[0-7]{0,2})/y)?.[1];
    if (digits !== undefined) return Number.parseInt(digits, 8) & 0xff;
    const letter = this.#take(/\\([ae])/y)?.[1];
    if (letter !== undefined) {
      this.#isPerl = true;
      return letter === 'a' ? 7 : 27;
    }
    const named = this.#take(inSet ? /\\([nrtfvb])/y : /\\([nrtfv])/y)?.[1];
    if (named !== undefined) return { n: 10, r: 13, t: 9, f: 12, v: 11, b: 8 }[named];
    return this.#take(/\\([^\w]|_)/y)?.[1]?.charCodeAt(0);
  }

  /** `[…]` */
  #set(): void {
    const alone = this.#take(/\[([:.=])\^?\w+\1\]/y)?.[0];
    if (alone !== undefined) {
      throw new PatternProblem(`${alone} stands for characters only within another pair of brackets: [${alone}]`);
    }
    const begin = this.#at;
    const wasPerl = this.#isPerl;
    const opening = this.#take(/\[\^?/y)![0];
    if (this.#text[this.#at] === ']' && this.#text.includes(']', this.#at + 1)) {
      throw new PatternProblem(`${opening}] is a whole set in JavaScript and begins one in Perl: write ${opening}\\]`);
    }
    this.#isPerl = this.#flags.i;
    const ranges: Range[] = [];
    let body = '';
    let isQuoting = false;
    while (this.#text[this.#at] !== ']' || isQuoting) {
      // JavaScript reports that the set has no end.
      if (this.#at >= this.#text.length) break;
      if (isQuoting && this.#take(/\\E/y)) isQuoting = false;
      else if (!isQuoting && this.#take(/\\Q/y)) isQuoting = this.#isPerl = true;
      else if (!isQuoting && this.#take(/\\E/y)) this.#isPerl = true;
      else if (this.#flags.xx && !isQuoting && this.#take(/[ \t]+/y)) this.#isPerl = true;
      else body += this.#setElement(ranges, isQuoting);
    }
    const closing = this.#text[this.#at] === ']' ? ']' : '';
    this.#at += closing.length;
    const text = this.#isPerl
      ? `${opening}${body}${setText(this.#flags.i ? fold(ranges) : ranges)}${closing}`
      : this.#text.slice(begin, this.#at);
    this.#isPerl ||= wasPerl;
    this.#push(text);
  }

  /** Adds a character or a range to `ranges`. @returns the text of an element that is neither */
  #setElement(ranges: Range[], isQuoting: boolean): string {
    const posix = isQuoting ? undefined : this.#take(/\[([:.=])(\^?)(\w*)\1\]/y);
    if (posix) {
      const [text, kind, negation, name = ''] = posix;
      const found = kind === ':' ? posixSet(name) : undefined;
      if (!found) throw new PatternProblem(`${text} is not known: there are [:digit:], [:alpha:] and their likes`);
      this.#isPerl = true;
      ranges.push(...(negation === '^' ? complement(found) : found));
      return '';
    }
    if (!isQuoting) {
      const own = this.#take(/\\[dDwWsS]/y)?.[0] ?? '';
      if (own !== '') return own;
      const set = this.#takeSet();
      if (set) {
        ranges.push(...set);
        return '';
      }
      const refused = this.#take(/\\[NRC]/y)?.[0];
      if (refused !== undefined) throw new PatternProblem(`${refused} can't be within brackets`);
    }
    const from = this.#setCharacter(isQuoting);
    if (
      isQuoting ||
      this.#text[this.#at] !== '-' ||
      /^-(?:\]|\\[dDwWsShHVpPQE]|\[[:.=]|$)/.test(this.#text.slice(this.#at, this.#at + 3))
    ) {
      ranges.push([from, from]);
      return '';
    }
    this.#at++;
    const to = this.#setCharacter(false);
    if (from > to) throw new PatternProblem('a range within brackets is out of order');
    ranges.push([from, to]);
    return '';
  }

  #setCharacter(isQuoting: boolean): number {
    const code = isQuoting || this.#text[this.#at] !== '\\' ? undefined : this.#takeCode(true);
    if (code !== undefined) return code;
    // Any other escape stands for the character itself.
    if (!isQuoting && this.#text[this.#at] === '\\' && this.#at + 1 < this.#text.length) this.#at++;
    return this.#text.charCodeAt(this.#at++);
  }

  /** The text of the translation, with its groups numbered. */
  #resolve(): string {
    const numbers = new Map<Capture, number>();
    const pieces: (string | Reference)[] = [];
    const flatten = (piece: Piece): void => {
      if (typeof piece === 'string') pieces.push(piece);
      else if (Array.isArray(piece)) for (const one of piece as readonly Piece[]) flatten(one);
      else if (isCapture(piece)) {
        numbers.set(piece, numbers.size + 1);
        pieces.push('(');
      } else pieces.push(piece as Reference);
    };
    for (const piece of this.#out) flatten(piece);
    return pieces.map((piece) => (typeof piece === 'string' ? piece : this.#reference(piece, numbers))).join('');
  }

  #reference({ to, text, isBackward }: Reference, numbers: ReadonlyMap<Capture, number>): string {
    if (typeof to === 'object') return `\\${numbers.get(to)}`;
    const capture = this.#group(to);
    if (!capture) throw new PatternProblem(`${text} refers to a group that there is not`);
    // A reference to a group that has not matched fails in Perl, and matches the empty string in JavaScript.
    if (!isBackward || !capture.isCertain || this.#hasAlternatives || this.#hasBranchReset) {
      throw new PatternProblem(`${text} refers to a group that may not have matched, which means something else here`);
    }
    return `(?:\\${numbers.get(capture)})`;
  }
}

function isCapture(piece: Piece): piece is Capture {
  return typeof piece === 'object' && 'kind' in piece && piece.kind === 'capture';
}

function checkCode(code: number): number {
  if (code <= 0xffff) return code;
  throw new PatternProblem('characters behind \\x{ffff} can not be named');
}

/** The same letter in the other case; only ASCII letters have one. */
function otherCase(code: number): number | undefined {
  return /[A-Za-z]/.test(String.fromCharCode(code)) ? code ^ 0x20 : undefined;
}

/** Adds all letters that differ only in case. */
function fold(ranges: readonly Range[]): Range[] {
  const folded = [...ranges];
  for (const [from, to] of ranges) {
    for (const [first, last] of LETTERS) {
      const [begin, end] = [Math.max(from, first), Math.min(to, last)];
      if (begin <= end) folded.push([begin ^ 0x20, end ^ 0x20]);
    }
  }
  return folded;
}

/** A character for a set. */
function codeText(code: number): string {
  const character = String.fromCharCode(code);
  if (/\w/.test(character)) return character;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** A character outside of a set: a digit must not become part of the piece before it. */
function atomText(code: number): string {
  return /\d/.test(String.fromCharCode(code)) ? `\\x${code.toString(16)}` : codeText(code);
}

function setText(ranges: readonly Range[]): string {
  return ranges.map(([from, to]) => (from === to ? codeText(from) : `${codeText(from)}-${codeText(to)}`)).join('');
}
