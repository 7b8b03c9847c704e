/**
 * Expressions in C's notation, from their text to nodes. Pure.
 *
 *     where        conditional
 *     show         item { , item }          item: conditional [ as NAME ] [ :FORMAT ]
 *     conditional  binary [ ? conditional : conditional ]
 *     binary       unary { operator unary }      with C's precedence
 *     unary        ( - + ! ~ * & ) unary | ( type ) unary | sizeof unary | sizeof ( type ) | postfix
 *     postfix      primary { ->NAME | .NAME | [ conditional ] }
 *     primary      NUMBER | 'c' | "text" | NAME | NAME ( [ conditional { , conditional } ] ) | ( conditional )
 *     type         [const] [struct|union|enum] NAME[@MODULE] { * }
 */
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import { printable } from '../base/printable.js';
import type { BinaryOperator, Expression, TypeWords, UnaryOperator } from './ast.js';
import { readTokens, type Token } from './lexer.js';

/** A field that `--show` asks for. */
export interface ShowItem {
  readonly expression: Expression;
  /** The text of the expression alone. */
  readonly text: string;
  /** The name that was given, or that of the last member. */
  readonly name: string;
  /** As `hex` or `enum:tcp_state`. */
  readonly format: { readonly text: string; readonly at: TextRange } | undefined;
  readonly at: TextRange;
}

/** How deep brackets, casts and unary operators may stand within each other. */
const MAX_DEPTH = 100;

/** The precedence of C's binary operators, the weakest first. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ...[
    ['||'],
    ['&&'],
    ['|'],
    ['^'],
    ['&'],
    ['==', '!='],
    ['<', '<=', '>', '>='],
    ['<<', '>>'],
    ['+', '-'],
    ['*', '/', '%'],
  ],
] as const;

const PRECEDENCE: ReadonlyMap<string, number> = new Map(
  LEVELS.flatMap((operators, level) => operators.map((operator) => [operator, level] as const)),
);

const UNARY: ReadonlySet<string> = new Set<UnaryOperator>(['-', '+', '!', '~', '*', '&']);
const KEYWORDS = ['struct', 'union', 'enum'] as const;
/** Words that C's own types are made of. */
const TYPE_WORDS = new Set(['unsigned', 'signed', 'char', 'short', 'int', 'long', 'void', '_Bool', 'bool']);
/**
 * Names of types that stand alone in brackets before what is cast, as in `(u32)x`. Names of other types need their
 * keyword or a pointer, since `(x) & 1` could be either.
 */
const TYPEDEF = /^(?:[us](?:8|16|32|64)|__[a-z]\w*|[a-z]\w*_t|u(?:char|short|int|long))$/;

/** @throws ExpressionError with the place */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text);
  const expression = parser.conditional();
  parser.end();
  return expression;
}

