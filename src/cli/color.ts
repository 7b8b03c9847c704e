/** Colours of the output. */

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;
export type ColorChoice = (typeof COLOR_CHOICES)[number];

/**
 * The value of `--color`, read before the command line is parsed: errors in the command line are coloured, too.
 * @param args without the program's name
 */
export function findColorChoice(args: readonly string[]): ColorChoice {
  let choice: ColorChoice = 'auto';
  for (const [index, arg] of args.entries()) {
    if (arg === '--') break;
    const text = arg === '--color' ? args[index + 1] : arg.startsWith('--color=') ? arg.slice(8) : undefined;
    choice = COLOR_CHOICES.find((one) => one === text) ?? choice;
  }
  return choice;
}

/** Whether a stream gets colours. `NO_COLOR` counts if it is not empty (https://no-color.org). */
export function hasColor(
  choice: ColorChoice,
  stream: { readonly isTTY?: boolean },
  { NO_COLOR, TERM }: NodeJS.ProcessEnv = process.env,
): boolean {
  if (choice !== 'auto') return choice === 'always';
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}
