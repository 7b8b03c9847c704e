/**
 * Compiles a function of TypeScript to an expression of the kernel side, by executing it with values that are not known:
 * variables and calls are followed, loops are unrolled, and what a condition decides becomes a conditional. Pure.
 */
import type * as t from '@babel/types';
import type { Expression } from '../../../expression/ast.js';
import type { Node } from './builder.js';
import { Caller } from './caller.js';
import { Problem, type Span } from './problem.js';
import { childrenOf, type FunctionNode, isFunction } from './syntax.js';
import { ABSENT, type Names, type Store, type Value } from './values.js';
import type { Module, World } from './world.js';

/** What happens behind a statement. */
interface After {
  next(store: Store): Value;
  returns(value: Value): Value;
  breaks?: ((store: Store) => Value) | undefined;
  continues?: ((store: Store) => Value) | undefined;
}

const MAX_CALLS = 32;

/** What is compiled: the expression, and the range of each node that is in the field's own file. */
export interface Compiled {
  readonly node: Expression;
}

/** @throws Problem */
export function compileFunction(
  world: World,
  value: unknown,
  at: { module: Module; what: string; span?: Span },
): Compiled {
  const found = world.locate(value, at.what);
  if (!found) {
    throw new Problem(
      `${at.what} is no function that is written in this file or in one that it imports`,
      `write: ${/^[a-z]\w*$/i.test(at.what) ? at.what : 'name'}: (skb) => skb.len`,
      at.module.syntax,
      at.span,
    );
  }
  const compiler = new Compiler(world, found.module);
  return { node: compiler.field(found.module, found.syntax.node, found.syntax.outer) };
}

class Compiler extends Caller {
  field(module: Module, node: FunctionNode, outer: ReadonlySet<string>): Expression {
    const [parameter, second] = node.params as (Node | undefined)[];
    if (second) throw this.refuse(second, 'a field is read from one thing, the packet', 'write: (skb) => …');
    const skb: Value = {
      kind: 'computed',
      node: { kind: 'name', name: 'skb', at: this.at(parameter ?? (node as Node)) },
      isBoolean: false,
    };
    const result = this.follow(module, node, outer, undefined, parameter ? [skb] : [], node as Node);
    return this.toNode(result, bodyOf(node));
  }

  /** The value that a function gives. */
  protected follow(
    module: Module,
    node: FunctionNode,
    outer: ReadonlySet<string>,
    around: Names | undefined,
    given: readonly Value[],
    call: Node,
    store: Store = new Map(),
  ): Value {
    if (node.async) throw this.refuse(node as Node, 'async: nothing can be waited for in the kernel', 'leave it out');
    if (node.generator) throw this.refuse(node as Node, 'a generator: a field has one value');
    if (++this.calls > MAX_CALLS) {
      throw this.refuse(
        call,
        'functions that call each other without end',
        'what is called has to end without the call',
      );
    }
    const saved = { module: this.module, outer: this.outer, callSite: this.callSite };
    if (module !== this.home) this.callSite ??= this.at(call);
    this.module = module;
    this.outer = outer;
    const names: Names = { own: new Map(), outer: around };
    for (const [index, parameter] of (node.params as Node[]).entries()) {
      let [target, value] = [parameter, given[index] ?? ABSENT];
      if (target.type === 'AssignmentPattern') {
        if (given[index] === undefined) value = this.value(target.right as Node, names, store);
        target = target.left as Node;
      }
      this.bind(target, value, false, names, store);
    }
    const body = node.body as Node;
    const result =
      body.type === 'BlockStatement'
        ? this.#block(body, names, store, { next: () => ABSENT, returns: (value) => value })
        : this.value(body, names, store);
    this.module = saved.module;
    this.outer = saved.outer;
    this.callSite = saved.callSite;
    this.calls--;
    return result;
  }

