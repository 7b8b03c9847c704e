/** Evaluates expressions with values that are not known. Pure. */

import type * as t from '@babel/types';
import { findNearest } from '../../../base/suggest.js';
import { Builder, isBoolean, type Node, OPERATORS } from './builder.js';
import { findName } from './placeholders.js';
import type { Span } from './problem.js';
import { ABSENT, known, literalType, type Names, type Store, type Value, type Variable } from './values.js';

export abstract class Evaluator extends Builder {
  /** The value of a call. */
  protected abstract call(
    node: (t.CallExpression | t.OptionalCallExpression) & Span,
    names: Names,
    store: Store,
  ): Value;

  /** The value of an expression. */
  protected value(node: Node, names: Names, store: Store): Value {
    return this.deeper(node, () => {
      this.step(node);
      return this.#evaluate(node, names, store);
    });
  }

  /** A value of which it only counts whether it holds. */
  protected condition(node: Node, names: Names, store: Store): Value {
    if (node.type === 'LogicalExpression') return this.deeper(node, () => this.#logical(node, names, store, true));
    return this.value(node, names, store);
  }

  #evaluate(node: Node, names: Names, store: Store): Value {
    switch (node.type) {
      case 'NumericLiteral': {
        if (!Number.isSafeInteger(node.value)) {
          const isLarge = Number.isInteger(node.value);
          throw this.refuse(
            node,
            `${this.quote(node)} is no ${isLarge ? 'number that JavaScript has exactly' : 'integer'}`,
            isLarge ? `write: u64(${this.text(node)}n)` : 'there are integers only in the kernel',
          );
        }
        const value = BigInt(node.value);
        return { kind: 'known', value, type: literalType(this.text(node), value) };
      }
      case 'BigIntLiteral': {
        const value = BigInt(node.value);
        return { kind: 'known', value, type: literalType(this.text(node), value) };
      }
      case 'StringLiteral':
      case 'BooleanLiteral':
        return { kind: 'known', value: node.value };
      case 'NullLiteral':
        return { kind: 'known', value: null };
      case 'TemplateLiteral':
        if (node.expressions.length > 0) throw this.refuseKind(node);
        return { kind: 'known', value: node.quasis[0]?.value.cooked };
      case 'Identifier':
        return this.#name(node, names, store);
      case 'ParenthesizedExpression':
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'TSNonNullExpression':
      case 'TSTypeAssertion':
      case 'TSInstantiationExpression':
        return this.value(node.expression as Node, names, store);
      case 'MemberExpression':
      case 'OptionalMemberExpression': {
        const of = this.value(node.object as Node, names, store);
        const property = node.property as Node;
        if (node.computed) return this.#index(of, this.value(property, names, store), property, node);
        if (property.type !== 'Identifier') throw this.refuse(property, 'a private name');
        return this.#member(of, property.name, property, node, true);
      }
      case 'CallExpression':
      case 'OptionalCallExpression':
        return this.call(node, names, store);
      case 'UnaryExpression':
        return this.#unary(node, names, store);
      case 'BinaryExpression': {
        if (node.operator === '>>>') {
          throw this.refuse(node, '>>>', "write >>: it brings in zeros where the kernel's type has no sign");
        }
        if (node.operator === '**')
          throw this.refuse(node, '** in the kernel', 'write * or <<, or put it into a const at the top of the file');
        if (OPERATORS[node.operator] === undefined) throw this.refuse(node, `the operator ${node.operator}`);
        const left = this.value(node.left as Node, names, store);
        const right = this.value(node.right as Node, names, store);
        const [leftNode, rightNode] = [node.left as Node, node.right as Node];
        const sign = this.operatorSpan(leftNode, rightNode);
        return this.operate(node.operator, left, right, node, sign, leftNode, rightNode);
      }
      case 'LogicalExpression':
        return this.#logical(node, names, store, false);
      case 'ConditionalExpression': {
        const condition = this.condition(node.test as Node, names, store);
        const isTrue = this.truth(condition);
        if (isTrue !== undefined) return this.value((isTrue ? node.consequent : node.alternate) as Node, names, store);
        return this.maybe(() =>
          this.choose(
            condition,
            this.value(node.consequent as Node, names, store),
            this.value(node.alternate as Node, names, store),
            node,
          ),
        );
      }
      case 'AssignmentExpression':
        return this.#assign(node, names, store);
      case 'UpdateExpression': {
        const before = this.value(node.argument as Node, names, store);
        const after = this.operate(node.operator === '++' ? '+' : '-', before, known(1), node, node);
        this.#set(node.argument as Node, after, names, store);
        return node.prefix ? after : before;
      }
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
        return { kind: 'inner', node, module: this.module, names };
      case 'ArrayExpression': {
        const items = node.elements.map((one) => {
          if (!one || one.type === 'SpreadElement')
            throw this.refuseKind((one as Node | null) ?? node, 'SpreadElement');
          return this.value(one as Node, names, store);
        });
        const members = new Map(items.map((item, index) => [String(index), item]));
        return { kind: 'members', members, length: items.length };
      }
      case 'ObjectExpression': {
        const members = new Map<string, Value>();
        for (const one of node.properties) {
          if (one.type !== 'ObjectProperty' || one.computed) throw this.refuseKind(one as Node, 'SpreadElement');
          const key = one.key as Node;
          const name = key.type === 'Identifier' ? key.name : key.type === 'StringLiteral' ? key.value : this.text(key);
          members.set(name, this.value(one.value as Node, names, store));
        }
        return { kind: 'members', members, length: undefined };
      }
      default:
        throw this.refuseKind(node);
    }
  }

