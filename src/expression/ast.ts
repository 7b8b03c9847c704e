/**
 * Expressions over the kernel's types, as whoever reads a text hands them to the type checker. Pure.
 *
 * Two notations are read into these nodes: C's (`parse.ts`), and functions in TypeScript (`src/fields/typescript`). A node
 * may stand at several places of a tree: a variable's value is the same node wherever the variable is named.
 */
import type { TextRange } from '../base/expression-error.js';

/** C's types of integer literals. */
export type LiteralType = 'int' | 'unsigned int' | 'long' | 'unsigned long';

/** A type as it is written: `struct sk_buff *`, `unsigned char`, `struct nf_conn@nf_conntrack`. */
export interface TypeWords {
  readonly keyword: 'struct' | 'union' | 'enum' | undefined;
  /** Of C's own types with its words in C's order, as `unsigned long`. */
  readonly name: string;
  /** The kernel module whose type is meant. */
  readonly module: string | undefined;
  /** How many pointers lead to it. */
  readonly pointers: number;
  readonly at: TextRange;
}

export type UnaryOperator = '-' | '+' | '!' | '~' | '*' | '&';
export type BinaryOperator =
  | ('*' | '/' | '%' | '+' | '-' | '<<' | '>>')
  | ('<' | '<=' | '>' | '>=' | '==' | '!=')
  | ('&' | '^' | '|' | '&&' | '||');

interface Placed {
  /** Where it stands in the text. */
  readonly at: TextRange;
}

export type Expression = Placed &
  (
    | { readonly kind: 'number'; readonly value: bigint; readonly type: LiteralType }
    | { readonly kind: 'text'; readonly value: string }
    /** `skb`, `cpu`, an enumerator, a constant. */
    | { readonly kind: 'name'; readonly name: string }
    | {
        readonly kind: 'member';
        readonly of: Expression;
        readonly name: string;
        readonly nameAt: TextRange;
        /** How C has it; `either`: a dot that follows a pointer, too, as TypeScript has it. */
        readonly access: 'arrow' | 'dot' | 'either';
      }
    | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
    | {
        readonly kind: 'call';
        readonly name: string;
        readonly nameAt: TextRange;
        readonly given: readonly Expression[];
      }
    | { readonly kind: 'cast'; readonly type: TypeWords; readonly of: Expression }
    | { readonly kind: 'sizeof'; readonly of: TypeWords | Expression }
    | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly of: Expression }
    | {
        readonly kind: 'binary';
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
        readonly operatorAt: TextRange;
      }
    | {
        readonly kind: 'conditional';
        readonly condition: Expression;
        readonly then: Expression;
        readonly otherwise: Expression;
      }
    /** The left value, or where that is absent, the right one: TypeScript's `??`. */
    | { readonly kind: 'coalesce'; readonly left: Expression; readonly right: Expression }
    /** No value: TypeScript's `undefined`. */
    | { readonly kind: 'absent' }
  );
