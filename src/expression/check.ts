/**
 * The type checker: from nodes to values whose types and places are known. Whatever it takes, the code generator makes a
 * program of that the kernel's verifier takes. Pure.
 *
 * The rules are C's: integers are promoted, the types of two sides are made one, pointers count in elements, an array
 * stands for the address of its first element where a pointer is wanted. Numbers in network order (`__be16` and its like)
 * are swapped where they are used as numbers; a cast to another type takes their bits as they are.
 */
import { addressBytes } from '../base/addresses.js';
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import { printable } from '../base/printable.js';
import { findNearest } from '../base/suggest.js';
import type { BinaryOperator, Expression, LiteralType, TypeWords } from './ast.js';
import { CONSTANTS } from './constants.js';
import { convertValue, foldArithmetic, foldComparison } from './fold.js';
import { INLINE_FUNCTIONS } from './inline-functions.js';
import type { KernelTypes } from './kernel-types.js';
import {
  type Arithmetic,
  type Bytes as ComparedBytes,
  type Comparison,
  type Fact,
  HEADERS,
  type Header,
  isScalar,
  type Place,
  type ScalarType,
  type Typed,
  type Value,
} from './typed.js';
import {
  type ArrayType,
  type Bytes,
  type CType,
  INT,
  type IntegerType,
  integer,
  isText,
  LONG,
  type PointerType,
  pointerTo,
  pointsToText,
  readType,
  sizeOf,
  UNSIGNED_INT,
  UNSIGNED_LONG,
} from './types.js';

const LITERALS: Readonly<Record<LiteralType, IntegerType>> = {
  int: INT,
  'unsigned int': UNSIGNED_INT,
  long: LONG,
  'unsigned long': UNSIGNED_LONG,
};
const FACTS: Readonly<Record<Fact, ScalarType>> = {
  cpu: UNSIGNED_INT,
  now: integer('u64', 8, false),
  pid: INT,
  func: pointerTo({ kind: 'opaque', name: 'function', isFunction: true, bytes: undefined }),
};
const NAMES = ['skb', 'comm', ...Object.keys(FACTS)];
/** Functions that swap: the width, and whether the result is in network order. */
const SWAPS: Readonly<Record<string, { readonly bytes: 2 | 4 | 8; readonly toNetwork: boolean }>> = {
  ...{ ntohs: { bytes: 2, toNetwork: false }, htons: { bytes: 2, toNetwork: true } },
  ...{ ntohl: { bytes: 4, toNetwork: false }, htonl: { bytes: 4, toNetwork: true } },
  ...{ be16_to_cpu: { bytes: 2, toNetwork: false }, cpu_to_be16: { bytes: 2, toNetwork: true } },
  ...{ be32_to_cpu: { bytes: 4, toNetwork: false }, cpu_to_be32: { bytes: 4, toNetwork: true } },
  ...{ be64_to_cpu: { bytes: 8, toNetwork: false }, cpu_to_be64: { bytes: 8, toNetwork: true } },
};
const FUNCTIONS = [...Object.keys(HEADERS), ...Object.keys(SWAPS), 'arg', 'ip', 'mac'];
/** The arguments that a traced function's program can see. */
const MAX_ARGUMENTS = 6;
/** The longest text that is compared: it must fit the stack. */
const MAX_TEXT_BYTES = 63;
/** The most values of an expression, each counted where it stands: the tree of a function in TypeScript shares nodes. */
const MAX_NODES = 20_000;
/** The largest offset of a member that a load's instruction can have, with what is read there. */
const MAX_OFFSET = 0x7fff_0000;

/** The kinds of values in an expression, checked. */
export class Checker {
  readonly #types: KernelTypes;
  #nodes = 0;

  constructor(types: KernelTypes) {
    this.#types = types;
  }

  /** The value of an expression. @throws ExpressionError */
  value(expression: Expression): Value {
    const checked = this.#check(expression);
    return checked.kind === 'scalar' ? { ...checked, typed: fold(checked.typed) } : checked;
  }

  /** An expression as a condition: a number or pointer that is not 0. @throws ExpressionError */
  condition(expression: Expression): Typed {
    return this.#truth(expression);
  }

