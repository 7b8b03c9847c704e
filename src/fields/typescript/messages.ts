/** What the thread that executes a module tells. */
import type { MessagePort } from 'node:worker_threads';
import type { ComputedValue, FieldValue } from '../../base/field.js';
import type { Expression } from '../../expression/ast.js';

/** What the thread is given. */
export interface ThreadInput {
  /** An absolute path. */
  readonly path: string;
}

/** A field of the module. */
export interface ModuleField {
  readonly name: string;
  readonly expression: Expression;
  readonly format: string | undefined;
  /** Whether a function of the module makes what is shown of what was read. */
  readonly hasShow: boolean;
  /** The file whose text the expression's ranges are of. */
  readonly file: string;
  /** The line on which the function begins, and its number and column, counted from 1. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface ModuleProblem {
  readonly message: string;
  readonly hint: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export type ThreadMessage =
  /** The module is about to be executed: from now on time counts. */
  | { readonly type: 'begins' }
  | {
      readonly type: 'loaded';
      readonly fields: readonly ModuleField[];
      readonly keep: Omit<ModuleField, 'name' | 'format' | 'hasShow'> | undefined;
      /** The texts of the files, by their paths. */
      readonly files: ReadonlyMap<string, string>;
    }
  | { readonly type: 'failed'; readonly problem: ModuleProblem };

/** Asks the thread to answer for `show` functions. */
export interface ThreadRequest {
  /** Takes questions, and gives an answer to each. */
  readonly port: MessagePort;
  /** Set to 1 when an answer is there. */
  readonly answered: Int32Array;
}

export interface ShowQuestion {
  readonly field: string;
  readonly value: FieldValue;
}

export type ShowAnswer = { readonly value: ComputedValue | undefined } | { readonly problem: ModuleProblem };
