/** Parses the command line. Its options are in option-table.ts, their meaning is here. */

import { isIP } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { isatty } from 'node:tty';
import { Command, CommanderError, Help, Option } from 'commander';
import { causedBy, UsageError } from '../base/errors.js';
import { OUTCOMES, type Outcome } from '../base/journey.js';
import { findBackend } from '../base/method.js';
import { printable, quote } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import { findNearest } from '../base/suggest.js';
import { wrap } from '../base/wrap.js';
import type { CountQuery } from '../fields/expression/count.js';
import type { ShowText } from '../fields/expression/show.js';
import { chooseExtension, type ExtensionFiles, KnownFile } from '../fields/extension.js';
import { compileExpression, DLT_EN10MB } from '../filter/pcap/expression.js';
import { JOURNEY_ORDERS } from '../journey/assembler.js';
import { FOLDS } from '../output/folding.js';
import { WIDTHS } from '../output/live.js';
import { DEFAULT_OUTPUT, isOutputName, OUTPUT_NAMES, outputKind } from '../output/outputs.js';
import type { Diff } from '../output/paths.js';
import { LEAST_PART_BYTES, type RotateLimit } from '../recording/file-sink.js';
import { type FlightOptions, LEAST_FLIGHT_BYTES, MOST_FLIGHT_BYTES } from '../recording/flight-sink.js';
import type { TriggerChoice } from '../recording/flight-triggers.js';
import { loadColumns } from '../sys/libc.js';
import { compileWithLibpcap } from '../sys/libpcap.js';
import { PAGE_SIZE } from '../sys/page-size.js';
import { packageVersion } from '../sys/version.js';
import { type CommandPlan, DEFAULT_SETTLE_MS } from '../trace/command.js';
import {
  COMPILE_SECONDS,
  DEFAULT_RING_BYTES,
  type GivenPlan,
  MAX_U32,
  type OptionNames,
  type PlanOption,
  type PlanOptions,
  parseOptions,
  RING_BYTES,
  type Until,
  type Vocabulary,
  withPackets,
} from '../trace/plan.js';
import { splitCommand, writeOut } from './abbreviations.js';
import { COLOR_CHOICES, type ColorChoice, findColorChoice, hasColor } from './color.js';
import type { CaptureOptions } from './commands/extcap.js';
import { formatConfig, formatDlts, formatInterfaces, INTERFACE } from './commands/extcap-words.js';
import { interpretMarkHelp, type MarkHelp } from './commands/mark-help.js';
import type { TypesOptions } from './commands/types.js';
import type { SetupOptions } from './commands/wireshark-setup.js';
import { findCompatProfile, type OutputForm, outputFormOf } from './compat.js';
import type { CountView } from './count-taker.js';
import { EXIT_STATUSES } from './exit-status.js';
import type { LiveOptions } from './live.js';
import {
  parseCount,
  parseDuration,
  parseNanoseconds,
  parseRange,
  parseSize,
  parseUnsigned32,
  readCount,
  readSize,
} from './numbers.js';
import {
  BACKEND_CHOICES,
  COMMANDS,
  type CommandEntry,
  type CommandName,
  DEFAULT_TIME,
  DESCRIPTION,
  EXAMPLES,
  EXTCAP_TAKES,
  type Example,
  formatCall,
  GENERATE_TARGETS,
  GROUPS,
  type OptionEntry,
  PAGE_OPTIONS,
  SHELLS,
  splitFlags,
  TIMES,
  TRIGGER_WORDS,
  USAGES,
  VIEW,
} from './option-table.js';
import { parsePattern } from './pattern.js';
import { parseRootWay, type RootWay } from './root-way.js';
import type { ViewOptions } from './text-taker.js';
import { isDescriptor } from './writer.js';

const STDOUT = 1;

/** A parsed command line. */
export type Request =
  /** Help, or the version. */
  | { readonly action: 'print'; readonly text: string }
  | ({ readonly action: 'generate'; readonly what: GenerateTarget } & WritingOptions)
  | ({
      readonly action: 'check';
      readonly extension: ExtensionFiles;
      readonly show: readonly ShowText[];
      readonly where: string | undefined;
      readonly verbose: boolean;
      readonly compileTimeoutSeconds: number;
    } & WritingOptions)
  | ({ readonly action: 'types' } & TypesOptions & WritingOptions)
  | ({ readonly action: 'doctor'; readonly json: boolean; readonly verbose: boolean } & WritingOptions)
  | ({ readonly action: 'mark-help'; readonly help: MarkHelp } & WritingOptions)
  | ({ readonly action: 'completion'; readonly shell: ShellName } & WritingOptions)
  | ({ readonly action: 'names'; readonly of: 'functions' | 'modules'; readonly prefix: string } & WritingOptions)
  | ({ readonly action: 'fields-help' } & WritingOptions)
  | ({ readonly action: 'list'; readonly verbose: boolean; readonly plan: PlanOptions } & WritingOptions)
  | ({ readonly action: 'trace' } & LiveOptions & ViewOptions & Pick<CountView, 'intervalMs'> & WritingOptions)
  | ({ readonly action: 'record' } & LiveOptions & RecordOptions)
  | ({ readonly action: 'show' } & ShowRequest)
  | ({ readonly action: 'capture' } & CaptureOptions & WritingOptions)
  | ({ readonly action: 'wireshark-setup' } & SetupOptions & WritingOptions)
  | ({ readonly action: 'ui' } & UiRequest & WritingOptions);

/** The destination of the result, and its colours. */
export interface WritingOptions {
  /** Undefined: stdout. */
  readonly outputFile: string | undefined;
  readonly color: ColorChoice;
}

/** Where a recording goes, and how. */
export interface RecordOptions {
  readonly file: string;
  readonly deflates: boolean;
  /** When a file is followed by another; undefined for one file. */
  readonly rotate: RotateLimit | undefined;
  /** How many files are kept; undefined for all. */
  readonly keep: number | undefined;
  /** Undefined where all records go into files. */
  readonly flight: Pick<FlightOptions, 'lastBytes' | 'triggers' | 'afterNs'> | undefined;
}

