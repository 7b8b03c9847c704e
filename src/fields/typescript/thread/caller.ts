/** Evaluates calls: of the user's functions, and of what the kernel side knows. Pure. */
import type * as t from '@babel/types';
import type { TypeWords } from '../../../expression/ast.js';
import type { Node } from './builder.js';
import { Evaluator } from './evaluator.js';
import { findName } from './placeholders.js';
import type { Span } from './problem.js';
import type { FunctionNode } from './syntax.js';
import { known, type Names, type Store, type Value } from './values.js';
import type { Module } from './world.js';

export abstract class Caller extends Evaluator {
  /** The value that a function gives. */
  protected abstract follow(
    module: Module,
    node: FunctionNode,
    outer: ReadonlySet<string>,
    around: Names | undefined,
    given: readonly Value[],
    call: Node,
    store?: Store,
  ): Value;

  protected call(node: (t.CallExpression | t.OptionalCallExpression) & Span, names: Names, store: Store): Value {
    const callee = node.callee as Node;
    const given = node.arguments as Node[];
    const spread = given.find(({ type }) => type === 'SpreadElement');
    if (spread) throw this.refuseKind(spread);
    if (callee.type === 'MemberExpression' || callee.type === 'OptionalMemberExpression') {
      const method = this.#method(node, callee, given, names, store);
      if (method) return method;
    }
    if (callee.type === 'Identifier') {
      const conversion = this.#conversion(callee, given, names, store);
      if (conversion) return conversion;
    }
    const called =
      callee.type === 'Identifier' && this.#isFree(callee.name, names)
        ? known(this.module.scope[callee.name])
        : this.value(callee, names, store);
    if (called.kind === 'inner') {
      const values = given.map((one) => this.value(one, names, store));
      return this.follow(called.module, called.node, this.outer, called.names, values, node, store);
    }
    const name = called.kind === 'known' ? findName(called.value) : undefined;
    if (name !== undefined) return this.#builtin(name, node, callee, given, names, store);
    const found = called.kind === 'known' ? this.world.locate(called.value) : undefined;
    if (!found) {
      throw this.refuse(
        callee,
        `${this.quote(callee)} can't be called in the kernel`,
        'functions of this file and of ipft/extension can; show runs outside of the kernel, and may call all',
      );
    }
    const values = given.map((one) => this.value(one, names, store));
    return this.follow(found.module, found.syntax.node, found.syntax.outer, undefined, values, node);
  }

