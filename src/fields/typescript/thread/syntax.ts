/** Reads a module's text: its nodes, and its text without types. Pure. */
import { type ParserPlugin, parse } from '@babel/parser';
import type * as t from '@babel/types';
import { causedBy } from '../../../base/errors.js';
import { Problem, type Source, type Span } from './problem.js';

/** A module that was read. */
export interface Syntax extends Source {
  /** The text with blanks in the place of types, imports and exports: every character stands where it stood. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** The names of what is exported, and under which name it stands in the module. */
  readonly exports: ReadonlyMap<string, string>;
  /** What is exported for the type checker alone. */
  readonly exportedTypes: ReadonlySet<string>;
  /** The bindings of the module itself. */
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly functions: readonly FunctionSyntax[];
}

export interface Import {
  readonly from: string;
  readonly at: Span;
  /** `*` for the whole module. */
  readonly names: readonly { readonly imported: string; readonly local: string; readonly at: Span }[];
}

export type BindingKind = 'const' | 'let' | 'var' | 'function' | 'class' | 'import';

export interface Binding {
  readonly kind: BindingKind;
  readonly at: Span;
}

export type FunctionNode = t.ArrowFunctionExpression | t.FunctionExpression | t.FunctionDeclaration | t.ObjectMethod;

export interface FunctionSyntax {
  readonly node: FunctionNode;
  /** Names that belong to the functions around it. */
  readonly outer: ReadonlySet<string>;
}

/** The name that an exported default value has within the module. */
export const DEFAULT = '__ipft_default';
const MAX_DEPTH = 200;

type Node = t.Node & Span;

/** @throws Problem */
export function readModule(source: Source): Syntax {
  const { path, text } = source;
  const isScript = /\.m?js$/.test(path);
  const plugins: ParserPlugin[] = isScript ? [] : ['typescript'];
  let file: t.File;
  try {
    file = parse(text, { sourceType: 'module', plugins, attachComment: false, createImportExpressions: true });
  } catch (error) {
    const { message, pos, reasonCode } = error as Error & { pos?: number; reasonCode?: string };
    if (pos === undefined) {
      // Text that is nested too deep ends the stack.
      throw causedBy(new Problem(`it can't be read: ${message}`, undefined, source), error);
    }
    const hint = isScript && reasonCode ? 'a .js file is JavaScript; types belong into a .ts file' : undefined;
    const problem = message.replace(/ \(\d+:\d+\)$/, '').replace(/\.$/, '');
    throw causedBy(new Problem(problem, hint, source, { start: pos, end: pos }), error);
  }
  return new Reader(source).read(file.program);
}

class Reader {
  readonly #source: Source;
  readonly #characters: string[];
  readonly #imports: Import[] = [];
  readonly #exports = new Map<string, string>();
  readonly #exportedTypes = new Set<string>();
  readonly #bindings = new Map<string, Binding>();
  readonly #functions: FunctionSyntax[] = [];

  constructor(source: Source) {
    this.#source = source;
    this.#characters = source.text.split('');
  }