/** The options of `ipft show` besides those of the view. */
export interface ShowOptions {
  /** Only journeys of which this expression over recorded fields is true of an event. */
  readonly where: string | undefined;
  /** Fields that are made of recorded ones. */
  readonly show: readonly ShowText[];
  /** Whether to tell what the files are. */
  readonly info: boolean;
  /** Whether to wait for more where the file ends. */
  readonly followFile: boolean;
  readonly verbose: boolean;
  readonly until: Until;
  /** The memory for journeys, in bytes; and whether that was asked for, whatever the size of the files. */
  readonly maxMemoryBytes: number;
  readonly isMemoryGiven: boolean;
  /** Whether a loss changes the exit status. */
  readonly strict: boolean;
  /** What is counted, instead of showing it. */
  readonly counting: CountQuery | undefined;
  readonly intervalMs: number | undefined;
  readonly names: OptionNames;
}

/** What is to be shown, and how. */
export type ShowRequest = ShowOptions & ViewOptions & WritingOptions & { readonly files: readonly string[] };

/** What the page shows first. */
export interface UiRequest {
  /** 0: any that is free. */
  readonly port: number;
  /** A recording; undefined for none. */
  readonly file: string | undefined;
  /** A trace; undefined where no packets are named. */
  readonly trace: LiveOptions | undefined;
  /** The words that ask for the trace, for the page's fields. */
  readonly words: readonly string[];
  readonly verbose: boolean;
}

type GenerateTarget = (typeof GENERATE_TARGETS)[number];
export type ShellName = (typeof SHELLS)[number];

const PORTS = { least: 1, most: 0xffff };
const ANY_U32 = { least: 1, most: MAX_U32 };
const COMMAND_NAMES: readonly string[] = COMMANDS.map(({ name }) => name);
const SEE_HELP = 'ipft --help shows the options';

/** The options as commander hands them over: the main command's, then those of subcommands. */
interface RawOptions {
  /** The operands, joined. */
  expression?: string;
  inner?: string;
  where?: string;
  show?: string[];
  countBy?: string[];
  hist?: string;
  per?: string;
  interval?: string;
  mark?: string;
  mask: string;
  tracer: string;
  backend?: string;
  /** Of `-e` and of `-s`, in their order. */
  extension?: (string | KnownFile)[];
  fields?: string[];
  script?: string;
  compileTimeout: string;
  gen?: string;
  output: string;
  time: string;
  color: string;
  outputFile?: string;
  count?: string;
  duration?: string;
  regex?: string;
  moduleRegex?: string;
  list?: boolean;
  verbose?: boolean;
  perfPageCount: string;
  perfSamplePeriod: string;
  snaplen?: string;
  who?: boolean;
  perfWakeupEvents: string;
  ringSize?: string;
  setRlimit: boolean;
  enableProbeServer?: boolean;
  probeServerPort: string;
  readyFile?: string;
  followModules?: boolean;
  follow?: boolean;
  strict?: boolean;
  jsonEventsOnly?: boolean;
  once?: boolean;
  width?: string;
  maxMemory?: string;
  diff?: string[] | true;
  only?: string[];
  outcome?: string[];
  journey?: string[];
  info?: boolean;
  followFile?: boolean;
  slower?: string;
  fold: string;
  sort?: string;
  write?: string;
  compress?: boolean;
  rotate?: string;
  keep?: string;
  last?: string;
  trigger?: string[];
  after?: string;
  json?: boolean;
  functions?: string;
  modules?: string;
  to?: string;
  from?: string;
  port?: string;
  netns?: string[];
  dev?: string[];
  connection?: boolean;
  pid?: string[];
  pidTree?: boolean;
  comm?: string[];
  cgroup?: string[];
  unit?: string[];
  container?: string[];
  pod?: string[];
  withNeighbours?: boolean;
  /** Whether there is a program to run: its words are `argv`. */
  command?: boolean;
  argv?: readonly string[];
  settle?: string;
  asRoot?: boolean;
  via: string;
  undo?: boolean;
  force?: boolean;
  capture?: boolean;
  fifo?: string;
  extcapInterfaces?: boolean;
  extcapInterface?: string;
  extcapDlts?: boolean;
  extcapConfig?: boolean;
  extcapCaptureFilter?: string;
  extcapReloadOption?: string;
  extcapCleanupPostkill?: boolean;
}

/** The request of each subcommand. `raw` holds the main command's options, too, which may stand anywhere. */
const INTERPRETERS: Record<
  CommandName,
  (operands: readonly string[], raw: RawOptions, environment: NodeJS.ProcessEnv, args: readonly string[]) => Request
> = {
  record: ([file = '', ...words], raw) =>
    interpretRecord(file, words.length > 0 ? { ...raw, expression: words.join(' ') } : raw),
  show: (files, raw, environment) => {
    for (const file of files) {
      if (file === '') throw new UsageError('a recording needs the path of a file');
      if (file === '-') throw new UsageError('a pipe is not read', 'write the recording to a file, and name that');
    }
    const view = interpretView(raw, outputFormOf(findCompatProfile(environment)));
    return { action: 'show', files, ...view, ...interpretShow(raw), ...interpretWriting(raw) };
  },
  ui: (operands, raw, _environment, args) => ({
    ...{ action: 'ui', port: raw.port === undefined ? 0 : parseCount('--port', raw.port, PORTS) },
    ...interpretShown(operands, raw, args),
    ...{ verbose: raw.verbose ?? false, ...interpretWriting(raw) },
  }),
  check: (operands, raw) => ({
    action: 'check',
    ...interpretChecked(operands, raw),
    verbose: raw.verbose ?? false,
    compileTimeoutSeconds: interpretCompileTimeout(raw),
    ...interpretWriting(raw),
  }),
  types: (structs, raw) => {
    const path = raw.output === DEFAULT_OUTPUT ? undefined : raw.output;
    if (path === '') throw new UsageError('-o needs the path of a file, or of a folder');
    return { action: 'types', structs, path, ...interpretWriting(raw) };
  },
  doctor: (_operands, raw) => ({
    ...{ action: 'doctor', json: raw.json ?? false, verbose: raw.verbose ?? false },
    ...interpretWriting(raw),
  }),
  'mark-help': (_operands, raw) => {
    const help = interpretMarkHelp({ ...raw, dev: raw.dev?.at(-1) });
    return { action: 'mark-help', help, ...interpretWriting(raw) };
  },
  'wireshark-setup': (_operands, raw) => ({
    ...{ action: 'wireshark-setup', via: parseRootWay(raw.via), undo: raw.undo ?? false, force: raw.force ?? false },
    ...interpretWriting(raw),
  }),
  extcap: (_operands, raw, environment) => interpretExtcap(raw, outputFormOf(findCompatProfile(environment))),
  completion: ([shell], raw) => {
    const writing = interpretWriting(raw);
    if (raw.functions !== undefined) return { action: 'names', of: 'functions', prefix: raw.functions, ...writing };
    if (raw.modules !== undefined) return { action: 'names', of: 'modules', prefix: raw.modules, ...writing };
    if (shell !== undefined) return { action: 'completion', shell: oneOf('the shell', shell, SHELLS), ...writing };
    throw new UsageError(`completion needs the name of a shell: ${SHELLS.join(', ')}`, 'as in: ipft completion bash');
  },
};