  #unary(node: t.UnaryExpression & Span, names: Names, store: Store): Value {
    const argument = node.argument as Node;
    switch (node.operator) {
      case '!':
        return this.not(this.condition(argument, names, store), node);
      case 'void':
        return ABSENT;
      case '-':
      case '+':
      case '~': {
        const value = this.value(argument, names, store);
        if (value.kind === 'known') {
          const number = this.integer(value, argument);
          return { kind: 'known', value: node.operator === '-' ? -number : node.operator === '~' ? ~number : number };
        }
        return this.computed(
          { kind: 'unary', operator: node.operator, of: this.toNode(value, argument), at: this.at(node) },
          node,
        );
      }
      default:
        throw this.refuse(node, node.operator, 'what is read has the type that the kernel gives it');
    }
  }

  #logical(node: t.LogicalExpression & Span, names: Names, store: Store, isCondition: boolean): Value {
    this.step(node);
    const { operator } = node;
    const [leftNode, rightNode] = [node.left as Node, node.right as Node];
    const read = (one: Node) =>
      isCondition && operator !== '??' ? this.condition(one, names, store) : this.value(one, names, store);
    const left = read(leftNode);
    if (operator === '??') {
      if (left.kind !== 'computed') {
        const isAbsent = left.kind === 'known' && (left.value === undefined || left.value === null);
        return isAbsent ? read(rightNode) : left;
      }
      const right = this.maybe(() => this.toNode(read(rightNode), rightNode));
      return this.computed({ kind: 'coalesce', left: left.node, right, at: this.at(node) }, node);
    }
    const isTrue = this.truth(left);
    if (isTrue !== undefined) return isTrue === (operator === '&&') ? read(rightNode) : left;
    const right = this.maybe(() => read(rightNode));
    const truth = this.truth(right);
    if (truth !== undefined && (isCondition || isBoolean(right))) {
      // A value that is known adds nothing, or decides.
      if (truth !== (operator === '&&')) return known(truth);
      return isCondition || isBoolean(left) ? left : this.not(this.not(left, leftNode), leftNode);
    }
    if (isCondition || (operator === '&&' ? isBoolean(right) : isBoolean(left) && isBoolean(right))) {
      return this.boolean(
        {
          kind: 'binary',
          operator,
          ...{ left: this.toNode(left, leftNode), right: this.toNode(right, rightNode) },
          operatorAt: this.at(this.operatorSpan(leftNode, rightNode)),
          at: this.at(node),
        },
        node,
      );
    }
    if (operator === '&&') return this.choose(left, right, ABSENT, node);
    throw this.refuse(
      node,
      '|| between values',
      'write ?? for one that may be absent, or x ? x : y for one that may be 0',
    );
  }

  #name(node: t.Identifier & Span, names: Names, store: Store): Value {
    const { name } = node;
    for (let one: Names | undefined = names; one; one = one.outer) {
      const variable = one.own.get(name);
      if (!variable) continue;
      const value = store.get(variable);
      if (value) return value;
      throw this.refuse(node, `${name} is used before it has a value`, 'declare it before');
    }
    if (this.outer.has(name)) {
      throw this.refuse(
        node,
        `${name} is a variable of the code around the function, which the kernel does not have`,
        'make it a const at the top of the file',
      );
    }
    const binding = this.module.syntax.bindings.get(name);
    if (binding) {
      if (binding.kind === 'let' || binding.kind === 'var') {
        throw this.refuse(
          node,
          `${name} is not constant, and the kernel does not have it`,
          `declare it as: const ${name} = …`,
        );
      }
      return this.#outside(this.module.scope[name], node);
    }
    if (name === 'undefined') return ABSENT;
    const all = [...this.allNames(names), ...this.module.syntax.bindings.keys()];
    const near = findNearest(name, all);
    throw this.refuse(
      node,
      `there is no ${name} in the kernel`,
      near === undefined
        ? `import it, if it is a name of ipft/extension, or make it a const at the top of the file`
        : `${near}?`,
    );
  }

  /** A value of the module. */
  #outside(value: unknown, node: Node): Value {
    const name = findName(value);
    if (name !== undefined && !['cast', 'sizeof', 'u64'].includes(name)) {
      return { kind: 'computed', node: this.made({ kind: 'name', name, at: this.at(node) }, node), isBoolean: false };
    }
    return known(value);
  }

  protected *allNames(names: Names): Iterable<string> {
    for (let one: Names | undefined = names; one; one = one.outer) yield* one.own.keys();
  }

  #member(of: Value, name: string, nameNode: Node, node: Node, isOwn: boolean): Value {
    if (of.kind === 'computed') {
      const nameAt = this.at(nameNode);
      const at = isOwn ? this.at(node) : nameAt;
      return this.computed({ kind: 'member', of: of.node, name, nameAt, access: 'either', at }, node);
    }
    if (of.kind === 'members') {
      if (name === 'length' && of.length !== undefined) return known(of.length);
      return of.members.get(name) ?? ABSENT;
    }
    if (of.kind === 'inner') throw this.refuse(node, 'a member of a function');
    const { value } = of;
    if (value === undefined || value === null) return ABSENT;
    if (typeof value === 'string' && name === 'length') return known(value.length);
    if (typeof value !== 'object') throw this.refuse(node, `${this.quote(node)}: what it is of has no members`);
    if (!Object.hasOwn(value, name)) {
      const near = findNearest(name, Object.keys(value));
      throw this.refuse(
        nameNode,
        `there is no ${name} in ${this.quote(node)}`,
        near === undefined ? undefined : `${near}?`,
      );
    }
    return this.#outside((value as Record<string, unknown>)[name], node);
  }

  #index(of: Value, index: Value, indexNode: Node, node: Node): Value {
    if (index.kind === 'known' && (typeof index.value === 'string' || of.kind !== 'computed')) {
      const key = String(index.value);
      if (of.kind === 'known' && Array.isArray(of.value) && !Object.hasOwn(of.value, key)) return ABSENT;
      return this.#member(of, key, indexNode, node, true);
    }
    if (of.kind === 'computed') {
      const at = this.at(node);
      return this.computed({ kind: 'index', of: of.node, index: this.toNode(index, indexNode), at }, node);
    }
    throw this.refuse(
      node,
      `${this.quote(node)}: which one is not known before the packet is`,
      'write a condition for each: x === 0 ? a : b',
    );
  }

  /** The items of an array that is known. */
  protected items(list: Value): readonly Value[] | undefined {
    if (list.kind === 'members' && list.length !== undefined) return [...list.members.values()];
    if (list.kind !== 'known' || !Array.isArray(list.value)) return undefined;
    return list.value.map((one) => {
      const name = findName(one);
      return name === undefined ? known(one) : this.#outside(one, this.#noNode);
    });
  }

  get #noNode(): Node {
    return { type: 'EmptyStatement', start: 0, end: 0 } as Node;
  }

  #assign(node: t.AssignmentExpression & Span, names: Names, store: Store): Value {
    const [target, right] = [node.left as Node, node.right as Node];
    const written = node.operator.slice(0, -1);
    let value: Value;
    if (written === '') value = this.value(right, names, store);
    else if (OPERATORS[written] !== undefined) {
      value = this.operate(written, this.value(target, names, store), this.value(right, names, store), node, node);
    } else throw this.refuse(node, node.operator, 'write it out: x = x … y');
    this.#set(target, value, names, store);
    return value;
  }

  #set(target: Node, value: Value, names: Names, store: Store): void {
    if (target.type !== 'Identifier') {
      throw this.refuse(
        target,
        `${this.quote(target)} is to be set`,
        'a function may only set its own variables: nothing in the kernel changes',
      );
    }
    const { name } = target;
    for (let one: Names | undefined = names; one; one = one.outer) {
      const variable = one.own.get(name);
      if (!variable) continue;
      if (variable.isConstant)
        throw this.refuse(target, `${name} is a const, and is to be set`, `declare it as: let ${name}`);
      if (this.isMaybe || variable.level !== this.calls) {
        throw this.refuse(
          target,
          `${name} is set within an expression, or by a function within the function`,
          'set it in a statement: if (…) x = y',
        );
      }
      store.set(variable, value);
      return;
    }
    throw this.refuse(
      target,
      `${name} is to be set, and is no variable of the function`,
      'a function remembers nothing from packet to packet',
    );
  }

  protected bind(target: Node, value: Value, isConstant: boolean, names: Names, store: Store): void {
    switch (target.type) {
      case 'Identifier':
        this.declare(target.name, isConstant, names, store, value);
        return;
      case 'ObjectPattern':
        for (const one of target.properties) {
          if (one.type === 'RestElement') throw this.refuseKind(one as Node);
          if (one.computed) throw this.refuse(one as Node, 'a name that is computed');
          const key = one.key as Node;
          const member = this.#member(value, key.type === 'Identifier' ? key.name : this.text(key), key, target, false);
          this.bind(one.value as Node, member, isConstant, names, store);
        }
        return;
      case 'ArrayPattern':
        for (const [index, one] of target.elements.entries()) {
          if (one)
            this.bind(one as Node, this.#index(value, known(index), one as Node, target), isConstant, names, store);
        }
        return;
      default:
        throw this.refuse(
          target,
          `${this.quote(target)} in the place of a name`,
          'give it a name, and ?? for what may be absent',
        );
    }
  }

  protected declare(name: string, isConstant: boolean, names: Names, store: Store, value: Value): void {
    const variable: Variable = { name, isConstant, level: this.calls };
    names.own.set(name, variable);
    store.set(variable, value);
  }

  /** A statement that is an expression: it may only set variables. */
  protected effect(node: Node, names: Names, store: Store): void {
    switch (node.type) {
      case 'AssignmentExpression':
      case 'UpdateExpression':
        this.value(node, names, store);
        return;
      case 'SequenceExpression':
        for (const one of node.expressions) this.effect(one as Node, names, store);
        return;
      case 'StringLiteral':
        return;
      case 'CallExpression':
        if (this.text(node).startsWith('console.')) {
          throw this.refuse(node, 'console: nothing is printed in the kernel', 'make it a field');
        }
    }
    throw this.refuse(node, `the value of ${this.quote(node)} is not used`, 'return it, or put it into a variable');
  }
}
