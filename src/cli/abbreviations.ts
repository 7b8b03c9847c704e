/** Abbreviated long options, as getopt takes them: `--ext` for `--extension`. */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { COMMANDS, GROUPS, type OptionEntry, splitFlags } from './option-table.js';

/**
 * The long options of ipftrace2. An abbreviation that is unique among them stays one, whatever options have come since.
 */
const INHERITED = new Set([
  ...['--mark', '--mask', '--tracer', '--backend', '--extension', '--gen', '--output', '--regex', '--module-regex'],
  ...['--list', '--verbose', '--help', '--version', '--perf-page-count', '--perf-sample-period'],
  ...['--perf-wakeup-events', '--no-set-rlimit', '--enable-probe-server', '--probe-server-port', '--script'],
]);

/** Writes abbreviated options out. Unknown ones stay. @throws UsageError for an abbreviation of several options */
export function writeOut(args: readonly string[]): string[] {
  let known: readonly OptionEntry[] = GROUPS.flatMap(({ options }) => options);
  /** The options of the subcommand. */
  let own: readonly OptionEntry[] = [];
  let mayBeCommand = true;
  const written: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === '--') return [...written, ...args.slice(at)];
    if (!word.startsWith('-') || word === '-') {
      const command = mayBeCommand ? COMMANDS.find(({ name }) => name === word) : undefined;
      if (command) {
        own = command.options;
        known = [...known, ...own];
      }
      mayBeCommand = false;
      written.push(word);
      continue;
    }
    const whole = word.startsWith('--') ? writeOutOne(word, known, own) : word;
    written.push(whole);
    // The value of an option is no option, whatever it begins with.
    if (takesNext(whole, known) && at + 1 < args.length) written.push(args[++at]!);
  }
  return written;
}

function writeOutOne(word: string, known: readonly OptionEntry[], own: readonly OptionEntry[]): string {
  const [name = '', ...value] = word.split(/(?==)/);
  if (known.some((entry) => splitFlags(entry).long === name)) return word;
  const candidates = namesOf(known).filter((one) => one.startsWith(name));
  const preferred = [namesOf(own), [...INHERITED]]
    .map((names) => candidates.filter((one) => names.includes(one)))
    .find(({ length }) => length === 1);
  const [whole, another] = preferred ?? candidates;
  if (whole === undefined) return word;
  if (another === undefined) return [whole, ...value].join('');
  throw new UsageError(
    `${printable(name)} may be ${candidates.slice(0, -1).join(', ')} or ${candidates.at(-1)}`,
    'ipft --help shows the options',
  );
}

/**
 * Splits a command line whose options are written out: behind the first `--` that is no option's value stands a command,
 * unless the words before it call a subcommand that runs none.
 */
export function splitCommand(args: readonly string[]): { own: readonly string[]; command?: readonly string[] } {
  const entries = [...GROUPS, ...COMMANDS].flatMap(({ options }): readonly OptionEntry[] => options);
  let operand: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === '--') {
      const isOther = operand !== 'record' && COMMANDS.some(({ name }) => name === operand);
      return isOther ? { own: args } : { own: args.slice(0, at), command: args.slice(at + 1) };
    }
    if (!word.startsWith('-') || word === '-') operand ??= word;
    else if (takesNext(word, entries)) at++;
  }
  return { own: args };
}

/** The names that may be abbreviated: not those of hidden options, which only our own scripts use. */
function namesOf(entries: readonly OptionEntry[]): string[] {
  const names = entries.map((entry) => ({ name: splitFlags(entry).long, hidden: entry.hidden }));
  return [...new Set(names.filter(({ name, hidden }) => !hidden || INHERITED.has(name)).map(({ name }) => name))];
}

/** Whether the next word is an option's value. */
function takesNext(word: string, known: readonly OptionEntry[]): boolean {
  if (word.startsWith('--')) return known.some((entry) => isNeeded(entry) && splitFlags(entry).long === word);
  // Of several letters, the first that takes a value takes the rest of the word.
  for (let at = 1; at < word.length; at++) {
    const entry = known.find((one) => splitFlags(one).short === `-${word[at]}`);
    if (entry && isNeeded(entry)) return at === word.length - 1;
  }
  return false;
}

function isNeeded(entry: OptionEntry): boolean {
  return splitFlags(entry).value?.startsWith('<') ?? false;
}