const ENTRIES: readonly (CommandEntry & { readonly name: CommandName })[] = COMMANDS;

/** How help is shown. */
interface HelpScreen {
  readonly colorChoice: ColorChoice;
  readonly columns: number;
  readonly print: (text: string) => void;
}

function createCommand(screen: HelpScreen): Command {
  const { colorChoice, columns } = screen;
  const paint = createPainter(hasColor(colorChoice, { isTTY: isatty(STDOUT) }));
  const command = configure(new Command('ipft'), screen)
    .usage(USAGES.join('\n       ipft '))
    .description(DESCRIPTION)
    .argument('[EXPRESSION...]')
    .commandsGroup('Commands:');
  for (const { heading, options } of GROUPS) {
    command.optionsGroup(heading);
    for (const entry of options) addOption(command, entry);
  }
  const statuses = EXIT_STATUSES.map(
    ({ status, summary }) => `  ${String(status).padEnd(3)}  ${wrap(summary, columns - 7, 7)}`,
  );
  command.addHelpText('after', formatExamples(EXAMPLES, paint, columns));
  return command.addHelpText('after', `\n${paint('Exit status:', 'bold')}\n${statuses.join('\n')}`);
}

function formatExamples(examples: readonly Example[], paint: Painter, columns: number): string {
  const lines = examples.map(
    ({ command, summary }) => `  ${paint(command, 'bold')}\n      ${wrap(summary, columns - 6, 6)}`,
  );
  return `\n${paint('Examples:', 'bold')}\n${lines.join('\n')}`;
}

/** Sets what the main command and the subcommands share. */
function configure(command: Command, { colorChoice, columns, print }: HelpScreen): Command {
  return command
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
      writeErr: () => {},
      writeOut: print,
      getOutHasColors: () => hasColor(colorChoice, { isTTY: isatty(STDOUT) }),
    })
    .configureHelp({
      styleTitle: (title) =>
        createPainter(true)(title === 'Global Options:' ? 'Options of ipft that it takes, too:' : title, 'bold'),
      subcommandTerm,
      formatItem: formatHelpItem,
      helpWidth: columns,
    });
}

const LEAST_HELP_ROOM = 40;

/** The width of help where it is shown at no terminal. */
const DEFAULT_COLUMNS = 80;

/** The width of the terminal that shows help. Node's own stream would make a pipe non-blocking for the program, too. */
function loadHelpColumns(): number {
  return (isatty(STDOUT) ? loadColumns(STDOUT) : undefined) ?? DEFAULT_COLUMNS;
}