  read(program: t.Program): Syntax {
    for (const statement of program.body) this.#statement(statement);
    return {
      ...this.#source,
      code: this.#characters.join(''),
      ...{ imports: this.#imports, exports: this.#exports, exportedTypes: this.#exportedTypes },
      ...{ bindings: this.#bindings, functions: this.#functions },
    };
  }

  #statement(statement: t.Statement): void {
    const { start } = statement as Node;
    switch (statement.type) {
      case 'ImportDeclaration':
        this.#import(statement);
        this.#blank(statement);
        return;
      case 'ExportAllDeclaration':
        throw this.#refuse(statement, 'export * is not taken', 'import what is needed, and export it by its name');
      case 'ExportDefaultDeclaration': {
        const { declaration } = statement;
        const { start: begin } = declaration as Node;
        const name = 'id' in declaration && declaration.id?.type === 'Identifier' ? declaration.id.name : undefined;
        const isDeclaration = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
        if (isDeclaration && name !== undefined) {
          this.#blank({ start, end: begin });
          this.#declare(declaration);
          this.#exports.set('default', name);
        } else {
          this.#put({ start, end: begin }, `${DEFAULT}=`);
          this.#exports.set('default', DEFAULT);
        }
        this.#walk(declaration as Node, new Set(), 0);
        return;
      }
      case 'ExportNamedDeclaration': {
        const { declaration, source, exportKind, specifiers } = statement;
        if (source) {
          if (exportKind === 'type') {
            this.#blank(statement);
            return;
          }
          throw this.#refuse(statement, 'export … from is not taken', 'import it, and export it then');
        }
        if (exportKind === 'type' || (declaration && isTypeOnly(declaration))) {
          for (const name of namesOfType(statement)) this.#exportedTypes.add(name);
          this.#blank(statement);
          return;
        }
        for (const one of specifiers) {
          if (one.type !== 'ExportSpecifier' || one.exportKind === 'type') continue;
          this.#exports.set(nameOf(one.exported), one.local.name);
        }
        if (!declaration) {
          this.#blank(statement);
          return;
        }
        this.#blank({ start, end: (declaration as Node).start });
        for (const name of this.#declare(declaration)) this.#exports.set(name, name);
        this.#walk(declaration as Node, new Set(), 0);
        return;
      }
      default:
        this.#declare(statement);
        this.#walk(statement as Node, new Set(), 0);
    }
  }

  #import(statement: t.ImportDeclaration): void {
    if (statement.importKind === 'type') return;
    const names: Import['names'][number][] = [];
    for (const one of statement.specifiers) {
      if (one.type === 'ImportSpecifier' && one.importKind === 'type') continue;
      const imported =
        one.type === 'ImportSpecifier' ? nameOf(one.imported) : one.type === 'ImportDefaultSpecifier' ? 'default' : '*';
      names.push({ imported, local: one.local.name, at: one as Node });
      this.#bindings.set(one.local.name, { kind: 'import', at: one as Node });
    }
    this.#imports.push({ from: statement.source.value, at: statement.source as Node, names });
  }

  /** @returns the names that a statement of the module declares */
  #declare(statement: t.Statement | t.Declaration): string[] {
    const names: string[] = [];
    const add = (name: string, kind: BindingKind, at: t.Node) => {
      names.push(name);
      this.#bindings.set(name, { kind, at: at as Node });
    };
    if ('declare' in statement && statement.declare) return names;
    if (statement.type === 'VariableDeclaration') {
      const kind = statement.kind === 'let' || statement.kind === 'var' ? statement.kind : 'const';
      for (const { id } of statement.declarations) for (const one of namesIn(id)) add(one.name, kind, one);
    } else if (statement.type === 'FunctionDeclaration' && statement.id) {
      add(statement.id.name, 'function', statement.id);
    } else if (statement.type === 'ClassDeclaration' && statement.id) {
      add(statement.id.name, 'class', statement.id);
    }
    return names;
  }

  /** Blanks types, and collects functions. @param outer the names of the functions around */
  #walk(node: Node, outer: ReadonlySet<string>, depth: number): void {
    if (depth > MAX_DEPTH * 10) throw this.#refuse(node, 'it is nested too deep');
    if (this.#strip(node)) return;
    let around = outer;
    if (isFunction(node)) {
      this.#functions.push({ node, outer });
      around = new Set([...outer, ...namesOfFunction(node)]);
    } else {
      const names = namesOfBlock(node);
      if (names.length > 0) around = new Set([...outer, ...names]);
    }
    for (const child of childrenOf(node)) this.#walk(child, around, depth + 1);
  }

