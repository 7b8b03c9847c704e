/** Errors of expressions, with the place in the text as people are told it. Pure. */
import { causedBy } from '../base/errors.js';
import { ExpressionError } from '../base/expression-error.js';
import { quote } from '../base/printable.js';

/** How much of a text is quoted on each side of the place. */
const SHOWN = 40;

/**
 * Runs what reads a text, and names place and text in its errors.
 * @param name what the text is to its user, as `--where`
 * @throws ExpressionError
 */
export function withPlace<T>(text: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { at } = error;
    const where = at === undefined ? '' : placeIn(text, at.from);
    throw causedBy(new ExpressionError(`${name}: ${error.message}${where}`, error.hint, at), error);
  }
}

/** `, at character 10 of 'skb->dev->nam'` */
function placeIn(text: string, from: number): string {
  const [begin, end] = [Math.max(0, from - SHOWN), Math.min(text.length, from + SHOWN)];
  const shown = `${begin > 0 ? '…' : ''}${text.slice(begin, end)}${end < text.length ? '…' : ''}`;
  return from >= text.length ? `, at the end of ${quote(shown)}` : `, at character ${from + 1} of ${quote(shown)}`;
}
