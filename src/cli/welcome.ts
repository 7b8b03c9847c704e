/** The text for a command line without arguments. */
import type { Painter } from '../base/style.js';
import { DESCRIPTION, FIRST_STEPS } from './option-table.js';

export function formatWelcome(paint: Painter): string {
  const width = Math.max(...FIRST_STEPS.map(({ command }) => command.length));
  const steps = FIRST_STEPS.map(
    ({ command, summary }) => `  ${paint(command, 'bold')}${' '.repeat(width - command.length)}   ${summary}`,
  );
  const what = `${DESCRIPTION.charAt(0).toLowerCase()}${DESCRIPTION.slice(1)}`;
  return [`ipft ${what} To begin:`, '', ...steps, '', 'ipft --help shows the rest.'].join('\n');
}
