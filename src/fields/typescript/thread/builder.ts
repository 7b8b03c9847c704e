/** Makes the nodes of an expression, and computes what is known. Pure. */
import type * as t from '@babel/types';
import type { TextRange } from '../../../base/expression-error.js';
import type { BinaryOperator, Expression } from '../../../expression/ast.js';
import { Problem, type Span } from './problem.js';
import { REFUSED } from './refused.js';
import { foldIntegers, known, numberNode, type Value } from './values.js';
import type { Module, World } from './world.js';

export type Node = t.Node & Span;
export type Computed = Extract<Value, { kind: 'computed' }>;

/** Limits of a field. */
const MAX_STEPS = 100_000;
const MAX_NODES = 4000;
const MAX_ROUNDS = 100;
const MAX_TREE_DEPTH = 500;
/** How deep statements, rounds and calls may follow each other: the thread's stack has room for as many. */
const MAX_DEPTH = 1000;

export const OPERATORS: Readonly<Record<string, BinaryOperator>> = {
  ...{ '===': '==', '==': '==', '!==': '!=', '!=': '!=', '<': '<', '<=': '<=', '>': '>', '>=': '>=' },
  ...{ '+': '+', '-': '-', '*': '*', '/': '/', '%': '%', '&': '&', '|': '|', '^': '^', '<<': '<<', '>>': '>>' },
};
const BOOLEAN: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const COMPARED: ReadonlySet<string> = new Set(['==', '!=']);

/** What all that is evaluated for a field shares. */
export class Builder {
  protected readonly world: World;
  /** Whose text ranges are of; nodes of others have the range of the call that led to them. */
  protected readonly home: Module;
  readonly #sizes = new WeakMap<Expression, { readonly size: number; readonly depth: number }>();
  #steps = 0;
  #depth = 0;
  protected calls = 0;
  /** Whether what is evaluated may not happen: then it may not change variables. */
  protected isMaybe = false;
  protected module: Module;
  protected outer: ReadonlySet<string> = new Set();
  /** The call in the home file, while a function of another one is followed. */
  protected callSite: TextRange | undefined;

  constructor(world: World, home: Module) {
    this.world = world;
    this.home = home;
    this.module = home;
  }

  /** A value that a condition decides. */
  protected choose(test: Value, left: Value, right: Value, node: Node): Value {
    if (left === right) return left;
    if (left.kind === 'known' && right.kind === 'known' && left.value === right.value) return left;
    if (left.kind === 'members' || right.kind === 'members' || left.kind === 'inner' || right.kind === 'inner') {
      throw this.refuse(
        node,
        'an array, an object or a function that depends on the packet',
        'let the condition decide between numbers or texts',
      );
    }
    const condition = this.toNode(test, node);
    const then = this.toNode(left, node);
    const otherwise = this.toNode(right, node);
    const made: Expression = { kind: 'conditional', condition, then, otherwise, at: this.at(node) };
    return { kind: 'computed', node: this.made(made, node), isBoolean: isBoolean(left) && isBoolean(right) };
  }

  protected not(value: Value, node: Node): Value {
    const isTrue = this.truth(value);
    if (isTrue !== undefined) return known(!isTrue);
    return this.boolean({ kind: 'unary', operator: '!', of: this.toNode(value, node), at: this.at(node) }, node);
  }