  #check(expression: Expression): Value {
    if (++this.#nodes > MAX_NODES) {
      throw new ExpressionError('the expression is too long', undefined, expression.at);
    }
    switch (expression.kind) {
      case 'number':
        return scalar({ op: 'constant', type: LITERALS[expression.type], value: expression.value });
      case 'text':
        return { kind: 'text', text: expression.value };
      case 'name':
        return this.#name(expression.name, expression.at);
      case 'member':
        return this.#member(expression);
      case 'index':
        return this.#index(expression);
      case 'call':
        return this.#call(expression);
      case 'cast':
        return this.#cast(expression.type, expression.of);
      case 'sizeof':
        return this.#sizeof(expression.of, expression.at);
      case 'unary':
        return this.#unary(expression);
      case 'binary':
        return this.#binary(expression);
      case 'conditional': {
        const condition = this.#truth(expression.condition);
        const [then, otherwise] = this.#alike(
          this.#check(expression.then),
          this.#check(expression.otherwise),
          expression,
        );
        if (condition.op === 'constant') return scalar(condition.value === 0n ? otherwise : then);
        return scalar({ op: 'conditional', type: then.type, condition, then, otherwise });
      }
      case 'coalesce': {
        const [left, right] = this.#alike(this.#check(expression.left), this.#check(expression.right), expression);
        if (left.op === 'absent') return scalar(right);
        if (left.op === 'constant' || right.op === 'absent') return scalar(left);
        return scalar({ op: 'coalesce', type: left.type, left, right });
      }
      case 'absent':
        return scalar({ op: 'absent', type: INT });
    }
  }

  #name(name: string, at: TextRange): Value {
    if (name === 'skb') {
      const type = this.#types.pointerTo('sk_buff', at) as PointerType;
      return scalar({ op: 'address', type, place: { base: { kind: 'skb' }, offset: 0 } });
    }
    if (name === 'comm') return { kind: 'comm' };
    if (Object.hasOwn(FACTS, name)) {
      const fact = name as Fact;
      return scalar({ op: 'fact', type: FACTS[fact], fact });
    }
    if (Object.hasOwn(CONSTANTS, name)) return scalar({ op: 'constant', type: INT, value: BigInt(CONSTANTS[name]!) });
    const found = this.#types.enumerator(name, at);
    if (found) {
      // Enumerators are ints, or wider where their enum is.
      const { btf, id } = found.type;
      const isWide = btf.sizeOrType(id) === 8;
      const type = isWide ? (btf.kindFlag(id) ? LONG : UNSIGNED_LONG) : found.value > 0x7fff_ffffn ? UNSIGNED_INT : INT;
      return scalar({ op: 'constant', type, value: found.value });
    }
    const call = FUNCTIONS.includes(name) ? `write ${name}(${Object.hasOwn(HEADERS, name) ? 'skb' : '…'})` : undefined;
    const nearest = findNearest(name, NAMES);
    const hint =
      call ??
      (nearest === undefined
        ? `an expression begins with skb, ${NAMES.slice(1).join(', ')}, a function or an enumerator`
        : `is it ${nearest}?`);
    throw new ExpressionError(`there is no ${printable(name)}`, hint, at);
  }

  #member(expression: Expression & { kind: 'member' }): Value {
    const { of, name, nameAt, access } = expression;
    const value = this.#check(of);
    let place: Place;
    let struct: CType;
    if (value.kind === 'composite') {
      place = value.place;
      struct = value.type;
      if (access === 'arrow' && struct.kind === 'array') {
        // An array stands for a pointer to its first element.
        struct = struct.element();
      } else if (access === 'arrow') {
        throw new ExpressionError(`this is ${struct.name} and no pointer`, `write .${printable(name)}`, of.at);
      }
    } else {
      const typed = this.#scalar(value, of);
      if (typed.type.kind !== 'pointer') {
        throw new ExpressionError(`this is ${nameOf(typed.type)}, which has no members`, undefined, of.at);
      }
      struct = typed.type.to();
      if (access === 'dot') {
        throw new ExpressionError(`this is ${nameOf(typed.type)}, a pointer`, `write ->${printable(name)}`, of.at);
      }
      place = placeOf(typed);
    }
    struct = this.#types.complete(struct, of.at);
    if (struct.kind !== 'struct') {
      const what =
        struct.kind === 'opaque' && struct.name === 'void'
          ? 'what this points to has no type'
          : `this is ${printable(struct.name)}, which has no members`;
      const hint = struct.kind === 'opaque' ? 'cast it: ((struct NAME *)…)' : undefined;
      throw new ExpressionError(what, hint, of.at);
    }
    const member = this.#types.member(struct.ref, name);
    if (!member) {
      const nearest = this.#types.nearestMember(struct.ref, name);
      throw new ExpressionError(
        `${printable(struct.name)} has no member ${printable(name)}${nearest === undefined ? '' : `; ${printable(nearest)}?`}`,
        undefined,
        nameAt,
      );
    }
    return this.#at(readType(member.type), offsetPlace(place, member.offsetBits, member.bits), expression.at);
  }

  #index(expression: Expression & { kind: 'index' }): Value {
    const value = this.#check(expression.of);
    const index = this.#number(this.#check(expression.index), expression.index);
    if (value.kind === 'composite' && value.type.kind === 'array') {
      const { type, place } = value;
      const element = this.#types.complete(type.element(), expression.at);
      const stride = this.#sizeOf(element, expression.at);
      // The last member of a struct may be declared with a length of 0 or 1 and be longer.
      const isOpen = type.length <= 1;
      if (index.op === 'constant') {
        if (!isOpen && (index.value < 0n || index.value >= BigInt(type.length))) {
          throw new ExpressionError(
            `the index ${index.value} is beyond the ${type.length} elements of ${printable(type.name)}`,
            undefined,
            expression.index.at,
          );
        }
        return this.#at(element, movePlace(place, index.value * BigInt(stride), expression.at), expression.at);
      }
      if (!isOpen) {
        const wide = convert(index, index.type.isSigned ? LONG : UNSIGNED_LONG);
        const base = { kind: 'element', array: place, index: wide, stride, length: type.length } as const;
        return this.#at(element, { base, offset: 0 }, expression.at);
      }
    }
    const pointer = this.#pointer(value, expression.of, 'an array or a pointer');
    const element = this.#types.complete(pointer.type.to(), expression.at);
    return this.#at(element, placeOf(this.#advance(pointer, index, '+', expression.at)), expression.at);
  }

  /** What stands at a place. */
  #at(type: CType, place: Place, at: TextRange): Value {
    if (place.offset < 0 || place.offset > MAX_OFFSET) {
      throw new ExpressionError('this is too far from where it is counted from', undefined, at);
    }
    if (isScalar(type)) return scalar({ op: 'read', type, place });
    if (type.kind === 'opaque') {
      if (type.isFunction) return scalar({ op: 'address', type: pointerTo(type), place });
      throw new ExpressionError(
        type.name === 'void'
          ? 'what this points to has no type'
          : `values of the type ${printable(type.name)} can't be read`,
        type.name === 'void' ? 'cast it: ((struct NAME *)…)' : undefined,
        at,
      );
    }
    return { kind: 'composite', type, place };
  }

  #call(expression: Expression & { kind: 'call' }): Value {
    const { name, nameAt, given, at } = expression;
    const one = () => {
      const [first] = given;
      if (!first || given.length !== 1) {
        throw new ExpressionError(`${name}() takes one value, and ${given.length} are given`, undefined, at);
      }
      return first;
    };
    if (Object.hasOwn(HEADERS, name)) {
      const header = name as Header;
      const packet = one();
      if (packet.kind !== 'name' || packet.name !== 'skb') {
        throw new ExpressionError(`${name}() takes skb`, `write ${name}(skb)`, packet.at);
      }
      const type = this.#types.pointerTo(HEADERS[header].struct, at) as PointerType;
      return scalar({ op: 'address', type, place: { base: { kind: 'header', header }, offset: 0 } });
    }
    if (Object.hasOwn(SWAPS, name)) return scalar(this.#swap(SWAPS[name]!, one()));
    if (name === 'arg') {
      const node = one();
      const index = this.#number(this.#check(node), node);
      if (index.op !== 'constant' || index.value < 0n || index.value >= BigInt(MAX_ARGUMENTS)) {
        throw new ExpressionError(
          `arg() takes the number of an argument, from 0 to ${MAX_ARGUMENTS - 1}`,
          undefined,
          node.at,
        );
      }
      return scalar({ op: 'argument', type: integer('u64', 8, false), index: Number(index.value) });
    }
    if (name === 'ip' || name === 'mac') return this.#address(name, one());
    const instead = INLINE_FUNCTIONS.get(name);
    if (instead !== undefined) {
      const problem = `${name}() is a function of the kernel's source, which can't be called`;
      throw new ExpressionError(problem, `write: ${instead}`, nameAt);
    }
    const nearest = findNearest(name, FUNCTIONS);
    throw new ExpressionError(
      `there is no function ${printable(name)}()`,
      nearest === undefined ? `there are ${FUNCTIONS.join(', ')}` : `is it ${nearest}()?`,
      nameAt,
    );
  }

  #swap({ bytes, toNetwork }: (typeof SWAPS)[string], node: Expression): Typed {
    const typed = this.#integer(this.#check(node), node);
    const bits = bytes * 8;
    const [plain, network] = [integer(`u${bits}`, bytes, false), integer(`__be${bits}`, bytes, false)];
    // ntohs(80) is what htons(80) is: a constant in the program's text is never in network order.
    const type = toNetwork || typed.op === 'constant' ? network : plain;
    return fold({ op: 'swap', type, of: convert(typed, typed.type.isBigEndian ? network : plain) });
  }

  /** `ip("10.0.0.1")`, and a value that is to be shown as an address. */
  #address(name: 'ip' | 'mac', node: Expression): Value {
    const value = this.#check(node);
    if (value.kind === 'text') {
      const bytes = name === 'ip' ? addressBytes(value.text) : macBytes(value.text);
      if (!bytes) {
        const example = name === 'ip' ? '10.0.0.1 or fe80::1' : '02:42:ac:11:00:02';
        throw new ExpressionError(`"${printable(value.text)}" is no address`, `as ${example}`, node.at);
      }
      return { kind: 'literal', bytes, of: name === 'mac' ? 'mac' : bytes.length === 4 ? 'ipv4' : 'ipv6' };
    }
    const place = value.kind === 'composite' ? value.place : undefined;
    const size = value.kind === 'composite' ? sizeOf(value.type) : undefined;
    if (name === 'mac') {
      if (place && size !== undefined && size >= 6) return { kind: 'formatted', format: 'mac', bytes: 6, place };
      if (value.kind === 'scalar' && value.typed.type.kind === 'pointer') {
        return { kind: 'formatted', format: 'mac', bytes: 6, place: placeOf(value.typed) };
      }
      throw new ExpressionError('mac() takes 6 bytes, or a pointer to them', undefined, node.at);
    }
    if (place && size === 16) return { kind: 'formatted', format: 'ip', bytes: 16, place };
    if (
      value.kind === 'scalar' &&
      value.typed.op === 'read' &&
      sizeOf(value.typed.type) === 4 &&
      !value.typed.place.bits
    ) {
      return { kind: 'formatted', format: 'ipv4', bytes: 4, place: value.typed.place };
    }
    const to =
      value.kind === 'scalar' && value.typed.type.kind === 'pointer' ? sizeOf(value.typed.type.to()) : undefined;
    if (value.kind === 'scalar' && (to === 16 || to === 4)) {
      return { kind: 'formatted', format: to === 16 ? 'ip' : 'ipv4', bytes: to, place: placeOf(value.typed) };
    }
    throw new ExpressionError('ip() takes a member of 4 or 16 bytes, or a pointer to one', undefined, node.at);
  }

  #cast(words: TypeWords, node: Expression): Value {
    const type = this.#types.find(words);
    const value = this.#check(node);
    if (type.kind === 'pointer') {
      const typed =
        value.kind === 'composite' && value.type.kind === 'array'
          ? decay(value.type, value.place)
          : this.#scalar(value, node);
      return scalar(fold({ op: 'convert', type, of: typed }));
    }
    if (type.kind !== 'integer') {
      throw new ExpressionError(
        `a cast makes an integer or a pointer, not ${printable(type.name)}`,
        type.kind === 'struct' ? `write (${printable(type.name)} *)` : undefined,
        words.at,
      );
    }
    const typed = this.#scalar(value, node);
    return scalar(fold({ op: 'convert', type, of: typed }));
  }

  #sizeof(of: TypeWords | Expression, at: TextRange): Value {
    let type: CType;
    if ('pointers' in of) {
      type = this.#types.find(of);
    } else {
      const value = this.#check(of);
      if (value.kind === 'composite') type = value.type;
      else if (value.kind === 'scalar') {
        if (value.typed.op === 'read' && value.typed.place.bits) {
          throw new ExpressionError('a bit-field has no size in bytes', undefined, of.at);
        }
        type = value.typed.type;
      } else throw new ExpressionError('this has no size', undefined, of.at);
    }
    const bytes = this.#sizeOf(this.#types.complete(type, at), at);
    return scalar({ op: 'constant', type: UNSIGNED_LONG, value: BigInt(bytes) });
  }

  #unary({ operator, of, at }: Expression & { kind: 'unary' }): Value {
    if (operator === '!') {
      const typed = this.#truth(of);
      if (typed.op === 'constant') return scalar(truth(typed.value === 0n));
      return scalar(typed.op === 'absent' ? typed : { op: 'not', type: INT, of: typed });
    }
    const value = this.#check(of);
    if (operator === '&') {
      if (value.kind === 'composite') return scalar({ op: 'address', type: pointerTo(value.type), place: value.place });
      if (value.kind === 'scalar' && value.typed.op === 'read') {
        if (value.typed.place.bits) throw new ExpressionError('a bit-field has no address', undefined, of.at);
        return scalar({ op: 'address', type: pointerTo(value.typed.type), place: value.typed.place });
      }
      throw new ExpressionError('& takes a member, which has an address', undefined, of.at);
    }
    if (operator === '*') {
      const pointer = this.#pointer(value, of, 'a pointer');
      return this.#at(this.#types.complete(pointer.type.to(), at), placeOf(pointer), at);
    }
    const typed = promote(this.#number(value, of));
    if (operator === '+') return scalar(typed);
    return scalar(fold({ op: operator === '-' ? 'negate' : 'invert', type: typed.type, of: typed }));
  }

  #binary(expression: Expression & { kind: 'binary' }): Value {
    const { operator, left, right } = expression;
    switch (operator) {
      case '&&':
      case '||':
        return scalar(logic(operator === '&&' ? 'and' : 'or', this.#truth(left), this.#truth(right)));
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return scalar(this.#compare(operator, expression));
      default:
        return scalar(this.#arithmetic(operator, expression));
    }
  }

  #arithmetic(operator: Arithmetic & BinaryOperator, expression: Expression & { kind: 'binary' }): Typed {
    const { left, right, at, operatorAt } = expression;
    let [one, other] = [this.#check(left), this.#check(right)];
    if (operator === '+' || operator === '-') {
      one = decayed(one);
      other = decayed(other);
      const pointers = [one, other].map((value) => value.kind === 'scalar' && value.typed.type.kind === 'pointer');
      if (pointers[0] && pointers[1]) {
        if (operator === '+') throw new ExpressionError("two pointers can't be added", undefined, operatorAt);
        return this.#distance(this.#pointer(one, left, 'a pointer'), this.#pointer(other, right, 'a pointer'), at);
      }
      if (pointers[0]) {
        return this.#advance(this.#pointer(one, left, 'a pointer'), this.#number(other, right), operator, at);
      }
      if (pointers[1]) {
        if (operator === '-')
          throw new ExpressionError('a pointer can not be subtracted from a number', undefined, operatorAt);
        return this.#advance(this.#pointer(other, right, 'a pointer'), this.#number(one, left), operator, at);
      }
    }
    const [a, b] = [promote(this.#number(one, left)), promote(this.#number(other, right))];
    if (operator === '<<' || operator === '>>') {
      if (b.op === 'constant' && (b.value < 0n || b.value >= BigInt(a.type.bytes * 8))) {
        throw new ExpressionError(
          `a shift by ${b.value} is beyond the ${a.type.bytes * 8} bits of ${nameOf(a.type)}`,
          a.type.bytes === 4 ? 'cast the left side to u64 for a wider shift' : undefined,
          right.at,
        );
      }
      return fold({ op: 'arithmetic', type: a.type, operator, left: a, right: b });
    }
    if ((operator === '/' || operator === '%') && b.op === 'constant' && b.value === 0n) {
      throw new ExpressionError('this divides by zero', undefined, right.at);
    }
    const type = commonType(a.type, b.type);
    return fold({ op: 'arithmetic', type, operator, left: convert(a, type), right: convert(b, type) });
  }

  /** A pointer so many elements further, or before. */
  #advance(
    pointer: Typed & { type: PointerType },
    index: Typed & { type: IntegerType },
    operator: '+' | '-',
    at: TextRange,
  ): Typed & { type: PointerType } {
    const { type } = pointer;
    const to = this.#types.complete(type.to(), at);
    // As GNU C has it, void counts as bytes.
    const stride = to.kind === 'opaque' && sizeOf(to) === undefined ? 1 : this.#sizeOf(to, at);
    const wide = convert(promote(index), index.type.isSigned ? LONG : UNSIGNED_LONG);
    const scale: Typed = { op: 'constant', type: LONG, value: BigInt(stride) };
    const bytes = fold({ op: 'arithmetic', type: LONG, operator: '*', left: convert(wide, LONG), right: scale });
    if (bytes.op === 'constant' && pointer.op === 'address') {
      const moved = movePlace(pointer.place, operator === '+' ? bytes.value : -bytes.value, at);
      if (moved.offset >= 0) return { op: 'address', type, place: moved };
    }
    return fold({ op: 'arithmetic', type, operator, left: pointer, right: bytes }) as Typed & { type: PointerType };
  }

  #distance(left: Typed & { type: PointerType }, right: Typed & { type: PointerType }, at: TextRange): Typed {
    const to = this.#types.complete(left.type.to(), at);
    const stride = to.kind === 'opaque' && sizeOf(to) === undefined ? 1 : this.#sizeOf(to, at);
    const bytes: Typed = {
      op: 'arithmetic',
      type: LONG,
      operator: '-',
      left: convert(left, LONG),
      right: convert(right, LONG),
    };
    const scale: Typed = { op: 'constant', type: LONG, value: BigInt(stride) };
    return stride === 1 ? bytes : { op: 'arithmetic', type: LONG, operator: '/', left: bytes, right: scale };
  }

  #compare(operator: Comparison, expression: Expression & { kind: 'binary' }): Typed {
    const { left, right, at } = expression;
    const [one, other] = [this.#check(left), this.#check(right)];
    const isEquality = operator === '==' || operator === '!=';
    const negated = (typed: Typed): Typed => {
      if (operator === '==') return typed;
      return typed.op === 'constant' ? truth(typed.value === 0n) : { op: 'not', type: INT, of: typed };
    };
    if (one.kind === 'text' || other.kind === 'text' || one.kind === 'literal' || other.kind === 'literal') {
      if (!isEquality)
        throw new ExpressionError(`texts and addresses are compared with == and !=`, undefined, expression.operatorAt);
      const [value, literal, node, literalNode] =
        one.kind === 'text' || one.kind === 'literal' ? [other, one, right, left] : [one, other, left, right];
      return negated(this.#equals(value, literal as Value & { kind: 'text' | 'literal' }, node, literalNode));
    }
    const [a, b] = [decayed(one), decayed(other)];
    const isPointer = (value: Value) => value.kind === 'scalar' && value.typed.type.kind === 'pointer';
    for (const [value, node] of [
      [one, left],
      [other, right],
    ] as const) {
      // Of an array there is an address, and comparing that is hardly meant.
      if (value.kind === 'composite' && value.type.kind === 'array') throw this.#noNumber(value, node);
    }
    if (isPointer(a) || isPointer(b)) {
      const [x, y] = [this.#scalar(a, left), this.#scalar(b, right)];
      const isNumber = [x, y].some(({ type, op }) => type.kind === 'integer' && op !== 'constant' && type.bytes < 8);
      if (isNumber) throw new ExpressionError('a pointer is compared with a number here', 'cast one of the two', at);
      return foldCompare(operator, convert(x, UNSIGNED_LONG), convert(y, UNSIGNED_LONG));
    }
    const [x, y] = [promote(this.#number(one, left)), promote(this.#number(other, right))];
    const type = commonType(x.type, y.type);
    return foldCompare(operator, convert(x, type), convert(y, type));
  }

  /** Whether a value is a text or an address. */
  #equals(
    value: Value,
    literal: Value & { kind: 'text' | 'literal' },
    node: Expression,
    literalNode: Expression,
  ): Typed {
    const { at } = literalNode;
    if (literal.kind === 'literal') return this.#equalsAddress(value, literal, node);
    const { text } = literal;
    const bytes = Buffer.from(`${text}\0`);
    if (text.includes('\0')) throw new ExpressionError('a text that is compared has no NUL in it', undefined, at);
    const tooLong = (most: number, of: string) =>
      new ExpressionError(
        `"${printable(text)}" has ${bytes.length - 1} bytes, and ${of} has ${most} at most`,
        undefined,
        at,
      );
    if (bytes.length - 1 > MAX_TEXT_BYTES) throw tooLong(MAX_TEXT_BYTES, 'a text that is compared');
    const equal = (of: ComparedBytes, compared: Uint8Array): Typed => ({ op: 'equal', type: INT, of, bytes: compared });
    if (value.kind === 'comm') {
      if (bytes.length > 16) throw tooLong(15, "a task's name");
      return equal({ kind: 'comm' }, bytes);
    }
    if (value.kind === 'composite' && (isText(value.type) || isBytes(value.type))) {
      const { length } = value.type;
      if (bytes.length - 1 > length) throw tooLong(length, printable(value.type.name));
      return equal({ kind: 'place', place: value.place }, bytes.subarray(0, length));
    }
    if (value.kind === 'scalar' && value.typed.op === 'fact' && value.typed.fact === 'func') {
      return this.#isFunction(value.typed, text, at);
    }
    if (value.kind === 'scalar' && pointsToText(value.typed.type)) {
      return equal({ kind: 'string', pointer: value.typed }, bytes);
    }
    // Addresses may be written as text.
    const address = addressBytes(text);
    if (address && this.#takesAddress(value, address.length)) {
      return this.#equalsAddress(
        value,
        { kind: 'literal', bytes: address, of: address.length === 4 ? 'ipv4' : 'ipv6' },
        node,
      );
    }
    const mac = macBytes(text);
    if (mac && this.#takesAddress(value, 6))
      return this.#equalsAddress(value, { kind: 'literal', bytes: mac, of: 'mac' }, node);
    throw new ExpressionError(`this is ${describe(value)}, which is not compared with a text`, undefined, node.at);
  }

  #takesAddress(value: Value, length: number): boolean {
    if (value.kind === 'formatted') return value.bytes === length;
    if (value.kind === 'composite') return sizeOf(value.type) === length;
    return (
      length === 4 &&
      value.kind === 'scalar' &&
      value.typed.type.kind === 'integer' &&
      value.typed.type.isBigEndian &&
      value.typed.type.bytes === 4
    );
  }

  #equalsAddress(value: Value, { bytes, of }: Value & { kind: 'literal' }, node: Expression): Typed {
    const wrong = () => {
      const what = { ipv4: 'an address of IPv4', ipv6: 'an address of IPv6', mac: 'a hardware address' }[of];
      return new ExpressionError(`this is ${describe(value)}, which is not compared with ${what}`, undefined, node.at);
    };
    if (value.kind === 'formatted') {
      if (value.bytes !== bytes.length) throw wrong();
      return { op: 'equal', type: INT, of: { kind: 'place', place: value.place }, bytes };
    }
    if (value.kind === 'composite') {
      const size = sizeOf(value.type) ?? 0;
      // A hardware address may stand at the beginning of a longer array.
      const fits = of === 'mac' ? value.type.kind === 'array' && size >= 6 : size === bytes.length;
      if (!fits) throw wrong();
      return { op: 'equal', type: INT, of: { kind: 'place', place: value.place }, bytes };
    }
    if (value.kind !== 'scalar') throw wrong();
    const { typed } = value;
    if (of === 'mac' && typed.type.kind === 'pointer' && sizeOf(typed.type.to()) === 1) {
      return { op: 'equal', type: INT, of: { kind: 'place', place: placeOf(typed) }, bytes };
    }
    if (of !== 'ipv4' || typed.type.kind !== 'integer' || typed.type.bytes !== 4) throw wrong();
    const number = BigInt(Buffer.from(bytes).readUInt32BE());
    const constant: Typed = {
      op: 'constant',
      type: UNSIGNED_INT,
      value: typed.type.isBigEndian ? number : BigInt(Buffer.from(bytes).readUInt32LE()),
    };
    return foldCompare('==', convert(asNumber(typed as Typed & { type: IntegerType }), UNSIGNED_INT), constant);
  }

  #isFunction(func: Typed, name: string, at: TextRange): Typed {
    const addresses = this.#types.source.addressesOf(name);
    if (addresses.length === 0) {
      throw new ExpressionError(
        `the kernel has no function ${printable(name)}`,
        'ipft --list shows those that can be traced',
        at,
      );
    }
    const value = convert(func, UNSIGNED_LONG);
    return addresses
      .map((address) => foldCompare('==', value, { op: 'constant', type: UNSIGNED_LONG, value: address }))
      .reduce((left, right) => logic('or', left, right));
  }

  /** A value as a condition. */
  #truth(expression: Expression): Typed {
    const value = this.#check(expression);
    const typed = value.kind === 'scalar' ? value.typed : this.#scalar(value, expression);
    switch (typed.op) {
      case 'constant':
        return truth(typed.value !== 0n);
      case 'compare':
      case 'not':
      case 'and':
      case 'or':
      case 'equal':
      case 'absent':
        return typed;
      default: {
        // Whether a number is 0 does not depend on the order of its bytes.
        const type = typed.type.kind === 'pointer' ? UNSIGNED_LONG : typed.type;
        return {
          op: 'compare',
          type: INT,
          operator: '!=',
          left: convert(typed, type),
          right: { op: 'constant', type, value: 0n },
        };
      }
    }
  }

  /** Two values as of one type. */
  #alike(one: Value, other: Value, { at }: Expression): [Typed, Typed] {
    const nodes = { kind: 'absent', at } as const;
    const [a, b] = [this.#scalar(decayed(one), nodes), this.#scalar(decayed(other), nodes)];
    if (a.op === 'absent') return [{ op: 'absent', type: b.type }, b];
    if (b.op === 'absent') return [a, { op: 'absent', type: a.type }];
    if (a.type.kind === 'pointer' || b.type.kind === 'pointer') {
      const isZero = (typed: Typed) => typed.op === 'constant' && typed.value === 0n;
      if (a.type.kind === 'pointer' && (b.type.kind === 'pointer' || isZero(b)))
        return [a, fold({ op: 'convert', type: a.type, of: b })];
      if (isZero(a)) return [fold({ op: 'convert', type: b.type, of: a }), b];
      throw new ExpressionError('the two values are a pointer and a number', undefined, at);
    }
    const [x, y] = [a as Typed & { type: IntegerType }, b as Typed & { type: IntegerType }];
    // Values that are the same type stay that, so that an address is shown as one.
    if (x.type.name === y.type.name && x.type.bytes === y.type.bytes) return [x, y];
    const [p, q] = [promote(asNumber(x)), promote(asNumber(y))];
    const type = commonType(p.type, q.type);
    return [convert(p, type), convert(q, type)];
  }

  #scalar(value: Value, node: Expression): Typed {
    if (value.kind === 'scalar') return value.typed;
    throw this.#noNumber(value, node);
  }

  /** An integer, as it lies in memory. */
  #integer(value: Value, node: Expression): Typed & { type: IntegerType } {
    const typed = this.#scalar(value, node);
    if (typed.type.kind === 'integer') return typed as Typed & { type: IntegerType };
    throw new ExpressionError(
      `this is ${nameOf(typed.type)}, and a number must stand here`,
      'cast it: (u64)…',
      node.at,
    );
  }

  /** An integer in the machine's order. */
  #number(value: Value, node: Expression): Typed & { type: IntegerType } {
    return asNumber(this.#integer(value, node));
  }

  #pointer(given: Value, node: Expression, wanted: string): Typed & { type: PointerType } {
    const value = decayed(given);
    if (value.kind === 'scalar' && value.typed.type.kind === 'pointer')
      return value.typed as Typed & { type: PointerType };
    throw new ExpressionError(`this is ${describe(value)}, and ${wanted} must stand here`, undefined, node.at);
  }

  #noNumber(value: Value, node: Expression): ExpressionError {
    const isArray = value.kind === 'composite' && value.type.kind === 'array';
    const hint = isArray ? 'name an element, as in [0], or compare it with a text' : undefined;
    return new ExpressionError(`this is ${describe(value)}, and no number`, hint, node.at);
  }

  #sizeOf(type: CType, at: TextRange): number {
    const bytes = sizeOf(type);
    if (bytes !== undefined && bytes > 0) return bytes;
    throw new ExpressionError(`the size of ${printable(type.name)} is not known`, undefined, at);
  }
}