  /** Whether a name is the module's. */
  #isFree(name: string, names: Names): boolean {
    for (let one: Names | undefined = names; one; one = one.outer) if (one.own.has(name)) return false;
    const binding = this.module.syntax.bindings.get(name);
    return (
      !this.outer.has(name) && (binding?.kind === 'import' || binding?.kind === 'function' || binding?.kind === 'const')
    );
  }

  /** `[80, 443].includes(x)`, `Math.min(a, b)`. */
  #method(
    node: Node,
    { object, property, computed }: t.MemberExpression | t.OptionalMemberExpression,
    given: readonly Node[],
    names: Names,
    store: Store,
  ): Value | undefined {
    if (computed || property.type !== 'Identifier') return undefined;
    const { name } = property;
    const [first, second] = given;
    if (object.type === 'Identifier' && object.name === 'Math' && !this.#knows('Math', names)) {
      const values = given.map((one) => this.value(one, names, store));
      if ((name === 'min' || name === 'max') && first && second) {
        return values.reduce((left, right) => {
          const isLeft = this.operate(name === 'min' ? '<' : '>', left, right, node, node);
          const isTrue = this.truth(isLeft);
          return isTrue === undefined ? this.choose(isLeft, left, right, node) : isTrue ? left : right;
        });
      }
      throw this.refuse(node, `Math.${name} in the kernel`, 'Math.min and Math.max are there; show may use all');
    }
    const of = this.value(object as Node, names, store);
    const items = this.items(of);
    if (name === 'includes' && items && first && !second) {
      const wanted = this.value(first, names, store);
      return items
        .map((item) => this.operate('===', wanted, item, node, node))
        .reduce((left, right) => this.or(left, right, node), known(false));
    }
    const isText = of.kind === 'computed' || (of.kind === 'known' && typeof of.value === 'string');
    if (
      isText &&
      [
        'startsWith',
        'endsWith',
        'includes',
        'slice',
        'toString',
        'toLowerCase',
        'toUpperCase',
        'trim',
        'padStart',
        'at',
        'indexOf',
        'match',
        'split',
      ].includes(name)
    ) {
      throw this.refuse(
        node,
        `.${name}() in the kernel`,
        `compare the whole text with ===, its characters as name[0], or use show, which runs outside of the kernel`,
      );
    }
    if (of.kind === 'known' && typeof of.value === 'object') return undefined;
    if (of.kind === 'members') return undefined;
    throw this.refuse(
      node,
      `${this.quote(node)} can't be called in the kernel`,
      'functions of this file and of ipft/extension can; show runs outside of the kernel, and may call all',
    );
  }

  /** `Number(x)`, `BigInt(x)`, `Boolean(x)`. */
  #conversion({ name }: t.Identifier, given: readonly Node[], names: Names, store: Store): Value | undefined {
    const [first, second] = given;
    if (!first || second || this.#knows(name, names)) return undefined;
    if (name === 'Number' || name === 'BigInt') return this.value(first, names, store);
    return name === 'Boolean' ? this.not(this.not(this.condition(first, names, store), first), first) : undefined;
  }

  /** Whether something of that name hides a global. */
  #knows(name: string, names: Names): boolean {
    for (const one of this.allNames(names)) if (one === name) return true;
    return this.module.syntax.bindings.has(name) || this.outer.has(name);
  }

  #builtin(name: string, node: Node, callee: Node, given: readonly Node[], names: Names, store: Store): Value {
    const at = this.at(node);
    const [first, second] = given;
    if (name === 'u64') {
      if (!first || second) throw this.refuse(node, 'u64() takes a number', 'write: u64(0xffff_ffff_ffff_fff8n)');
      return this.value(first, names, store);
    }
    if (name === 'cast') {
      const type = first && this.value(first, names, store);
      if (!first || !second || given[2] || type?.kind !== 'known' || typeof type.value !== 'string') {
        throw this.refuse(node, 'cast() takes the name of a type, and a value', "write: cast('struct nf_conn', x)");
      }
      const words = this.#typeWords(type.value, first);
      const of = this.toNode(this.value(second, names, store), second);
      return this.computed({ kind: 'cast', type: words, of, at }, node);
    }
    if (name === 'sizeof') {
      if (!first || second)
        throw this.refuse(node, 'sizeof() takes a type, or a value', "write: sizeof('struct tcphdr')");
      const value = this.value(first, names, store);
      const isType = value.kind === 'known' && typeof value.value === 'string';
      const of = isType ? pointedTo(this.#typeWords(value.value as string, first)) : this.toNode(value, first);
      return this.computed({ kind: 'sizeof', of, at }, node);
    }
    const nodes = given.map((one) => this.toNode(this.value(one, names, store), one));
    return this.computed({ kind: 'call', name, nameAt: this.at(callee), given: nodes, at }, node);
  }

  /** `struct nf_conn`, which is a pointer as all structs are here, `u32`, `struct nf_conn@nf_conntrack`. */
  #typeWords(text: string, node: Node): TypeWords {
    const match =
      /^\s*(?:(struct|union|enum)\s+)?(?!(?:struct|union|enum)\b)([A-Za-z_]\w*(?:\s+[A-Za-z_]\w*)*)(?:@([\w-]+))?\s*((?:\*\s*)*)$/.exec(
        text,
      );
    if (!match) throw this.refuse(node, `${this.quote(node)} is no name of a type`, "as in 'struct nf_conn', or 'u32'");
    const [, keyword, name = '', module, stars = ''] = match;
    const pointers = stars.replaceAll(/\s/g, '').length;
    const isStruct = keyword === 'struct' || keyword === 'union';
    return {
      keyword: keyword as TypeWords['keyword'],
      ...{ name: name.replaceAll(/\s+/g, ' '), module },
      pointers: isStruct && pointers === 0 ? 1 : pointers,
      at: this.at(node),
    };
  }
}

/** A struct's own size is wanted, not that of the pointer to it. */
function pointedTo(type: TypeWords): TypeWords {
  return (type.keyword === 'struct' || type.keyword === 'union') && type.pointers === 1
    ? { ...type, pointers: 0 }
    : type;
}