  protected or(left: Value, right: Value, node: Node): Value {
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const isTrue = this.truth(one);
      if (isTrue !== undefined) return isTrue ? known(true) : other;
    }
    const at = this.at(node);
    return this.boolean(
      {
        kind: 'binary',
        operator: '||',
        left: this.toNode(left, node),
        right: this.toNode(right, node),
        operatorAt: at,
        at,
      },
      node,
    );
  }

  protected operate(
    written: string,
    left: Value,
    right: Value,
    node: Node,
    operatorNode: Node | Span,
    leftNode: Node = node,
    rightNode: Node = node,
  ): Value {
    const operator = OPERATORS[written]!;
    if (left.kind === 'known' && right.kind === 'known') return this.#fold(operator, left, right, node);
    if (COMPARED.has(operator)) {
      for (const one of [left, right]) {
        if (one.kind === 'known' && one.value === undefined) {
          throw this.refuse(
            node,
            `${written} undefined`,
            'a pointer that leads nowhere is null: write === null, or !x; for what may be absent write ??',
          );
        }
      }
    }
    const made: Expression = {
      kind: 'binary',
      operator,
      ...{ left: this.toNode(left, leftNode), right: this.toNode(right, rightNode) },
      ...{ operatorAt: this.at(operatorNode), at: this.at(node) },
    };
    return BOOLEAN.has(operator) ? this.boolean(made, node) : this.computed(made, node);
  }

  #fold(
    operator: BinaryOperator,
    left: Value & { kind: 'known' },
    right: Value & { kind: 'known' },
    node: Node,
  ): Value {
    const [one, other] = [left.value, right.value];
    if (COMPARED.has(operator)) return known((one === other) === (operator === '=='));
    if (typeof one === 'string' && typeof other === 'string' && operator === '+') return known(one + other);
    const result = foldIntegers(operator, this.integer(left, node), this.integer(right, node));
    if (typeof result === 'string') throw this.refuse(node, `${this.quote(node)} is ${result}`);
    return { kind: 'known', value: result };
  }

  protected integer(value: Value & { kind: 'known' }, node: Node): bigint {
    if (typeof value.value === 'bigint') return value.value;
    if (typeof value.value === 'boolean') return value.value ? 1n : 0n;
    throw this.refuse(
      node,
      `${this.quote(node)} computes with ${describe(value.value)}`,
      'there are integers only in the kernel',
    );
  }

  /** Whether a value holds, where that is known. */
  protected truth(value: Value): boolean | undefined {
    if (value.kind === 'computed') return undefined;
    return value.kind === 'known' ? Boolean(value.value) : true;
  }

  protected maybe<T>(body: () => T): T {
    const before = this.isMaybe;
    this.isMaybe = true;
    const result = body();
    this.isMaybe = before;
    return result;
  }

  protected toNode(value: Value, node: Node): Expression {
    const at = this.at(node);
    switch (value.kind) {
      case 'computed':
        return value.node;
      case 'known':
        break;
      default:
        throw this.refuse(
          node,
          `${this.quote(node)} is ${value.kind === 'inner' ? 'a function' : 'an array or an object'}`,
          'a value of the kernel is a number, a text or a struct of its own',
        );
    }
    const { value: inner, type } = value;
    switch (typeof inner) {
      case 'bigint': {
        const made = numberNode(inner, at, type);
        if (made) return this.made(made, node);
        throw this.refuse(node, `${inner} does not fit 64 bits`);
      }
      case 'string':
        return this.made({ kind: 'text', value: inner, at }, node);
      case 'boolean':
        return this.made({ kind: 'number', value: inner ? 1n : 0n, type: 'int', at }, node);
      case 'undefined':
        return this.made({ kind: 'absent', at }, node);
      case 'object':
        if (inner === null) return this.made({ kind: 'number', value: 0n, type: 'int', at }, node);
    }
    throw this.refuse(
      node,
      `${this.quote(node)} is ${describe(inner)}`,
      'a value of the kernel is an integer, a text or a struct of its own',
    );
  }

  protected computed(node: Expression, at: Node): Computed {
    return { kind: 'computed', node: this.made(node, at), isBoolean: false };
  }

  protected boolean(node: Expression, at: Node): Computed {
    return { kind: 'computed', node: this.made(node, at), isBoolean: true };
  }

  /** Counts the nodes of the tree that a node is the top of, and how deep it is. */
  protected made(node: Expression, at: Node): Expression {
    let [size, depth] = [1, 1];
    for (const value of Object.values(node)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        const inner = this.#sizes.get(one as Expression);
        if (!inner) continue;
        size += inner.size;
        depth = Math.max(depth, inner.depth + 1);
      }
    }
    if (depth > MAX_TREE_DEPTH) {
      throw this.refuse(
        at,
        `the field is too deep: a value may depend on ${MAX_TREE_DEPTH} others, one on the other`,
        'loop less often, or make several fields of it',
      );
    }
    if (size > MAX_NODES) {
      throw this.refuse(
        at,
        `the field is too large: it may have ${MAX_NODES} operations when all loops and calls are written out`,
        'loop less often, or make several fields of it',
      );
    }
    this.#sizes.set(node, { size, depth });
    return node;
  }

  protected step(node: Node): void {
    if (++this.#steps > MAX_STEPS) {
      throw this.refuse(
        node,
        `it takes more than ${MAX_STEPS} steps to write out the loops and calls`,
        'give loops a smaller bound',
      );
    }
  }

  protected round(loop: Node, rounds: number): void {
    if (rounds < MAX_ROUNDS) return;
    throw this.refuse(
      loop,
      `a loop with more than ${MAX_ROUNDS} rounds`,
      'give it a smaller bound: each round is written out',
    );
  }

  protected deeper<T>(node: Node, body: () => T): T {
    if (++this.#depth > MAX_DEPTH) {
      throw this.refuse(
        node,
        'it is nested too deep, or a loop has too many rounds',
        'make several fields of it, or give the loop a smaller bound',
      );
    }
    const result = body();
    this.#depth--;
    return result;
  }

  /** Where a node stands in the field's file. */
  protected at(span: Node | Span): TextRange {
    return this.callSite ?? { from: span.start, to: span.end };
  }

  /** Between two operands. */
  protected operatorSpan(left: Span, right: Span): Span {
    const text = this.module.syntax.text.slice(left.end, right.start);
    const found = /[^\s()]+/.exec(text);
    const start = left.end + (found?.index ?? 0);
    return { start, end: start + (found?.[0].length ?? 0) };
  }

  protected text(node: Span): string {
    return this.module.syntax.text.slice(node.start, node.end);
  }

  /** A node's text for messages. */
  protected quote(node: Span): string {
    const text = this.text(node).replaceAll(/\s+/g, ' ');
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
  }

  protected refuseKind(node: Node, kind: string = node.type): Problem {
    const [what, hint] = REFUSED[kind] ?? [this.quote(node)];
    return this.refuse(node, what.includes(':') ? what : `${what} can't be compiled for the kernel`, hint);
  }

  protected refuse(node: Node | Span, message: string, hint?: string): Problem {
    return new Problem(message, hint, this.module.syntax, node);
  }
}

export function isBoolean(value: Value): boolean {
  return value.kind === 'computed' ? value.isBoolean : value.kind === 'known' && typeof value.value === 'boolean';
}

function describe(value: unknown): string {
  if (typeof value === 'number')
    return Number.isInteger(value) ? 'a number beyond 2 ** 53' : 'a number that is no integer';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  return value === null || value === undefined ? String(value) : typeof value === 'string' ? 'a text' : 'an object';
}