const scalar = (typed: Typed): Value => ({ kind: 'scalar', typed });
const truth = (is: boolean): Typed & { op: 'constant' } => ({ op: 'constant', type: INT, value: is ? 1n : 0n });
const nameOf = (type: ScalarType) => printable(type.name);

function describe(value: Value): string {
  switch (value.kind) {
    case 'scalar':
      return nameOf(value.typed.type);
    case 'composite':
      return value.type.kind === 'array' ? `the array ${printable(value.type.name)}` : printable(value.type.name);
    case 'comm':
      return 'a text';
    case 'text':
      return 'a text';
    case 'literal':
    case 'formatted':
      return 'an address';
  }
}

const isBytes = (type: CType): type is ArrayType => {
  if (type.kind !== 'array' || type.length === 0) return false;
  const element = type.element();
  return element.kind === 'integer' && element.bytes === 1;
};

/** An array as a pointer to its first element; all else as it is. */
function decayed(value: Value): Value {
  return value.kind === 'composite' && value.type.kind === 'array' ? scalar(decay(value.type, value.place)) : value;
}

function decay(type: CType & { kind: 'array' }, place: Place): Typed {
  return { op: 'address', type: pointerTo(type.element()), place };
}

/** Where a pointer leads. */
function placeOf(pointer: Typed): Place {
  // The address of a place is the place itself, whatever a cast says of what is there.
  const of =
    pointer.op === 'convert' && sizeOf(pointer.type) === 8 && pointer.of.op === 'address' ? pointer.of : pointer;
  return of.op === 'address' ? of.place : { base: { kind: 'pointer', value: pointer }, offset: 0 };
}