  #block(block: t.BlockStatement, names: Names, store: Store, after: After): Value {
    const own: Names = { own: new Map(), outer: names };
    for (const one of block.body) {
      if (one.type !== 'FunctionDeclaration' || !one.id) continue;
      this.declare(one.id.name, true, own, store, { kind: 'inner', node: one, module: this.module, names: own });
    }
    return this.#statements(block.body as Node[], 0, own, store, after);
  }

  #statements(list: readonly Node[], index: number, names: Names, store: Store, after: After): Value {
    const statement = list[index];
    if (!statement) return after.next(store);
    return this.deeper(statement, () =>
      this.#statement(statement, names, store, {
        ...after,
        next: (then) => this.#statements(list, index + 1, names, then, after),
      }),
    );
  }

  #statement(statement: Node, names: Names, store: Store, after: After): Value {
    this.step(statement);
    switch (statement.type) {
      case 'ReturnStatement':
        return after.returns(statement.argument ? this.value(statement.argument as Node, names, store) : ABSENT);
      case 'VariableDeclaration':
        for (const { id, init } of statement.declarations) {
          const value = init ? this.value(init as Node, names, store) : ABSENT;
          this.bind(id as Node, value, statement.kind === 'const', names, store);
        }
        return after.next(store);
      case 'ExpressionStatement':
        this.effect(statement.expression as Node, names, store);
        return after.next(store);
      case 'BlockStatement':
        return this.#block(statement, names, store, after);
      case 'IfStatement':
        return this.#if(statement, names, store, after);
      case 'ForStatement':
        return this.#for(statement, names, store, after);
      case 'ForOfStatement':
        return this.#forOf(statement, names, store, after);
      case 'WhileStatement':
        return this.#loop(statement, statement.test as Node, undefined, statement.body as Node, names, store, after);
      case 'DoWhileStatement':
        throw this.refuse(statement, 'do … while', 'write a loop with for, and a bound that is known');
      case 'SwitchStatement':
        return this.#switch(statement, names, store, after);
      case 'BreakStatement':
        if (statement.label || !after.breaks) throw this.refuseKind(statement, 'LabeledStatement');
        return after.breaks(store);
      case 'ContinueStatement':
        if (statement.label || !after.continues) throw this.refuseKind(statement, 'LabeledStatement');
        return after.continues(store);
      case 'EmptyStatement':
      case 'FunctionDeclaration':
      case 'TSInterfaceDeclaration':
      case 'TSTypeAliasDeclaration':
        return after.next(store);
      default:
        throw this.refuseKind(statement);
    }
  }

  #if(statement: t.IfStatement & Span, names: Names, store: Store, after: After): Value {
    const condition = this.condition(statement.test as Node, names, store);
    const [then, otherwise] = [statement.consequent as Node, statement.alternate as Node | null | undefined];
    const isTrue = this.truth(condition);
    if (isTrue !== undefined) {
      const chosen = isTrue ? then : otherwise;
      return chosen ? this.#statement(chosen, names, store, after) : after.next(store);
    }
    if (leaves(then) || (otherwise && leaves(otherwise))) {
      const left = this.#statement(then, names, new Map(store), after);
      const right = otherwise ? this.#statement(otherwise, names, new Map(store), after) : after.next(new Map(store));
      return this.choose(condition, left, right, statement);
    }
    // Both ways lead to the next statement: only variables differ.
    const run = (branch: Node | null | undefined): Store => {
      let last: Store = new Map(store);
      const keep = (then: Store) => {
        last = then;
        return ABSENT;
      };
      if (branch) this.#statement(branch, names, last, { next: keep, returns: (value) => value });
      return last;
    };
    const [left, right] = [run(then), run(otherwise)];
    const merged: Store = new Map();
    for (const [variable, before] of store) {
      const [one, other] = [left.get(variable) ?? before, right.get(variable) ?? before];
      merged.set(variable, one === other ? one : this.choose(condition, one, other, statement));
    }
    return after.next(merged);
  }

  #for(statement: t.ForStatement & Span, names: Names, store: Store, after: After): Value {
    const own: Names = { own: new Map(), outer: names };
    const { init, test, update } = statement;
    if (init?.type === 'VariableDeclaration') {
      for (const one of init.declarations) {
        this.bind(one.id as Node, one.init ? this.value(one.init as Node, own, store) : ABSENT, false, own, store);
      }
    } else if (init) {
      this.effect(init as Node, own, store);
    }
    return this.#loop(statement, test as Node | null, update as Node | null, statement.body as Node, own, store, after);
  }

  /** Unrolls a loop whose condition is known each time. */
  #loop(
    loop: Node,
    test: Node | null | undefined,
    update: Node | null | undefined,
    body: Node,
    names: Names,
    store: Store,
    after: After,
    rounds = 0,
  ): Value {
    return this.deeper(loop, () => {
      this.round(loop, rounds);
      const isTrue = test ? this.truth(this.condition(test, names, store)) : true;
      if (isTrue === undefined) {
        throw this.refuse(
          test ?? loop,
          'a loop whose end depends on the packet',
          'give it a bound that is known, as in for (let i = 0; i < 8; i++), and leave it with if (…) break',
        );
      }
      if (!isTrue) return after.next(store);
      const again = (then: Store) => {
        if (update) this.effect(update, names, then);
        return this.#loop(loop, test, update, body, names, then, after, rounds + 1);
      };
      return this.#statement(body, names, store, { ...after, next: again, continues: again, breaks: after.next });
    });
  }

  #forOf(statement: t.ForOfStatement & Span, names: Names, store: Store, after: After): Value {
    const { left, right, body } = statement;
    const list = this.value(right as Node, names, store);
    const items = this.items(list);
    if (!items) {
      throw this.refuse(
        right as Node,
        'a loop over what is not known',
        'loop over an array that is written out, or over numbers: for (let i = 0; i < 8; i++)',
      );
    }
    const round = (index: number, then: Store): Value => {
      const item = items[index];
      if (item === undefined) return after.next(then);
      return this.deeper(statement, () => {
        this.round(statement, index);
        const own: Names = { own: new Map(), outer: names };
        if (left.type !== 'VariableDeclaration')
          throw this.refuse(left as Node, 'a loop without a variable of its own', 'write: for (const one of […])');
        this.bind(left.declarations[0]!.id as Node, item, left.kind === 'const', own, then);
        const again = (next: Store) => round(index + 1, next);
        return this.#statement(body as Node, own, then, {
          ...after,
          next: again,
          continues: again,
          breaks: after.next,
        });
      });
    };
    return round(0, store);
  }

  #switch(statement: t.SwitchStatement & Span, names: Names, store: Store, after: After): Value {
    const subject = this.value(statement.discriminant as Node, names, store);
    const { cases } = statement;
    const inner = { ...after, breaks: after.next };
    const run = (from: number, then: Store): Value => {
      const all = cases.slice(from).flatMap(({ consequent }) => consequent as Node[]);
      return this.#statements(all, 0, { own: new Map(), outer: names }, then, inner);
    };
    const otherwise = cases.findIndex(({ test }) => !test);
    const choose = (index: number, then: Store): Value => {
      const one = cases[index];
      if (!one) return otherwise >= 0 ? run(otherwise, then) : after.next(then);
      if (!one.test) return choose(index + 1, then);
      const test = one.test as Node;
      const condition = this.operate('===', subject, this.value(test, names, then), test, test);
      const isTrue = this.truth(condition);
      if (isTrue !== undefined) return isTrue ? run(index, then) : choose(index + 1, then);
      return this.deeper(test, () =>
        this.choose(condition, run(index, new Map(then)), choose(index + 1, new Map(then)), test),
      );
    };
    return choose(0, store);
  }
}

/** What a field's function gives, for messages. */
function bodyOf(node: FunctionNode): Node {
  return node.body as Node;
}

/** Whether a statement may leave what is around it: by return, break or continue. */
function leaves(node: Node): boolean {
  if (node.type === 'ReturnStatement' || node.type === 'BreakStatement' || node.type === 'ContinueStatement')
    return true;
  return !isFunction(node) && childrenOf(node).some(leaves);
}
