/** The command line: what can be said, and what it means. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { type BackendName, checkMethod, checkSuffix, PAGE_SIZE, type TracerName } from '../index.js';
import { interpretMarkHelp, type MarkHelp, type RawMarkHelp } from './mark-help.js';
import { parseCount, parsePattern, parseRingSize, parseSize, parseUnsigned32 } from './numbers.js';

/** What `ipft` was asked to do. */
export type Request =
  /** Commander has answered already. */
  | { readonly action: 'none' }
  | { readonly action: 'generate'; readonly what: GenerateTarget }
  | {
      readonly action: 'check';
      readonly files: readonly string[];
      readonly verbose: boolean;
      readonly compileTimeoutSeconds: number;
    }
  | { readonly action: 'doctor'; readonly json: boolean; readonly verbose: boolean }
  | { readonly action: 'mark-help'; readonly help: MarkHelp }
  | ({ readonly action: 'list' } & CommonOptions)
  | ({ readonly action: 'trace' } & CommonOptions & TraceOptions);

export interface CommonOptions {
  readonly verbose: boolean;
  readonly functionPattern: RegExp | undefined;
  readonly modulePattern: RegExp | undefined;
  readonly tracer: TracerName;
  /** Undefined: the best that there is. */
  readonly backend: BackendName | undefined;
}

export interface TraceOptions {
  readonly mark: number;
  readonly mask: number;
  /** Files of one extension; empty for none. */
  readonly extension: readonly string[];
  readonly compileTimeoutSeconds: number;
  readonly output: OutputName;
  readonly ringSizeBytes: number;
  readonly samplePeriod: number;
  readonly setLimits: boolean;
  /** Port of the probe server; undefined for none. */
  readonly probePort: number | undefined;
  readonly readyFile: string | undefined;
  /** Whether functions of modules that are loaded while tracing are traced too. */
  readonly followModules: boolean;
  /** Whether packets are followed until they are freed, whatever becomes of their mark. */
  readonly follow: boolean;
  /** Whether any loss is to be an exit status. */
  readonly strict: boolean;
  readonly jsonEventsOnly: boolean;
  readonly maxMemoryBytes: number;
  /** Ranks of two paths to be compared. */
  readonly diff: readonly [number, number] | undefined;
}

const GENERATE_TARGETS = ['bpf-module-skeleton', 'bpf-module-header'] as const;
type GenerateTarget = (typeof GENERATE_TARGETS)[number];
const OUTPUTS = ['aggregate', 'json', 'paths'] as const;
export type OutputName = (typeof OUTPUTS)[number];
const TRACERS = ['function', 'function_graph'] as const satisfies readonly TracerName[];
const BACKEND_NAMES = ['fentry-multi', 'kprobe-multi', 'kprobe', 'ftrace', 'fentry'] as const;

const DEFAULT_RING_BYTES = 16 << 20;
const DEFAULT_PROBE_PORT = 13720;
const MAX_COMPILE_SECONDS = 86400;

/** As commander hands them over. */
interface RawOptions {
  mark?: string;
  mask: string;
  tracer: string;
  backend?: string;
  extension?: string[];
  compileTimeout: string;
  gen?: string;
  output: string;
  regex?: string;
  moduleRegex?: string;
  list?: boolean;
  verbose?: boolean;
  perfPageCount: string;
  perfSamplePeriod: string;
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
  maxMemory?: string;
  diff?: string[];
}