function offsetPlace(place: Place, offsetBits: number, bits: number): Place {
  const bytes = Math.floor(offsetBits / 8);
  const field = bits === 0 ? undefined : { first: offsetBits % 8, width: bits };
  return { base: place.base, offset: place.offset + bytes, bits: field };
}

function movePlace(place: Place, bytes: bigint, at: TextRange): Place {
  const offset = BigInt(place.offset) + bytes;
  if (offset > BigInt(MAX_OFFSET) || offset < -BigInt(MAX_OFFSET)) {
    throw new ExpressionError('this is too far from where it is counted from', undefined, at);
  }
  return { base: place.base, offset: Number(offset) };
}

/** C's integer promotion: what is shorter than an int becomes one. */
function promote(typed: Typed & { type: IntegerType }): Typed & { type: IntegerType } {
  if (typed.type.bytes < 4) return convert(typed, INT);
  const isBitField = typed.op === 'read' && typed.place.bits !== undefined && typed.place.bits.width < 32;
  return isBitField && typed.type.bytes === 4 ? convert(typed, INT) : typed;
}

/** C's usual arithmetic conversions, of promoted types. */
function commonType(one: IntegerType, other: IntegerType): IntegerType {
  const bytes: Bytes = one.bytes === 8 || other.bytes === 8 ? 8 : 4;
  const isUnsigned = [one, other].some((type) => type.bytes === bytes && !type.isSigned);
  return bytes === 8 ? (isUnsigned ? UNSIGNED_LONG : LONG) : isUnsigned ? UNSIGNED_INT : INT;
}