  /** @returns whether nothing of the node is left */
  #strip(node: Node): boolean {
    switch (node.type) {
      case 'TSTypeAnnotation':
      case 'TSTypeParameterDeclaration':
      case 'TSTypeParameterInstantiation':
      case 'TSIndexSignature':
      case 'TSDeclareMethod':
        this.#blank(node);
        return true;
      case 'TSInterfaceDeclaration':
      case 'TSTypeAliasDeclaration':
      case 'TSDeclareFunction':
        this.#put(node, ';');
        return true;
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'TSNonNullExpression':
        this.#blank({ start: endWithBrackets(this.#source.text, node.expression as Node), end: node.end });
        return false;
      case 'TSTypeAssertion':
        this.#blank({ start: node.start, end: (node.typeAnnotation as Node).end });
        this.#blankText((node.typeAnnotation as Node).end, '>');
        return false;
      case 'TSEnumDeclaration':
        if (node.declare) break;
        throw this.#refuse(
          node,
          'an enum is not only a type, and is not taken',
          `write: const ${node.id.name} = { NAME: 0, … } as const`,
        );
      case 'TSModuleDeclaration':
        if (node.declare || node.kind === 'global') break;
        throw this.#refuse(node, 'a namespace is not taken', 'write its members at the top of the file');
      case 'TSParameterProperty':
        throw this.#refuse(node, 'a parameter that declares a property is not taken', 'assign it in the constructor');
      case 'TSExportAssignment':
        throw this.#refuse(node, 'export = is not taken', 'write: export default');
      case 'TSImportEqualsDeclaration':
        throw this.#refuse(node, 'import … = is not taken', "write: import { … } from '…'");
      case 'Decorator':
        throw this.#refuse(node, 'decorators are not taken');
      case 'ImportExpression':
        throw this.#refuse(node, 'import() is not taken', "write at the top of the file: import { … } from '…'");
      case 'ClassDeclaration':
      case 'ClassExpression':
        if ('declare' in node && node.declare) break;
        this.#class(node);
        return false;
      case 'ClassProperty':
      case 'ClassMethod':
        this.#member(node);
        return false;
      case 'Identifier':
        if (node.optional) this.#blankText(node.start + node.name.length, '?');
        return false;
      case 'ObjectPattern':
      case 'ArrayPattern':
        if ('optional' in node && node.optional) this.#blankText((node.typeAnnotation as Node).start - 1, '?');
        return false;
      case 'VariableDeclarator':
        if (node.definite) this.#blankText((node.id as Node).start, '!');
        return false;
      case 'VariableDeclaration':
        if (node.declare) break;
        return false;
      default:
        if (isFunction(node)) this.#thisParameter(node);
        return false;
    }
    this.#put(node, ';');
    return true;
  }

  #class(node: (t.ClassDeclaration | t.ClassExpression) & Span): void {
    const { start } = node.body as Node;
    const head = (node.superClass ?? node.id) as Node | null | undefined;
    const from = head?.end ?? node.start;
    const found = /\bimplements\b/.exec(this.#source.text.slice(from, start));
    if (found) this.#blank({ start: from + found.index, end: start });
    if ('abstract' in node && node.abstract) this.#blankText(node.start, 'abstract');
  }

  #member(node: (t.ClassProperty | t.ClassMethod) & Span): void {
    const { start } = node.key as Node;
    const head = this.#source.text.slice(node.start, start);
    if ('declare' in node && node.declare) {
      this.#blank(node);
      return;
    }
    for (const { index, 0: word } of head.matchAll(/\b(public|private|protected|readonly|abstract|override)\b/g)) {
      this.#blank({ start: node.start + index, end: node.start + index + word.length });
    }
    if ('optional' in node && node.optional) this.#blankText((node.key as Node).end, '?');
    if ('definite' in node && node.definite) this.#blankText((node.key as Node).end, '!');
  }

  #thisParameter(node: FunctionNode): void {
    const [first, second] = node.params as (Node | undefined)[];
    if (first?.type !== 'Identifier' || first.name !== 'this') return;
    const comma = this.#source.text.indexOf(',', first.end);
    this.#blank({ start: first.start, end: second ? second.start : first.end });
    if (!second && comma >= 0 && /^\s*,\s*\)/.test(this.#source.text.slice(first.end))) this.#blankText(first.end, ',');
  }

  #blank({ start, end }: { start?: number | null | undefined; end?: number | null | undefined }): void {
    for (let at = start ?? 0; at < (end ?? 0); at++) {
      if (this.#characters[at] !== '\n' && this.#characters[at] !== '\r') this.#characters[at] = ' ';
    }
  }

  /** Puts a text in the place of a longer one. */
  #put(span: Span, text: string): void {
    this.#blank(span);
    for (let at = 0; at < text.length; at++) this.#characters[span.start + at] = text[at]!;
  }

  /** Blanks the first such text behind an offset. */
  #blankText(from: number, text: string): void {
    const at = this.#source.text.indexOf(text, from);
    if (at >= 0) this.#blank({ start: at, end: at + text.length });
  }

  #refuse(node: t.Node, message: string, hint?: string): Problem {
    return new Problem(message, hint, this.#source, node as Node);
  }
}

