/** Errors in an expression that someone wrote, with the place in it. */
import { UsageError } from './errors.js';

/** Characters of a text: from the first one, counted from 0, to the one behind the last. */
export interface TextRange {
  readonly from: number;
  readonly to: number;
}

/** An expression that can't be used; where it is known, with the place in it. */
export class ExpressionError extends UsageError {
  readonly at: TextRange | undefined;

  constructor(message: string, hint: string | undefined, at: TextRange | undefined) {
    super(message, hint);
    // To users it is an error of usage as any other.
    this.name = UsageError.name;
    this.at = at;
  }
}