/** A number in network order as one of the machine. */
function asNumber(typed: Typed & { type: IntegerType }): Typed & { type: IntegerType } {
  if (!typed.type.isBigEndian) return typed;
  const { bytes } = typed.type;
  return fold({ op: 'swap', type: integer(`u${bytes * 8}`, bytes, false), of: typed }) as Typed & { type: IntegerType };
}

function convert<T extends IntegerType>(typed: Typed, type: T): Typed & { type: T } {
  const { type: from } = typed;
  const isSame =
    from.kind === 'integer' &&
    from.bytes === type.bytes &&
    from.isSigned === type.isSigned &&
    from.isBool === type.isBool;
  // The same bits: only the name differs.
  if (isSame && typed.op !== 'constant') return { ...typed, type } as Typed & { type: T };
  return fold({ op: 'convert', type, of: typed }) as Typed & { type: T };
}

function logic(op: 'and' | 'or', left: Typed, right: Typed): Typed {
  const decides = op === 'or';
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    if (one.op !== 'constant') continue;
    return (one.value !== 0n) === decides ? truth(decides) : other;
  }
  return { op, type: INT, left, right };
}

function foldCompare(operator: Comparison, left: Typed, right: Typed): Typed {
  if (left.op === 'absent' || right.op === 'absent') return { op: 'absent', type: INT };
  if (left.op === 'constant' && right.op === 'constant')
    return truth(foldComparison(operator, left.value, right.value));
  return { op: 'compare', type: INT, operator, left, right };
}