/** Where there is no room beside an option, its summary stands below it. */
function formatHelpItem(this: Help, term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? DEFAULT_COLUMNS;
  if (width - termWidth - 4 >= LEAST_HELP_ROOM || description === '') {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  return `  ${term}\n      ${wrap(description, width - 6, 6)}`;
}

function subcommandTerm(subcommand: Command): string {
  const entry = COMMANDS.find(({ name }) => name === subcommand.name());
  return entry ? formatCall(entry) : subcommand.name();
}

function addOption(command: Command, entry: OptionEntry): void {
  const { flags, summary, default: value, repeats, once, hidden } = entry;
  const { long } = splitFlags(entry);
  if (long === '--help') command.helpOption(flags, summary);
  else if (long === '--version') command.version(packageVersion(), flags, summary);
  else {
    const option = new Option(flags, summary);
    // Shown as the user would type it, without quotes.
    if (value !== undefined) option.default(value, value);
    if (long === '--script') option.argParser((path: string) => addScript(command, path));
    if (repeats) option.argParser((one: string, previous: string[] = []) => [...previous, one]);
    if (once) option.argParser((one: string, previous: string | undefined) => refuseSecond(long, previous) ?? one);
    if (hidden) option.hideHelp();
    command.addOption(option);
  }
}

/** A script stands among the extensions, since the last one of them counts. */
function addScript(command: Command, path: string): string {
  if (path === '') throw new UsageError('--script needs the path of a file');
  const others = (command.getOptionValue('extension') ?? []) as NonNullable<RawOptions['extension']>;
  command.setOptionValueWithSource('extension', [...others, new KnownFile(path, 'lua')], 'cli');
  return path;
}

const SECOND_HINTS: Readonly<Record<string, string>> = {
  '--inner': 'one expression may ask for both: A and B',
  '--where': 'one expression may ask for both: A && B',
  '--hist': 'a histogram for each value of another expression: --count-by',
};

function refuseSecond(long: string, previous: string | undefined): undefined {
  if (previous !== undefined) throw new UsageError(`${long} is given twice`, SECOND_HINTS[long]);
}

/**
 * Parses the command line.
 * @param args without the program's name
 * @param columns the width of help
 * @throws UsageError
 */
export function parseCommandLine(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
  columns: number = loadHelpColumns(),
): Request {
  const colorChoice = findColorChoice(args);
  let request: Request | undefined;
  let text = '';
  const print = (more: string) => {
    text += more;
  };
  const screen = { colorChoice, columns, print };
  const paint = createPainter(hasColor(colorChoice, { isTTY: isatty(STDOUT) }));
  const { own, command: argv } = splitCommand(writeOut(args));
  const behind = argv && { command: true, argv };
  const command = createCommand(screen).action((operands: readonly string[], raw: RawOptions) => {
    request = interpret({ ...raw, ...readExpression(operands), ...behind }, command, environment);
  });
  for (const entry of ENTRIES) {
    const subcommand = configure(command.command(`${entry.name} ${entry.operands}`.trimEnd()), screen);
    subcommand
      .description(entry.summary)
      .usage(`${formatCall(entry).slice(entry.name.length + 1)} [options]`.trimStart())
      .configureHelp({
        ...subcommand.configureHelp(),
        showGlobalOptions: entry.takes !== undefined,
        visibleGlobalOptions: () =>
          command.options.filter(({ long, hidden }) => !hidden && long && entry.takes?.includes(long)),
      });
    for (const option of entry.options) addOption(subcommand, option);
    if (entry.examples) subcommand.addHelpText('after', formatExamples(entry.examples, paint, columns));
    subcommand.action(() => {
      refuseForeign(`ipft ${entry.name}`, takenBy(entry), command);
      const raw = { ...subcommand.optsWithGlobals<RawOptions>(), ...behind };
      request = INTERPRETERS[entry.name](subcommand.args, raw, environment, writeOut(own));
    });
  }
  try {
    command.parse(keepRanks(writeOut(answerHelp(own))), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw causedBy(explain(error), error);
  }
  return request ?? { action: 'print', text };
}

/**
 * Parses what a page asks for, words as on the command line, which may come from anybody who knows its address.
 * @throws UsageError for all that is no choice of packets and functions, or of how many
 */
export function parsePageWords(words: readonly string[]): LiveOptions {
  if (splitCommand(writeOut(words)).command) {
    throw new UsageError('the page starts no programs', 'ipft -- PROGRAM does, on the command line');
  }
  let live: LiveOptions | undefined;
  const screen: HelpScreen = { colorChoice: 'never', columns: DEFAULT_COLUMNS, print: () => {} };
  const command = createCommand(screen).action((operands: readonly string[], raw: RawOptions) => {
    refuseForeign('the page', PAGE_OPTIONS, command);
    live = interpretTrace(operands, raw);
  });
  try {
    command.parse(writeOut(words), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw causedBy(explain(error), error);
  }
  if (live) return live;
  throw new UsageError('the page shows traces, and nothing else', 'name packets, as in: tcp port 443');
}

/** Whether a program stands behind `--`, so that the exit statuses of errors are those of a command. */
export function namesProgram(args: readonly string[]): boolean {
  try {
    return splitCommand(writeOut(args)).command !== undefined;
  } catch {
    // An abbreviation has several meanings.
    return args.includes('--');
  }
}

/**
 * The operands as an expression. A lone word that libpcap refuses is taken for a command that there is not.
 * @throws UsageError
 */
function readExpression(operands: readonly string[]): Pick<RawOptions, 'expression'> {
  if (operands.length === 0) return {};
  const [word = '', ...more] = operands;
  if (more.length === 0 && /^[^\s=<>&|()\ufffd]+$/.test(word)) refuseWordOfNoUse(word);
  return { expression: operands.join(' ') };
}

function refuseWordOfNoUse(word: string): void {
  let isRefused: boolean;
  try {
    isRefused = 'message' in compileWithLibpcap(word, DLT_EN10MB);
  } catch (error) {
    // Without libpcap it is refused later, and with a better reason.
    if (findNearest(word, COMMAND_NAMES) === undefined) return;
    throw causedBy(noSuchCommand(word), error);
  }
  if (isRefused) throw noSuchCommand(word);
}

/**
 * Moves `--diff` with its ranks to the end, since commander would take the words of an expression for ranks, too.
 */
function keepRanks(args: readonly string[]): readonly string[] {
  const at = args.indexOf('--diff');
  if (at < 0 || args.includes('--')) return args;
  let end = at + 1;
  while (/^\d+$/.test(args[end] ?? '')) end++;
  return [...args.slice(0, at), ...args.slice(end), ...args.slice(at, end)];
}

/** Rewrites `ipft help` and `ipft help COMMAND` to `--help`. */
function answerHelp(args: readonly string[]): readonly string[] {
  const [word, about, ...more] = args;
  if (word !== 'help') return args;
  // Without a command ipft traces.
  if (about === undefined || about === 'trace' || about.startsWith('-'))
    return ['--help', ...args.slice(1)].filter((one) => one !== 'trace');
  if (isCommand(about)) return [about, '--help', ...more];
  throw noSuchCommand(about);
}

/** A word that resembles no command may be meant for an expression. */
function noSuchCommand(word: string): UsageError {
  if (word.endsWith('.ipft'))
    return new UsageError(
      `there is no command ${quote(word)}`,
      'ipft show FILE shows a recording, ipft ui FILE in a browser',
    );
  const meant = didYouMean(word, COMMAND_NAMES);
  const example = isIP(word) > 0 ? `host ${word}` : 'host 10.0.0.5';
  const hint =
    meant === '' ? `an expression says which packets to trace, as in: ipft ${example}; ${SEE_HELP}` : SEE_HELP;
  return new UsageError(`there is no command ${quote(word)}${meant}`, hint);
}

/** The error for people: commander's message, or a better one. */
function explain({ code, message }: CommanderError): UsageError {
  if (code === 'commander.optionMissingArgument') {
    const entries = GROUPS.flatMap(({ options }) => options);
    const entry = entries.find(({ flags }) => message.includes(`'${flags}'`));
    if (entry?.values) {
      return new UsageError(`${splitFlags(entry).long} needs one of ${entry.values.join(', ')}`, SEE_HELP);
    }
  }
  return new UsageError(
    printable(
      message
        .replace(/^error: /, '')
        .replace(/\n\(Did/, ' (did')
        .replaceAll('\n', ' '),
    ),
    SEE_HELP,
  );
}

function isCommand(word: string): boolean {
  return COMMANDS.some(({ name }) => name === word);
}

/** What a subcommand takes: commander gives the main command what both have. */
function takenBy({ takes, options }: CommandEntry): readonly string[] | undefined {
  return takes && [...takes, ...options.map((option) => splitFlags(option).long)];
}

/** Refuses options of the main command that a subcommand does not take. */
function refuseForeign(who: string, takes: readonly string[] | undefined, command: Command): void {
  if (!takes) return;
  for (const option of command.options) {
    const { long } = option;
    const isGiven = command.getOptionValueSource(option.attributeName()) === 'cli';
    if (!isGiven || !long || takes.includes(long)) continue;
    const takers = ENTRIES.filter((one) => one.takes?.includes(long)).map(({ name }) => name);
    const isOfPage = !who.startsWith('ipft ');
    if (isOfPage && takers.includes('ui'))
      throw new UsageError(`${who} does not take ${long}`, 'ipft ui takes it, on the command line that opens the page');
    throw new UsageError(
      `${who} does not take ${long}`,
      `${takers[0] ? `ipft ${takers[0]} takes it; ` : ''}${isOfPage ? 'ipft ui' : who} --help shows the options`,
    );
  }
}

/** All options are checked, those that the action does not need included. */
function interpret(raw: RawOptions, command: Command, environment: NodeJS.ProcessEnv): Request {
  const form = outputFormOf(findCompatProfile(environment));
  const what = raw.gen === undefined ? undefined : oneOf('--gen', raw.gen, GENERATE_TARGETS);
  if (raw.write !== undefined) {
    const record = ENTRIES.find(({ name }) => name === 'record')!;
    refuseForeign('ipft record', [...record.takes!, '--write'], command);
    return interpretRecord(raw.write, raw);
  }
  refuseRecording(raw);
  if (asksForFields(raw)) return { action: 'fields-help', ...interpretWriting(raw) };
  const words = createVocabulary(raw);
  const plan = interpretPlan(raw, words);
  const [live, view, writing] = [interpretLive(raw), interpretView(raw, form), interpretWriting(raw)];
  if (raw.command && (what !== undefined || raw.list)) {
    throw new UsageError(`with ${raw.list ? '--list' : '--gen'} no program is run`, 'leave out what stands behind --');
  }
  if (what !== undefined) return { action: 'generate', what, ...writing };
  if (raw.list) return { action: 'list', verbose: live.verbose, plan, ...writing };
  const intervalMs = interpretInterval(raw);
  if (plan.counting) refuseView(raw);
  return { action: 'trace', plan: withPackets(plan, words), ...live, ...view, intervalMs, ...writing };
}

function interpretInterval({ interval, countBy, hist }: RawOptions): number | undefined {
  if (interval === undefined) return undefined;
  if (countBy || hist !== undefined) return parseDuration('--interval', interval);
  throw new UsageError('--interval is said of counts: it needs --count-by or --hist');
}

/** What chooses and shows journeys has no meaning where packets are counted. */
const VIEW_OF_COUNTS = ['--output', '--output-file', '--color', '--max-memory'];

function refuseView(raw: RawOptions): void {
  const { output, countBy } = raw;
  const what = countBy ? '--count-by' : '--hist';
  if (!['aggregate', 'json'].includes(output)) {
    throw new UsageError(`${what} makes text, or with -o json objects: there is no -o ${output} of it`);
  }
  const options = GROUPS.flatMap((group) => group.options).filter((entry) => VIEW.includes(splitFlags(entry).long));
  for (const entry of options) {
    const { long } = splitFlags(entry);
    const value = raw[keyOf(long)];
    if (VIEW_OF_COUNTS.includes(long) || value === undefined || value === entry.default) continue;
    throw new UsageError(`${long} is said of journeys, and ${what} makes none: it counts`);
  }
}

/** What `ipft ui` begins with: a recording, a trace, or nothing. */
function interpretShown(
  operands: readonly string[],
  raw: RawOptions,
  args: readonly string[],
): Pick<UiRequest, 'file' | 'trace' | 'words'> {
  const [file = ''] = operands;
  const words = wordsOfTrace(args);
  if (operands.length > 1 && operands.every((word) => word.endsWith('.ipft'))) {
    throw new UsageError('ipft ui shows one recording at a time', 'others can be dropped onto the page');
  }
  if (operands.length === 1 && (file.endsWith('.ipft') || /^\S*\/\S*$/.test(file))) {
    if (words.length === 1) return { file, trace: undefined, words: [] };
    throw new UsageError(
      'a recording is shown as it is: it takes no options of a trace',
      'ipft show has some that choose',
    );
  }
  const isTrace = operands.length > 0 || interpretPlan(raw, createVocabulary(raw)).packets !== undefined;
  return { file: undefined, trace: isTrace ? interpretTrace(operands, raw) : undefined, words };
}

/** All but the command, the options that say nothing of a trace, and what ends options. */
function wordsOfTrace(args: readonly string[]): readonly string[] {
  const isOther = (word: string) => /^(--|--(port|color)(=.*)?|-v|--verbose)$/.test(word);
  const left = args.filter((word, at) => !isOther(word) && !/^--(port|color)$/.test(args[at - 1] ?? ''));
  const at = left.indexOf('ui');
  return left.filter((_word, index) => index !== at);
}

function interpretTrace(operands: readonly string[], raw: RawOptions): LiveOptions {
  if (asksForFields(raw)) throw new UsageError('a page shows no help on fields', 'ipft --fields help does');
  const all = operands.length > 0 ? { ...raw, expression: operands.join(' ') } : raw;
  const words = createVocabulary(all);
  return { plan: withPackets(interpretPlan({ ...all, output: 'html' }, words), words), ...interpretLive(all) };
}

function interpretPlan(raw: RawOptions, words: Vocabulary): PlanOptions {
  parseCount('--perf-wakeup-events', raw.perfWakeupEvents, ANY_U32);
  const { snaplen, isOfBytes } = isOutputName(raw.output) ? outputKind(raw.output) : {};
  const defaults = { ringSizeBytes: ringSizeOf(raw), maxMemoryBytes: quarterOfMemory(), snaplen };
  const plan = parseOptions(readPlan(raw), words, defaults);
  if (!isOfBytes || plan.snaplen > 0) return plan;
  throw new UsageError(`-o ${raw.output} writes the bytes of packets: it needs --snaplen 1 at least`);
}

function interpretLive(raw: RawOptions): Omit<LiveOptions, 'plan'> {
  const port = parseCount('--probe-server-port', raw.probeServerPort, PORTS);
  if (raw.readyFile === '') throw new UsageError('--ready-file needs the path of a file');
  return {
    ...{ verbose: raw.verbose ?? false, strict: raw.strict ?? false, readyFile: raw.readyFile },
    probePort: raw.enableProbeServer ? port : undefined,
    command: interpretCommand(raw),
  };
}

function interpretCommand({ argv, settle, asRoot = false }: RawOptions): CommandPlan | undefined {
  const settleMs = settle === undefined ? DEFAULT_SETTLE_MS : parseDuration('--settle', settle, 0);
  if (!argv) {
    const given = asRoot ? '--as-root' : settle === undefined ? undefined : '--settle';
    if (given === undefined) return undefined;
    throw new UsageError(`${given} is said of a program: it needs one behind --`, 'as in: ipft -- ping 192.0.2.9');
  }
  if (argv.length > 0) return { argv, settleMs, asRoot };
  throw new UsageError('behind -- there is no program', 'as in: ipft -- ping 192.0.2.9');
}

function interpretView(raw: RawOptions, form: OutputForm): ViewOptions {
  const output = oneOf('--output', raw.output, OUTPUT_NAMES);
  const time = oneOf('--time', raw.time, TIMES);
  const { clocks } = outputKind(output);
  if (time !== DEFAULT_TIME && clocks) {
    const has = clocks === 'all' ? 'the times of all clocks' : 'no clock';
    throw new UsageError(`-o ${output} has ${has}: there is none to choose with --time`);
  }
  return {
    ...{ output, time },
    color: oneOf('--color', raw.color, COLOR_CHOICES),
    plainText: form.plainText,
    jsonEventsOnly: raw.jsonEventsOnly ?? form.jsonEventsOnly,
    once: interpretOnce(raw),
    width: interpretWidth(raw),
    diff: interpretDiff(raw),
    only: interpretOutcomes(raw),
    slowerNs: raw.slower === undefined ? undefined : parseNanoseconds('--slower', raw.slower),
    fold: oneOf('--fold', raw.fold, FOLDS),
    order: oneOf('--sort', raw.sort ?? form.order, JOURNEY_ORDERS),
  };
}

function interpretOnce({ once = false, output }: RawOptions): boolean {
  if (once && output !== 'pcapng') throw new UsageError('--once is said of packets: it needs -o pcapng');
  return once;
}

function interpretWidth({ width, output }: RawOptions): number | undefined {
  if (width === undefined) return undefined;
  if (output !== 'live') throw new UsageError('--width is the width of the lines of -o live: it needs that');
  return parseCount('--width', width, WIDTHS);
}

/** `--outcome` is another name of `--only`. */
function interpretOutcomes({ only, outcome }: RawOptions): Outcome[] | undefined {
  const read = (option: string, lists: readonly string[] = []) =>
    lists.flatMap((list) => list.split(',')).map((name) => oneOf(option, name, OUTCOMES));
  return only || outcome ? [...read('--only', only), ...read('--outcome', outcome)] : undefined;
}

/** Answers to Wireshark need nothing but what is known here: neither the kernel nor its libraries. */
function interpretExtcap(raw: RawOptions, form: OutputForm): Request {
  const via = parseRootWay(raw.via);
  if (raw.extcapInterfaces) return print(formatInterfaces(packageVersion()));
  if (raw.extcapInterface !== undefined && raw.extcapInterface !== INTERFACE) {
    const name = printable(raw.extcapInterface);
    throw new UsageError(`there is no interface '${name}': there is one, ${INTERFACE}`);
  }
  if (raw.capture) return interpretCapture(raw, via, form);
  if (raw.extcapDlts) return print(formatDlts());
  if (raw.extcapConfig) return print(formatConfig(via));
  if (raw.extcapReloadOption !== undefined || raw.extcapCleanupPostkill) return print('');
  if (raw.extcapCaptureFilter !== undefined) return print(findFilterProblem(raw.extcapCaptureFilter));
  throw new UsageError(
    'extcap is what Wireshark calls: it needs one of --extcap-interfaces, --extcap-config, --capture, …',
    'ipft wireshark-setup gives Wireshark the interface',
  );
}

/** Where commander puts an option: `jsonEventsOnly` for `--json-events-only`. */
function keyOf(long: string): keyof RawOptions {
  return long.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof RawOptions;
}

const print = (text: string): Request => ({ action: 'print', text });

/** What is wrong with a capture filter, in one line: Wireshark takes any text for a problem. */
function findFilterProblem(text: string): string {
  if (text.trim() === '') return '';
  try {
    compileExpression(text, compileWithLibpcap);
    return '';
  } catch (error) {
    // Without libpcap it can't be known here; the machine that traces may have it.
    if (!(error instanceof UsageError)) return '';
    return `${error.message.replace(/\s*\n\s*/g, ' ')}\n`;
  }
}

function interpretCapture(given: RawOptions, via: RootWay, form: OutputForm): Request {
  const { fifo } = given;
  if (fifo === undefined || fifo === '') throw new UsageError('--capture needs the path of a pipe: --fifo PATH');
  if (fifo === '-' && via.kind === 'ssh') {
    throw new UsageError('--via ssh does not go with --fifo -', 'ssh HOST ipft … -o pcapng does the same');
  }
  const args = ['--extcap-interface=ipft'];
  // Wireshark may hand over what its dialog leaves empty.
  const raw: RawOptions = { ...given, output: 'pcapng' };
  for (const long of EXTCAP_TAKES) {
    const key = keyOf(long);
    const texts = [given[key] ?? []].flat().filter((one) => one !== '' && one !== false);
    if (texts.length === 0) delete raw[key];
    for (const text of texts) args.push(text === true ? long : `${long}=${text}`);
  }
  const expressions = [given.expression, given.extcapCaptureFilter].filter((one) => one?.trim());
  const open = expressions.length > 1 ? expressions.find((one) => !closesParentheses(one ?? '')) : undefined;
  if (open !== undefined) throw new UsageError(`the parentheses of ${quote(open)} do not match`);
  const expression = expressions.length > 1 ? expressions.map((one) => `(${one})`).join(' and ') : expressions[0];
  delete raw.expression;
  if (expression !== undefined) {
    args.push(`--expression=${expression}`);
    raw.expression = expression;
  }
  const words = {
    ...createVocabulary(raw),
    packetsAreMissing: () =>
      new UsageError(
        'it is not said which packets to trace',
        `as capture filter, or in the options of the interface: tcp port 443; with tshark: -i ${INTERFACE} -f 'tcp port 443'`,
      ),
  };
  const plan = withPackets(interpretPlan(raw, words), words);
  const trace = { plan, ...interpretLive(raw), ...interpretView(raw, form) };
  return { action: 'capture', fifo, via, args, trace, ...interpretWriting(raw) };
}

/** Whether an expression means the same in parentheses, among others. */
function closesParentheses(text: string): boolean {
  let depth = 0;
  for (const letter of text) {
    if (letter === '(') depth++;
    if (letter === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

const asksForFields = ({ fields }: RawOptions) => fields?.includes('help') ?? false;

function interpretRecord(file: string, raw: RawOptions): Request {
  if (asksForFields(raw)) return { action: 'fields-help', ...interpretWriting(raw) };
  if (file === '') throw new UsageError('a recording needs the path of a file');
  const words = createVocabulary(raw);
  return {
    ...{ action: 'record', plan: withPackets(interpretPlan(raw, words), words), ...interpretLive(raw) },
    ...interpretFiles(file, raw),
  };
}

/** Options of a recording, which mean nothing where text is shown. */
function refuseRecording(raw: RawOptions): void {
  const given = (['compress', 'rotate', 'keep', 'last', 'trigger', 'after'] as const).find(
    (key) => raw[key] !== undefined,
  );
  if (given === undefined) return;
  throw new UsageError(`--${given} is said of a recording: it needs -w FILE, or ipft record FILE`);
}

function interpretFiles(file: string, raw: RawOptions): RecordOptions {
  const rotate = raw.rotate === undefined ? undefined : parseRotation(raw.rotate);
  const flight = interpretFlight(raw);
  if (rotate && flight)
    throw new UsageError('--rotate and --last do not go together: with --last each file has its end');
  if ((rotate || flight) && isDescriptor(file)) {
    throw new UsageError(`${rotate ? '--rotate' : '--last'} writes several files, and '${printable(file)}' is one`);
  }
  if (raw.keep !== undefined && !rotate && !flight) throw new UsageError('--keep needs --rotate or --last');
  const keep = raw.keep === undefined ? undefined : parseCount('--keep', raw.keep, ANY_U32);
  return { file, deflates: raw.compress ?? false, rotate, keep, flight };
}

/** The least age of a file that is full: each has the names of all functions. */
const LEAST_PART_MS = 1000;

/** A time has a small unit and a size a large one, but for k and g: 10m is ten minutes, 10M ten mebibytes. */
function parseRotation(text: string): RotateLimit {
  if (/(ms|s|m|h)$/.test(text)) {
    const ms = parseDuration('--rotate', text);
    if (ms >= LEAST_PART_MS) return { ms };
    throw new UsageError(`--rotate needs a time from 1s on, not '${printable(text)}'`);
  }
  const bytes = /[KkMGg]$/.test(text) ? readSize('--rotate', text) : Number.NaN;
  if (bytes >= LEAST_PART_BYTES && bytes <= Number.MAX_SAFE_INTEGER) return { bytes };
  const least = `${LEAST_PART_BYTES >> 20}M`;
  throw new UsageError(`--rotate needs a size from ${least} on, as 64M, or a time, as 10m, not '${printable(text)}'`);
}

function interpretFlight(raw: RawOptions): RecordOptions['flight'] {
  const afterNs = raw.after === undefined ? undefined : parseDuration('--after', raw.after) * 1e6;
  const triggers = parseTriggers(raw.trigger);
  if (raw.last === undefined) {
    const given = raw.trigger ? '--trigger' : raw.after === undefined ? undefined : '--after';
    if (given) throw new UsageError(`${given} is said of a flight recorder: it needs --last SIZE`);
    return undefined;
  }
  const lastBytes = parseSize('--last', raw.last);
  if (lastBytes >= LEAST_FLIGHT_BYTES && lastBytes <= MOST_FLIGHT_BYTES) return { lastBytes, triggers, afterNs };
  const bounds = `from ${LEAST_FLIGHT_BYTES >> 20}M to ${MOST_FLIGHT_BYTES / 2 ** 30}G`;
  throw new UsageError(`--last needs a size ${bounds}, not '${printable(raw.last)}'`);
}

/** Without any, the end is a trigger, and SIGUSR1, which always is. */
function parseTriggers(lists: readonly string[] | undefined): TriggerChoice {
  if (!lists) return { end: true };
  let choice: TriggerChoice = {};
  for (const word of lists.flatMap((list) => list.split(','))) choice = { ...choice, ...parseTrigger(word, choice) };
  return choice;
}

function parseTrigger(word: string, { slowerNs = Number.POSITIVE_INFINITY }: TriggerChoice): TriggerChoice {
  const [name, time] = word.split(/=(.*)/s);
  if (name === 'slower' && time !== undefined) {
    const given = parseNanoseconds('--trigger slower', time);
    if (given > 0) return { slowerNs: Math.min(slowerNs, given) };
    throw new UsageError(
      '--trigger slower needs a time: all journeys are slower than 0',
      'as in: --trigger slower=5ms',
    );
  }
  switch (word) {
    case 'drop':
      return { drop: true };
    case 'gap':
      return { gap: true };
    case 'signal':
      return {};
    default:
      throw refuseWord(
        '--trigger',
        word,
        TRIGGER_WORDS.map((one) => (one === 'slower=' ? 'slower=TIME' : one)),
      );
  }
}

function interpretChecked(operands: readonly string[], raw: RawOptions) {
  const { fields, packets } = interpretPlan(raw, createVocabulary(raw));
  if (operands.length === 0 && fields.show.length === 0 && packets?.where === undefined) {
    throw new UsageError('check needs the files of an extension, --show or --where', SEE_HELP);
  }
  return { extension: chooseExtension(operands), show: fields.show, where: packets?.where };
}

function interpretShow(raw: RawOptions): ShowOptions & Pick<ViewOptions, 'numbers' | 'most' | 'shownTargets'> {
  const { until, limits, probes, fields, counting, names } = interpretPlan(raw, createVocabulary(raw));
  const { functionPattern: functions, modulePattern: modules } = probes;
  const info = raw.info ?? false;
  if (info && !['aggregate', 'json'].includes(raw.output)) {
    throw new UsageError('--info is text, or with -o json an object', SEE_HELP);
  }
  const chosen = (
    ['journey', 'outcome', 'only', 'slower', 'where', 'show', 'regex', 'moduleRegex', 'count'] as const
  ).find((key) => raw[key] !== undefined);
  if (info && chosen !== undefined) {
    const flag = `--${chosen.replace('R', '-r')}`;
    throw new UsageError(`--info counts all that there is, and ${flag} chooses`, 'one of the two is too much');
  }
  if (counting) {
    refuseView(raw);
    const given = info ? '--info' : raw.journey ? '--journey' : raw.outcome ? '--outcome' : undefined;
    if (given) throw new UsageError(`${given} is said of journeys, and --count-by and --hist make none: they count`);
  }
  const numbers = raw.journey?.flatMap((list) => list.split(',')).map((text) => parseRange('--journey', text));
  // All that are asked for have been shown then.
  const all = numbers?.reduce((sum, [first, last]) => sum + last - first + 1, 0) ?? Number.POSITIVE_INFINITY;
  const most = Math.min(until.count ?? Number.POSITIVE_INFINITY, all);
  return {
    ...{ info, followFile: raw.followFile ?? false, verbose: raw.verbose ?? false, strict: raw.strict ?? false },
    ...{ until: { durationMs: until.durationMs }, maxMemoryBytes: limits.maxMemoryBytes },
    isMemoryGiven: raw.maxMemory !== undefined,
    ...{ numbers, most: Number.isFinite(most) ? most : undefined, where: raw.where, show: fields.show },
    ...{ counting, names, intervalMs: interpretInterval(raw) },
    shownTargets: functions || modules ? { functions, modules } : undefined,
  };
}

interface PlanOptionText {
  /** Where commander puts it. */
  readonly key: keyof RawOptions;
  /** As it is typed, if that does not follow from the key. */
  readonly flag?: string;
  /** Reads its text. A switch has none: its value is there already. */
  readonly read?: (flag: string, text: string) => unknown;
  /** Reads the texts of an option that may be given several times. */
  readonly readAll?: (texts: readonly string[]) => unknown;
}

const splitLists = (lists: readonly string[]) => lists.flatMap((list) => list.split(','));

const PLAN_OPTIONS: Record<PlanOption, PlanOptionText> = {
  expression: { key: 'expression', flag: 'the expression' },
  inner: { key: 'inner' },
  where: { key: 'where' },
  mark: { key: 'mark', read: parseUnsigned32 },
  mask: { key: 'mask', read: parseUnsigned32 },
  netns: { key: 'netns' },
  dev: { key: 'dev' },
  connection: { key: 'connection' },
  pid: { key: 'pid', readAll: (lists) => splitLists(lists).map((text) => readCount('--pid', text)) },
  pidTree: { key: 'pidTree' },
  comm: { key: 'comm' },
  cgroup: { key: 'cgroup' },
  unit: { key: 'unit' },
  container: { key: 'container' },
  pod: { key: 'pod' },
  withNeighbours: { key: 'withNeighbours' },
  command: { key: 'command' },
  follow: { key: 'follow' },
  tracer: { key: 'tracer' },
  backend: { key: 'backend', read: (_flag, text) => findBackend(text) ?? text },
  functions: { key: 'regex', read: parsePattern },
  modules: { key: 'moduleRegex', read: parsePattern },
  samplePeriod: { key: 'perfSamplePeriod', read: readCount },
  snaplen: { key: 'snaplen', read: readCount },
  who: { key: 'who' },
  followModules: { key: 'followModules' },
  extension: { key: 'extension' },
  builtin: { key: 'fields', readAll: splitLists },
  show: { key: 'show' },
  countBy: { key: 'countBy' },
  histogram: { key: 'hist' },
  per: { key: 'per' },
  compileTimeoutSeconds: { key: 'compileTimeout', read: readCount },
  count: { key: 'count', read: readCount },
  durationMs: { key: 'duration', read: parseDuration },
  ringSizeBytes: { key: 'ringSize', read: readSize },
  maxMemoryBytes: { key: 'maxMemory', read: parseSize },
  raiseLimits: { key: 'setRlimit', flag: '--no-set-rlimit' },
};

/** `--module-regex` for `moduleRegex` */
const flagOf = ({ key, flag }: PlanOptionText) =>
  flag ?? `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The plan's options as values. Text that is no number is NaN, which the plan refuses. */
function readPlan(raw: RawOptions): GivenPlan {
  const options = Object.entries(PLAN_OPTIONS).map(([option, text]) => {
    const value = raw[text.key];
    if (text.readAll && Array.isArray(value)) return [option, text.readAll(value as readonly string[])];
    return [option, text.read && typeof value === 'string' ? text.read(flagOf(text), value) : value];
  });
  return Object.fromEntries(options) as GivenPlan;
}

function createVocabulary(raw: RawOptions): Vocabulary {
  const name = (option: PlanOption) => flagOf(PLAN_OPTIONS[option]);
  return {
    name,
    show: (option) => `'${printable(String(raw[PLAN_OPTIONS[option].key]))}'`,
    number: 'a number',
    sizeUnits: ' (K, M and G may stand behind the number)',
    markZero: '-m 0 --mask 0xff',
    packetsAreMissing: () =>
      new UsageError(
        "the mark is missing, or an expression: name the packets to trace with -m, or as in 'tcp port 443'",
        SEE_HELP,
      ),
    refuseWord: (option, value, choices) =>
      refuseWord(name(option), String(value), option === 'backend' ? BACKEND_CHOICES : choices),
  };
}

function interpretWriting({ color, outputFile }: RawOptions): WritingOptions {
  if (outputFile === '') throw new UsageError('--output-file needs the path of a file');
  return { color: oneOf('--color', color, COLOR_CHOICES), outputFile };
}

function interpretCompileTimeout({ compileTimeout }: RawOptions): number {
  return parseCount('--compile-timeout', compileTimeout, COMPILE_SECONDS);
}

/** The default size of the ring: ipftrace2's number of pages for each CPU may ask for more than the usual one. */
function ringSizeOf({ perfPageCount }: RawOptions): number {
  const pages = parseCount('--perf-page-count', perfPageCount, { least: 1, most: 1 << 18 });
  const wanted = Math.min(pages * PAGE_SIZE * availableParallelism(), RING_BYTES.most);
  return Math.max(DEFAULT_RING_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
}

/** The default of `--max-memory`. */
function quarterOfMemory(): number {
  // A container may have less memory than the machine.
  const limit = process.constrainedMemory();
  return Math.floor((limit > 0 ? Math.min(limit, totalmem()) : totalmem()) / 4);
}

function interpretDiff({ diff, output }: RawOptions): Diff | undefined {
  if (diff === undefined) return undefined;
  if (output !== 'paths') throw new UsageError('--diff compares paths: it needs -o paths');
  // Commander's value for an option without its optional value.
  if (diff === true) return 'most-frequent';
  const [left, right, ...more] = diff.map((rank) => parseCount('--diff', rank, ANY_U32));
  if (left === undefined || right === undefined || more.length > 0) {
    throw new UsageError(`--diff takes two ranks or none, and got ${diff.length}`, 'as in: -o paths --diff 1 2');
  }
  return [left, right];
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw refuseWord(option, text, choices);
}

function refuseWord(option: string, text: string, choices: readonly string[]): UsageError {
  const meant = didYouMean(text, choices);
  return new UsageError(`${option} '${printable(text)}' is unknown: there are ${choices.join(', ')}${meant}`);
}

function didYouMean(word: string, choices: readonly string[]): string {
  const nearest = findNearest(word, choices);
  return nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
}
