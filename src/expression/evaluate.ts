/**
 * Expressions over what a recording has: its fields, and what each event tells. There are no types of the kernel, so
 * integers are numbers of any size, and a name is that of a field. Pure.
 */
import { ExpressionError } from '../base/expression-error.js';
import type { FieldValue } from '../base/field.js';
import { printable } from '../base/printable.js';
import { findNearest } from '../base/suggest.js';
import type { BinaryOperator, Expression } from './ast.js';
import { CONSTANTS } from './constants.js';
import { foldArithmetic, foldComparison } from './fold.js';
import type { Arithmetic, Comparison } from './typed.js';

/** What an expression is evaluated for. */
export interface RecordedEvent {
  /** By their names; one without a value is not there. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** The function's name. */
  readonly func: string;
  readonly cpu: number;
  /** Nanoseconds of the monotonic clock. */
  readonly now: bigint;
}

/** A value; undefined where it is absent. */
export type Evaluated = bigint | string | undefined;
type Evaluate = (event: RecordedEvent) => FieldValue | bigint | undefined;

const FACTS: Readonly<Record<string, Evaluate>> = {
  func: ({ func }) => func,
  cpu: ({ cpu }) => BigInt(cpu),
  now: ({ now }) => now,
};

/** What an expression may name. */
export interface RecordedNames {
  /** The fields that events may have. */
  readonly fields: ReadonlySet<string>;
  /** Whether function, CPU and time may be asked for; where they are not, each line of an output has them. */
  readonly hasFacts: boolean;
}

/** @throws ExpressionError for what a recording does not tell */
export function compileRecorded(expression: Expression, names: RecordedNames): (event: RecordedEvent) => Evaluated {
  const evaluate = compile(expression, names);
  return (event) => scalarOf(evaluate(event));
}

/** An integer or a text as it is; of a struct or a list there is no value. */
function scalarOf(value: FieldValue | bigint | undefined): Evaluated {
  switch (typeof value) {
    case 'bigint':
    case 'string':
      return value;
    case 'boolean':
      return value ? 1n : 0n;
    case 'number':
      return Number.isInteger(value) ? BigInt(value) : undefined;
    default:
      return undefined;
  }
}

/** The number that a text is: fields in hexadecimal are texts. */
function numberOf(value: Evaluated): bigint | undefined {
  if (typeof value !== 'string') return value;
  return /^-?(?:0x[0-9a-f]+|[0-9]+)$/.test(value) ? parse(value) : undefined;
}

const parse = (text: string) => (text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text));

function compile(node: Expression, names: RecordedNames): Evaluate {
  const of = (part: Expression) => compile(part, names);
  const number = (part: Expression) => {
    const evaluate = of(part);
    return (event: RecordedEvent) => numberOf(scalarOf(evaluate(event)));
  };
  switch (node.kind) {
    case 'number': {
      const { value } = node;
      return () => value;
    }
    case 'text': {
      const { value } = node;
      return () => value;
    }
    case 'name':
      return compileName(node, names);
    case 'member': {
      const { name } = node;
      const struct = of(node.of);
      return (event) => {
        const value = struct(event);
        return typeof value === 'object' && !Array.isArray(value)
          ? (value as Record<string, FieldValue>)[name]
          : undefined;
      };
    }
    case 'index': {
      const [list, index] = [of(node.of), number(node.index)];
      return (event) => {
        const [value, at] = [list(event), index(event)];
        return Array.isArray(value) && at !== undefined ? (value as FieldValue[])[Number(at)] : undefined;
      };
    }
    case 'call':
      return compileCall(node);
    case 'cast':
    case 'sizeof':
      throw new ExpressionError('a recording has no types of the kernel', 'leave the type out', node.at);
    case 'unary': {
      if (node.operator === '!') return compileNot(of(node.of));
      if (node.operator === '*' || node.operator === '&') {
        throw new ExpressionError('a recording has no memory that a pointer could lead to', undefined, node.at);
      }
      const { operator } = node;
      const value = number(node.of);
      return (event) => {
        const one = value(event);
        if (one === undefined) return undefined;
        return operator === '-' ? -one : operator === '~' ? ~one : one;
      };
    }
    case 'binary':
      return compileBinary(node.operator, of(node.left), of(node.right));
    case 'conditional': {
      const [condition, then, otherwise] = [of(node.condition), of(node.then), of(node.otherwise)];
      return (event) => {
        const is = truthOf(condition(event));
        return is === undefined ? undefined : is ? then(event) : otherwise(event);
      };
    }
    case 'coalesce': {
      const [left, right] = [of(node.left), of(node.right)];
      return (event) => left(event) ?? right(event);
    }
    case 'absent':
      return () => undefined;
  }
}