/** A value whose parts are constants as a constant; one that has an absent part as absent. */
function fold(typed: Typed): Typed {
  switch (typed.op) {
    case 'convert':
    case 'swap':
    case 'negate':
    case 'invert': {
      const { of, type } = typed;
      if (of.op === 'absent') return of;
      if (of.op !== 'constant') return typed;
      return { op: 'constant', type, value: convertValue(foldUnary(typed.op, of.value, of.type), type) };
    }
    case 'arithmetic': {
      const { left, right, type, operator } = typed;
      if (left.op === 'absent') return left;
      if (right.op === 'absent') return right;
      if (left.op !== 'constant' || right.op !== 'constant') return typed;
      return { op: 'constant', type, value: convertValue(foldArithmetic(operator, left.value, right.value), type) };
    }
    default:
      return typed;
  }
}

function foldUnary(op: 'convert' | 'swap' | 'negate' | 'invert', value: bigint, type: ScalarType): bigint {
  switch (op) {
    case 'convert':
      return value;
    case 'negate':
      return -value;
    case 'invert':
      return ~value;
    case 'swap': {
      const bytes = sizeOf(type)!;
      const hex = BigInt.asUintN(bytes * 8, value)
        .toString(16)
        .padStart(bytes * 2, '0');
      return BigInt(`0x${Buffer.from(hex, 'hex').reverse().toString('hex')}`);
    }
  }
}

/** The 6 bytes of `02:42:ac:11:00:02`. */
function macBytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':').map((byte) => Number.parseInt(byte, 16)));
}
