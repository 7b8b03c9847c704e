/** What is wrong with a module, and where. Pure. */

/** A part of a text, as Babel's nodes have it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The text of a file. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Something in a file that can't be used. */
export class Problem extends Error {
  readonly hint: string | undefined;
  readonly source: Source | undefined;
  readonly span: Span | undefined;

  constructor(message: string, hint?: string, source?: Source, span?: Span) {
    super(message);
    this.hint = hint;
    this.source = source;
    this.span = span;
  }
}

/** The line, counted from 1, and the column, counted from 1. */
export function lineOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const begin = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - begin + 1 };
}