/** Behind the brackets that a node stands in, which are no part of it. */
function endWithBrackets(text: string, node: Node): number {
  const extra = node.extra as { parenthesized?: boolean } | undefined;
  return extra?.parenthesized ? text.indexOf(')', node.end) + 1 : node.end;
}

function isTypeOnly(node: t.Declaration): boolean {
  const { type } = node;
  if (type === 'TSInterfaceDeclaration' || type === 'TSTypeAliasDeclaration' || type === 'TSDeclareFunction')
    return true;
  return 'declare' in node && node.declare === true;
}

function namesOfType({ declaration, specifiers }: t.ExportNamedDeclaration): string[] {
  if (declaration && 'id' in declaration && declaration.id?.type === 'Identifier') return [declaration.id.name];
  return specifiers.flatMap((one) => (one.type === 'ExportSpecifier' ? [nameOf(one.exported)] : []));
}

function nameOf(node: t.Identifier | t.StringLiteral): string {
  return node.type === 'Identifier' ? node.name : node.value;
}

export function isFunction(node: t.Node): node is FunctionNode & Span {
  const { type } = node;
  return (
    type === 'ArrowFunctionExpression' ||
    type === 'FunctionExpression' ||
    type === 'FunctionDeclaration' ||
    type === 'ObjectMethod'
  );
}

/** The names that a pattern binds. */
export function namesIn(pattern: t.Node | null | undefined): t.Identifier[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern];
    case 'ObjectPattern':
      return pattern.properties.flatMap((one) => namesIn(one.type === 'RestElement' ? one.argument : one.value));
    case 'ArrayPattern':
      return pattern.elements.flatMap(namesIn);
    case 'AssignmentPattern':
      return namesIn(pattern.left);
    case 'RestElement':
      return namesIn(pattern.argument);
    default:
      return [];
  }
}

/** The parameters and variables of a function, without those of functions in it. */
function namesOfFunction(node: FunctionNode): string[] {
  const names = node.params.flatMap((one) => namesIn(one)).map(({ name }) => name);
  const visit = (inner: Node) => {
    if (inner.type === 'VariableDeclarator') names.push(...namesIn(inner.id).map(({ name }) => name));
    if (inner.type === 'FunctionDeclaration' && inner.id) names.push(inner.id.name);
    if (!isFunction(inner)) for (const child of childrenOf(inner)) visit(child);
  };
  visit(node.body as Node);
  return names;
}

/** The variables that a block or a loop declares itself. */
function namesOfBlock(node: Node): string[] {
  const declared =
    node.type === 'BlockStatement'
      ? node.body
      : node.type === 'ForStatement'
        ? [node.init]
        : node.type === 'ForOfStatement' || node.type === 'ForInStatement'
          ? [node.left]
          : [];
  return declared.flatMap((one) =>
    one?.type === 'VariableDeclaration'
      ? one.declarations.flatMap(({ id }) => namesIn(id)).map(({ name }) => name)
      : one?.type === 'FunctionDeclaration' && one.id
        ? [one.id.name]
        : [],
  );
}

export function childrenOf(node: t.Node): Node[] {
  const children: Node[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (key === 'loc' || key === 'extra' || key === 'errors') continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one === 'object' && one !== null && typeof (one as Node).type === 'string') children.push(one as Node);
    }
  }
  return children;
}
