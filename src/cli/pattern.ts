/** Regular expressions on the command line. */
import { causedBy, UsageError } from '../base/errors.js';
import type { NamePattern } from '../base/name-pattern.js';
import { printable } from '../base/printable.js';
import { PatternProblem, translatePattern } from './perl-pattern.js';

/** The longest pattern that a message shows. */
const LONGEST_TEXT = 200;

/** A regular expression in JavaScript's dialect, or in Perl's as far as it can be translated. @throws UsageError */
export function parsePattern(option: string, text: string): NamePattern {
  const shown = printable(text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);
  try {
    return { regExp: new RegExp(translatePattern(text)), text };
  } catch (error) {
    // A RangeError: the pattern is nested too deeply.
    if (error instanceof PatternProblem || error instanceof SyntaxError || error instanceof RangeError) {
      const refusal = new UsageError(
        `${option} '${shown}': ${describe(error, text)}`,
        "patterns are JavaScript's regular expressions; what only Perl has is translated where that can be done exactly",
      );
      throw causedBy(refusal, error);
    }
    throw error;
  }
}

/** JavaScript's message begins with the pattern after translation: the user's pattern is put there. */
function describe({ message }: Error, text: string): string {
  const reason = /^Invalid regular expression: \/.*\/: (.*)$/s.exec(message)?.[1] ?? message;
  const shown = reason === message ? message : `${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
  return printable(shown.replace(text, '…'));
}