/** The fields of `--show`. @throws ExpressionError with the place */
export function parseShow(text: string): ShowItem[] {
  const parser = new Parser(text);
  const items: ShowItem[] = [];
  do items.push(parser.item());
  while (parser.takes(','));
  parser.end();
  return items;
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = readTokens(text);
    if (this.#tokens.length === 1) {
      throw new ExpressionError('the expression is empty', 'as in skb->len > 1400', { from: 0, to: text.length });
    }
  }

  item(): ShowItem {
    const { from } = this.#token.at;
    const expression = this.conditional();
    const { to } = expression.at;
    let name: string | undefined;
    if (this.#isName('as')) {
      this.#next++;
      const word = this.#token;
      if (word.kind !== 'name') throw this.#wrong('a name must stand behind as');
      this.#next++;
      name = word.text;
    }
    const format = this.takes(':') ? this.#format() : undefined;
    name ??= nameOf(expression);
    if (name === undefined) {
      const text = this.#text.slice(from, to);
      throw new ExpressionError(`${printable(text)} needs a name`, `write: ${printable(text)} as NAME`, { from, to });
    }
    return { expression, text: this.#text.slice(from, to), name, format, at: { from, to } };
  }

  conditional(): Expression {
    this.#enter();
    const condition = this.#binary(0);
    if (!this.takes('?')) return this.#leave(condition);
    const then = this.conditional();
    this.#expect(':', 'between the two values of a condition');
    const otherwise = this.conditional();
    const at = { from: condition.at.from, to: otherwise.at.to };
    return this.#leave({ kind: 'conditional', condition, then, otherwise, at });
  }

  takes(operator: string): boolean {
    const { kind, text } = this.#token;
    if (kind !== 'operator' || text !== operator) return false;
    this.#next++;
    return true;
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#wrong();
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #isName(name: string): boolean {
    return this.#token.kind === 'name' && this.#token.text === name;
  }

  /** `hex`, `enum:tcp_state`. */
  #format(): { text: string; at: TextRange } {
    const words: Token[] = [];
    do {
      if (this.#token.kind !== 'name') throw this.#wrong('a format must stand behind the colon, as hex');
      words.push(this.#token);
      this.#next++;
    } while (this.takes(':'));
    const at = { from: words[0]!.at.from, to: words.at(-1)!.at.to };
    return { text: words.map(({ text }) => text).join(':'), at };
  }

  #binary(level: number): Expression {
    let left = level === LEVELS.length ? this.#unary() : this.#binary(level + 1);
    for (;;) {
      const token = this.#token;
      if (token.kind !== 'operator' || PRECEDENCE.get(token.text) !== level) return left;
      this.#next++;
      const right = level + 1 === LEVELS.length ? this.#unary() : this.#binary(level + 1);
      const operator = token.text as BinaryOperator;
      left = {
        kind: 'binary',
        operator,
        left,
        right,
        operatorAt: token.at,
        at: { from: left.at.from, to: right.at.to },
      };
    }
  }

  #unary(): Expression {
    const token = this.#token;
    const { from } = token.at;
    if (token.kind === 'operator' && UNARY.has(token.text)) {
      this.#next++;
      this.#enter();
      const of = this.#unary();
      return this.#leave({ kind: 'unary', operator: token.text as UnaryOperator, of, at: { from, to: of.at.to } });
    }
    if (this.#isName('sizeof')) {
      this.#next++;
      this.#enter();
      const type = this.#typeInBrackets();
      const of = type ?? this.#unary();
      const to = this.#tokens[this.#next - 1]!.at.to;
      return this.#leave({ kind: 'sizeof', of, at: { from, to } });
    }
    const type = this.#typeInBrackets();
    if (!type) return this.#postfix();
    this.#enter();
    const of = this.#unary();
    return this.#leave({ kind: 'cast', type, of, at: { from, to: of.at.to } });
  }

  #postfix(): Expression {
    let of = this.#primary();
    for (;;) {
      const { from } = of.at;
      const isArrow = this.takes('->');
      if (isArrow || this.takes('.')) {
        const name = this.#token;
        if (name.kind !== 'name') throw this.#wrong('the name of a member must stand here');
        this.#next++;
        const access = isArrow ? 'arrow' : 'dot';
        of = { kind: 'member', of, name: name.text, nameAt: name.at, access, at: { from, to: name.at.to } };
      } else if (this.takes('[')) {
        const index = this.conditional();
        const { to } = this.#expect(']', 'behind the index');
        of = { kind: 'index', of, index, at: { from, to } };
      } else {
        return of;
      }
    }
  }

  #primary(): Expression {
    const token = this.#token;
    const { at } = token;
    switch (token.kind) {
      case 'number':
        this.#next++;
        return { kind: 'number', value: token.value, type: token.type, at };
      case 'text':
        this.#next++;
        return { kind: 'text', value: token.value, at };
      case 'name': {
        this.#next++;
        if (!this.takes('(')) return { kind: 'name', name: token.text, at };
        const given: Expression[] = [];
        if (!this.takes(')')) {
          do given.push(this.conditional());
          while (this.takes(','));
          this.#expect(')', `behind what ${token.text}() is given`);
        }
        const { to } = this.#tokens[this.#next - 1]!.at;
        return { kind: 'call', name: token.text, nameAt: at, given, at: { from: at.from, to } };
      }
      default: {
        if (!this.takes('(')) throw this.#wrong();
        const inner = this.conditional();
        const { to } = this.#expect(')', 'to close the bracket');
        // With its brackets, so that messages quote what was written.
        return { ...inner, at: { from: at.from, to } };
      }
    }
  }

  /** A type in brackets, if one begins here: `(struct tcphdr *)`. */
  #typeInBrackets(): TypeWords | undefined {
    const begin = this.#next;
    if (!this.takes('(')) return undefined;
    const { from } = this.#token.at;
    while (this.#isName('const') || this.#isName('volatile')) this.#next++;
    const keyword = KEYWORDS.find((word) => this.#isName(word));
    if (keyword) this.#next++;
    const name = this.#typeName(keyword);
    if (keyword && name === undefined) throw this.#wrong(`the name of a ${keyword} must stand here`);
    const module = name !== undefined && this.takes('@') ? this.#moduleName() : undefined;
    let pointers = 0;
    for (; ; pointers++) {
      while (this.#isName('const')) this.#next++;
      if (!this.takes('*')) break;
    }
    const isType =
      keyword !== undefined ||
      (name !== undefined && (TYPE_WORDS.has(name.split(' ')[0]!) || TYPEDEF.test(name) || pointers > 0));
    if (name !== undefined && isType && this.#token.text === ')' && this.#token.kind === 'operator') {
      const at = { from, to: this.#token.at.from };
      this.#next++;
      return { keyword, name, module, pointers, at };
    }
    if (keyword) throw this.#wrong();
    this.#next = begin;
    return undefined;
  }

  #typeName(keyword: string | undefined): string | undefined {
    const first = this.#token;
    if (first.kind !== 'name') return undefined;
    this.#next++;
    const words = [first.text];
    if (keyword || !TYPE_WORDS.has(first.text)) return first.text;
    while (this.#token.kind === 'name' && TYPE_WORDS.has(this.#token.text)) {
      words.push(this.#token.text);
      this.#next++;
    }
    return words.join(' ');
  }

  #moduleName(): string {
    const { kind, text } = this.#token;
    if (kind !== 'name') throw this.#wrong('the name of a kernel module must stand behind @');
    this.#next++;
    return text;
  }

  #expect(operator: string, why: string): TextRange {
    const { at } = this.#token;
    if (!this.takes(operator)) throw this.#wrong(`${operator} is missing ${why}`);
    return at;
  }

  #wrong(problem?: string): ExpressionError {
    const { kind, text, at } = this.#token;
    const found = kind === 'end' ? 'the expression ends too early' : `${printable(text)} can't stand here`;
    const hint = text === '=' ? 'to compare, write ==' : undefined;
    return new ExpressionError(problem === undefined ? found : `${problem}; ${found}`, hint, at);
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new ExpressionError(
        `the expression is nested too deep: ${MAX_DEPTH} levels are allowed`,
        undefined,
        this.#token.at,
      );
    }
  }

  #leave<T>(value: T): T {
    this.#depth--;
    return value;
  }
}

/** The name of the member that stands last in an expression; of one without members, the name or call that it is. */
function nameOf(expression: Expression): string | undefined {
  const last = lastMember(expression);
  if (last !== undefined) return last;
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'call') return undefined;
  const [given] = expression.given;
  return given?.kind === 'number' ? `${expression.name}${given.value}` : undefined;
}

function lastMember(expression: Expression): string | undefined {
  switch (expression.kind) {
    case 'member':
      return expression.name;
    case 'index':
    case 'cast':
    case 'unary':
      return lastMember(expression.of);
    case 'call':
      return expression.given.map(lastMember).findLast((name) => name !== undefined);
    case 'binary':
      return lastMember(expression.right) ?? lastMember(expression.left);
    case 'conditional':
      return lastMember(expression.otherwise) ?? lastMember(expression.then) ?? lastMember(expression.condition);
    default:
      return undefined;
  }
}