function createCommand(): Command {
  const collect = (value: string, previous: string[] = []) => [...previous, value];
  return new Command('ipft')
    .usage('-m MARK [-e EXTENSION] [options]')
    .description('Shows the functions of the Linux kernel that the packets with a mark pass.')
    .helpOption('-h, --help', 'show this')
    .version(loadVersion(), '-V, --version', 'show the version')
    .optionsGroup('Which packets:')
    .option('-m, --mark <N>', 'trace packets whose mark, under the mask, is N (decimal or 0x…)')
    .option('--mask <N>', 'compare only these bits of the mark', '0xffffffff')
    .option('--follow', 'keep following a packet when its mark changes, until it is freed')
    .optionsGroup('Which functions, and how:')
    .option('-r, --regex <RE>', "only functions whose name matches (JavaScript's dialect, unanchored)")
    .option('--module-regex <RE>', 'only functions of modules whose name matches; the kernel proper is vmlinux')
    .option('-t, --tracer <NAME>', `what to show of a call: ${TRACERS.join(' or ')}`, 'function')
    .option('-b, --backend <NAME>', `how to attach: ${BACKEND_NAMES.join(', ')} (default: the best that there is)`)
    .option('--follow-modules', 'trace functions of modules that are loaded while tracing, too')
    .option('-l, --list', 'list the functions that would be traced, and exit')
    .optionsGroup('What to show:')
    .option(
      '-e, --extension <PATH>',
      'a BPF extension that adds fields: C source (.c) or object (.o); given several times, the files are linked',
      collect,
    )
    .option('--compile-timeout <SECONDS>', 'end a compiler that runs longer', '60')
    .option('-o, --output <FORMAT>', `${OUTPUTS.slice(0, -1).join(', ')} or ${OUTPUTS.at(-1)}`, 'aggregate')
    .option('--json-events-only', 'with -o json: only events, no journeys, as ipftrace2 has them')
    .option('--diff <RANK...>', 'with -o paths: show two of the paths side by side, as in --diff 1 2')
    .option('--gen <WHAT>', `print ${GENERATE_TARGETS.join(' or ')}, to begin an extension with`)
    .option('-v, --verbose', 'debug messages on stderr')
    .optionsGroup('Buffers and limits:')
    .option('--ring-size <N[K|M]>', 'size of the ring of events, a power of two (default: 16M)')
    .option('--perf-page-count <N>', 'the ring has at least so many pages for each CPU', '8')
    .option('--perf-sample-period <N>', 'keep one event in N', '1')
    .option('--perf-wakeup-events <N>', 'accepted, without effect: the ring is polled', '1')
    .option(
      '--max-memory <N[K|M|G]>',
      'take in no more journeys when so much is used (default: a quarter of the machine)',
    )
    .option('--no-set-rlimit', 'leave RLIMIT_MEMLOCK and RLIMIT_NOFILE alone')
    .optionsGroup('For scripts:')
    .option('--strict', 'exit with 3 if anything was lost')
    .option('--ready-file <PATH>', 'write this file when tracing is ready')
    .option('--enable-probe-server', 'accept TCP connections on 127.0.0.1 when tracing is ready')
    .addOption(new Option('--probe-server-port <N>', 'its port').default(String(DEFAULT_PROBE_PORT)))
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

/**
 * Understands the command line.
 * @param args without the program's name
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): Request {
  let request: Request = { action: 'none' };
  const command = createCommand().action((raw: RawOptions) => {
    request = interpret(raw);
  });
  command
    .command('check <FILE...>')
    .description("compile and check an extension's files, and show the layout of its events")
    .helpOption('-h, --help', 'show this')
    .option('--compile-timeout <SECONDS>', 'end a compiler that runs longer', '60')
    .option('-v, --verbose', 'debug messages on stderr')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((files: string[], _own: unknown, subcommand: Command) => {
      // The main command knows these options too, and takes them wherever they stand.
      const raw = subcommand.optsWithGlobals<RawOptions>();
      const paths = interpretExtension(files);
      const verbose = raw.verbose ?? false;
      request = { action: 'check', files: paths, verbose, compileTimeoutSeconds: interpretCompileTimeout(raw) };
    });
  command
    .command('doctor')
    .description('tell what this machine has for tracing, what is missing, and what to do about it')
    .helpOption('-h, --help', 'show this')
    .option('--json', 'as a JSON object')
    .option('-v, --verbose', 'debug messages on stderr')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((own: { json?: boolean }, subcommand: Command) => {
      const verbose = subcommand.optsWithGlobals<RawOptions>().verbose ?? false;
      request = { action: 'doctor', json: own.json ?? false, verbose };
    });
  command
    .command('mark-help')
    .description('print the commands that put the mark on packets, and those that undo it')
    .helpOption('-h, --help', 'show this')
    .option('-m, --mark <N>', 'the mark (default: 0xdeadbeef)')
    .option('--mask <N>', 'set only these bits of the mark', '0xffffffff')
    .option('--to <ADDRESS>', 'packets to this address, or prefix, IPv4 or IPv6')
    .option('--from <ADDRESS>', 'packets from this address, or prefix')
    .option('--port <N>', 'packets to this port of TCP and UDP')
    .option('--dev <NAME>', 'the device where packets come in, for tc (default: eth0)')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((_own: unknown, subcommand: Command) => {
      request = { action: 'mark-help', help: interpretMarkHelp(subcommand.optsWithGlobals<RawMarkHelp>()) };
    });
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { action: 'none' };
    throw new UsageError(
      printable(error.message.replace(/^error: /, '').replaceAll('\n', ' ')),
      'ipft --help shows the options',
    );
  }
  return request;
}

/** All that is said must make sense, also what the action does not need. */
function interpret(raw: RawOptions): Request {
  const what = raw.gen === undefined ? undefined : oneOf('--gen', raw.gen, GENERATE_TARGETS);
  const common = {
    ...interpretMethod(raw),
    verbose: raw.verbose ?? false,
    functionPattern: raw.regex === undefined ? undefined : parsePattern('--regex', raw.regex),
    modulePattern: raw.moduleRegex === undefined ? undefined : parsePattern('--module-regex', raw.moduleRegex),
  };
  parseCount('--perf-wakeup-events', raw.perfWakeupEvents, 0xffffffff);
  const port = parseCount('--probe-server-port', raw.probeServerPort, 0xffff);
  if (raw.readyFile === '') throw new UsageError('--ready-file needs the path of a file');
  const trace = {
    extension: interpretExtension(raw.extension),
    compileTimeoutSeconds: interpretCompileTimeout(raw),
    output: oneOf('--output', raw.output, OUTPUTS),
    ringSizeBytes: interpretRingSize(raw),
    samplePeriod: parseCount('--perf-sample-period', raw.perfSamplePeriod, 0xffffffff),
    setLimits: raw.setRlimit,
    probePort: raw.enableProbeServer ? port : undefined,
    readyFile: raw.readyFile,
    followModules: raw.followModules ?? false,
    follow: raw.follow ?? false,
    strict: raw.strict ?? false,
    jsonEventsOnly: raw.jsonEventsOnly ?? false,
    maxMemoryBytes: interpretMaxMemory(raw),
    diff: interpretDiff(raw),
  };
  const packets = interpretMark(raw);
  if (what !== undefined) return { action: 'generate', what };
  if (raw.list) return { action: 'list', ...common };
  if (packets) return { action: 'trace', ...common, ...trace, ...packets };
  throw new UsageError('the mark is missing: name the packets to trace with -m', 'ipft --help shows the options');
}

function interpretMethod({ tracer, backend }: RawOptions): { tracer: TracerName; backend: BackendName | undefined } {
  const name = backend === undefined ? undefined : oneOf('--backend', backend, BACKEND_NAMES);
  const method = { tracer: oneOf('--tracer', tracer, TRACERS), backend: name === 'fentry' ? 'ftrace' : name };
  if (method.backend !== undefined) checkMethod(method.tracer, method.backend);
  return method;
}

function interpretMark(raw: RawOptions): { mark: number; mask: number } | undefined {
  const mask = parseUnsigned32('--mask', raw.mask);
  const mark = raw.mark === undefined ? undefined : parseUnsigned32('--mark', raw.mark);
  if (mask === 0) throw new UsageError('--mask 0 compares nothing: every packet would match');
  if (mark === 0 && mask === 0xffffffff) {
    throw new UsageError('-m 0 would match every packet without a mark', 'a mask allows it: -m 0 --mask 0xff');
  }
  return mark === undefined ? undefined : { mark, mask };
}

function interpretExtension(paths: readonly string[] = []): readonly string[] {
  for (const path of paths) checkSuffix(path);
  return paths;
}

function interpretCompileTimeout({ compileTimeout }: RawOptions): number {
  return parseCount('--compile-timeout', compileTimeout, MAX_COMPILE_SECONDS);
}

function interpretRingSize({ ringSize, perfPageCount }: RawOptions): number {
  const pages = parseCount('--perf-page-count', perfPageCount, 1 << 18);
  if (ringSize !== undefined) return parseRingSize('--ring-size', ringSize, PAGE_SIZE);
  const wanted = Math.min(pages * PAGE_SIZE * availableParallelism(), 1 << 30);
  return Math.max(DEFAULT_RING_BYTES, 2 ** Math.ceil(Math.log2(wanted)));
}

function interpretMaxMemory({ maxMemory }: RawOptions): number {
  if (maxMemory !== undefined) return parseSize('--max-memory', maxMemory);
  // A container may have less than the machine.
  const limit = process.constrainedMemory();
  return Math.floor((limit > 0 ? Math.min(limit, totalmem()) : totalmem()) / 4);
}

function interpretDiff({ diff, output }: RawOptions): readonly [number, number] | undefined {
  if (diff === undefined) return undefined;
  const [left, right] = diff.map((rank) => parseCount('--diff', rank, 0xffffffff));
  if (left === undefined || right === undefined || diff.length > 2) {
    throw new UsageError(`--diff needs two ranks, and got ${diff.length}`, 'as in: -o paths --diff 1 2');
  }
  if (output !== 'paths') throw new UsageError('--diff compares paths: it needs -o paths');
  return [left, right];
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`${option} '${printable(text)}' is unknown: there are ${choices.join(', ')}`);
}

function loadVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