function compileName({ name, at }: Expression & { kind: 'name' }, { fields, hasFacts }: RecordedNames): Evaluate {
  if (fields.has(name)) return (event) => event.fields[name];
  const fact = FACTS[name];
  if (fact && hasFacts) return fact;
  if (fact) throw new ExpressionError(`${name} stands in each line of a recording already`, undefined, at);
  const constant = CONSTANTS[name];
  if (constant !== undefined) return () => BigInt(constant);
  const nearest = findNearest(name, [...fields, ...Object.keys(FACTS)]);
  const known = [...fields].map((field) => printable(field)).join(', ');
  const hint =
    nearest === undefined
      ? `${known === '' ? 'it has no fields' : `its fields are ${known}`}; what else is to be asked must be recorded, as in: ipft record FILE --show 'skb->len'`
      : `is it ${nearest}?`;
  throw new ExpressionError(`the recording has no ${printable(name)}`, hint, at);
}

/** Addresses are texts in a recording. */
function compileCall({ name, nameAt, given }: Expression & { kind: 'call' }): Evaluate {
  const [first] = given;
  if ((name === 'ip' || name === 'mac') && first?.kind === 'text' && given.length === 1) {
    const { value } = first;
    return () => value;
  }
  throw new ExpressionError(
    `a recording has nothing that ${printable(name)}() could look at`,
    `record what it gives, as in: ipft record FILE --show '${printable(name)}(…) as NAME'`,
    nameAt,
  );
}

function truthOf(value: FieldValue | bigint | undefined): boolean | undefined {
  const scalar = scalarOf(value);
  return scalar === undefined
    ? undefined
    : typeof scalar === 'string'
      ? scalar !== '' && numberOf(scalar) !== 0n
      : scalar !== 0n;
}

const asNumber = (is: boolean | undefined) => (is === undefined ? undefined : is ? 1n : 0n);

function compileNot(of: Evaluate): Evaluate {
  return (event) => {
    const is = truthOf(of(event));
    return asNumber(is === undefined ? undefined : !is);
  };
}

function compileBinary(operator: BinaryOperator, left: Evaluate, right: Evaluate): Evaluate {
  switch (operator) {
    case '&&':
    case '||': {
      const decides = operator === '||';
      return (event) => {
        const one = truthOf(left(event));
        if (one === decides) return asNumber(decides);
        const other = truthOf(right(event));
        if (other === decides) return asNumber(decides);
        return asNumber(one === undefined || other === undefined ? undefined : !decides);
      };
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (event) => asNumber(compare(operator, scalarOf(left(event)), scalarOf(right(event))));
    default:
      return (event) => calculate(operator, numberOf(scalarOf(left(event))), numberOf(scalarOf(right(event))));
  }
}

function compare(operator: Comparison, left: Evaluated, right: Evaluated): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (typeof left === 'string' && typeof right === 'string') {
    return operator === '==' ? left === right : operator === '!=' ? left !== right : undefined;
  }
  const [one, other] = [numberOf(left), numberOf(right)];
  return one === undefined || other === undefined ? undefined : foldComparison(operator, one, other);
}

/** The widest shift: a number of any size could take all memory. */
const MAX_SHIFT = 64n;

function calculate(operator: Arithmetic, left: bigint | undefined, right: bigint | undefined): bigint | undefined {
  if (left === undefined || right === undefined) return undefined;
  if ((operator === '/' || operator === '%') && right === 0n) return undefined;
  if ((operator === '<<' || operator === '>>') && (right < 0n || right >= MAX_SHIFT)) return undefined;
  // As the kernel's numbers, so that a chain of products stays a number.
  return BigInt.asIntN(64, foldArithmetic(operator, left, right));
}
