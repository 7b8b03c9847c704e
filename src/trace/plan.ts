/**
 * The plan of a trace, and the only validator of its options. The command line and the library read options in their
 * own ways, and name them as their users do (`Vocabulary`). Pure but for the size of a page.
 */

import { BUILTIN_NAMES, type BuiltinName } from '../base/builtin-field.js';
import { UsageError } from '../base/errors.js';
import { GROUP_KINDS } from '../base/group-words.js';
import { BACKEND_NAMES, type BackendName, TRACER_NAMES, type TracerName } from '../base/method.js';
import type { NamePattern } from '../base/name-pattern.js';
import { DEFAULT_SNAPLEN } from '../base/snapshot.js';
import { MAX_FIELDS } from '../expression/fields.js';
import { parseExpression } from '../expression/parse.js';
import { withPlace } from '../expression/place.js';
import { type CountQuery, readCount } from '../fields/expression/count.js';
import { readShow, type ShowText } from '../fields/expression/show.js';
import { chooseExtension, type ExtensionFiles, KnownFile } from '../fields/extension.js';
import { asksBeyondMark, EVERY_PACKET, namesPackets, type PacketQuery } from '../filter/packet-query.js';
import { MAX_GROUPS, MAX_NAME_BYTES, MAX_NAMES, MAX_PIDS, type ProcessQuery } from '../filter/process-query.js';
import { MAX_WANTED_PLACES, parseDeviceWords } from '../filter/wanted-places.js';
import { checkMethod } from '../probes/backends.js';
import { PAGE_SIZE } from '../sys/page-size.js';

export interface TracePlan {
  readonly packets: PacketQuery;
  /** Whether packets are followed until they are freed, whatever becomes of their mark. */
  readonly follow: boolean;
  /** The bytes of a packet that are kept to say which packet it is; 0: none. */
  readonly snaplen: number;
  /** Whether journeys have the processes that packets belong to. */
  readonly who: boolean;
  readonly probes: ProbeQuery;
  readonly fields: FieldQuery;
  /** What is counted by the kernel side, instead of events. */
  readonly counting: CountQuery | undefined;
  readonly until: Until;
  readonly limits: Limits;
  /** What options are to whoever gave them, for messages that come later. */
  readonly names: OptionNames;
  /** Warnings about options that are allowed and unusual. */
  readonly warnings: readonly string[];
}

/** As `--where`, or `the option where`. */
export interface OptionNames {
  readonly where: string;
  readonly show: string;
  readonly countBy: string;
  readonly histogram: string;
}

/** Which functions are traced, and how. */
export interface ProbeQuery {
  readonly tracer: TracerName;
  /** Undefined: the best that the kernel has. */
  readonly backend: BackendName | undefined;
  /** Undefined: all functions. */
  readonly functionPattern: NamePattern | undefined;
  /** Undefined: all modules. */
  readonly modulePattern: NamePattern | undefined;
  /** One event in so many is kept on each CPU. */
  readonly samplePeriod: number;
  /** Whether functions of modules that are loaded while tracing are traced too. */
  readonly followModules: boolean;
}

/** The fields of events. */
export interface FieldQuery {
  readonly extension: ExtensionFiles;
  readonly compileTimeoutSeconds: number;
  /** Built-in fields, each once. */
  readonly builtin: readonly BuiltinName[];
  /** Fields that are expressions. */
  readonly show: readonly ShowText[];
}

/** When a trace ends by itself. */
export interface Until {
  /** When so many journeys have ended; undefined: not for that. */
  readonly count?: number | undefined;
  /** So many milliseconds after it is ready; undefined: not for that. */
  readonly durationMs?: number | undefined;
}

export interface Limits {
  /** A power of two, in bytes. */
  readonly ringSizeBytes: number;
  /** Whether the user has given the size: then it is not reduced to fit the memory. */
  readonly ringIsGiven: boolean;
  /** The memory for journeys, in bytes; infinity where the client has a limit of its own. */
  readonly maxMemoryBytes: number;
  readonly maxMemoryIsGiven: boolean;
  /** Whether RLIMIT_MEMLOCK and RLIMIT_NOFILE of the process are raised. */
  readonly raiseLimits: boolean;
}

/** The options of a plan as they are given. An undefined option has its default. */
export type PlanOption = keyof GivenPlan;
export interface GivenPlan {
  readonly expression?: unknown;
  readonly inner?: unknown;
  readonly where?: unknown;
  readonly mark?: unknown;
  readonly mask?: unknown;
  readonly netns?: unknown;
  readonly dev?: unknown;
  readonly connection?: unknown;
  readonly pid?: unknown;
  readonly pidTree?: unknown;
  readonly comm?: unknown;
  readonly cgroup?: unknown;
  readonly unit?: unknown;
  readonly container?: unknown;
  readonly pod?: unknown;
  readonly withNeighbours?: unknown;
  /** Whether packets of a command are asked for, which is started when all is attached (`Session.expectCommand`). */
  readonly command?: unknown;
  readonly follow?: unknown;
  readonly tracer?: unknown;
  readonly backend?: unknown;
  readonly functions?: NamePattern | undefined;
  readonly modules?: NamePattern | undefined;
  readonly samplePeriod?: unknown;
  readonly snaplen?: unknown;
  readonly who?: unknown;
  readonly followModules?: unknown;
  readonly extension?: unknown;
  readonly builtin?: unknown;
  readonly show?: unknown;
  readonly countBy?: unknown;
  readonly histogram?: unknown;
  readonly per?: unknown;
  readonly compileTimeoutSeconds?: unknown;
  readonly count?: unknown;
  readonly durationMs?: unknown;
  readonly ringSizeBytes?: unknown;
  readonly maxMemoryBytes?: unknown;
  readonly raiseLimits?: unknown;
}

/** Values of options that were not given, where the client knows better than the plan. */
export type Defaults = Partial<Pick<Limits, 'ringSizeBytes' | 'maxMemoryBytes'>> & {
  readonly snaplen?: number | undefined;
};

/** How a client names options and shows values in messages. */
export interface Vocabulary {
  /** `--mark`, or `the option mark` */
  name(option: PlanOption): string;
  /** A value as it was given: `'010'`, `a value of type object`. */
  show(option: PlanOption, value: unknown): string;
  /** The noun for a number: `a number`, or `an integer`. */
  readonly number: string;
  /** The units that a size may have, in brackets, with a space before; or empty. */
  readonly sizeUnits: string;
  /** The options that ask for a mark 0. */
  readonly markZero: string;
  /** The error where no packets are named. */
  packetsAreMissing(): UsageError;
  /** The error for a word that is none of `choices`. */
  refuseWord(option: PlanOption, value: unknown, choices: readonly string[]): UsageError;
}

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export const MAX_U32 = 0xffffffff;
const U32: Bounds = { least: 0, most: MAX_U32 };
export const ANY_COUNT: Bounds = { least: 1, most: Number.MAX_SAFE_INTEGER };
/** The kernel's PID_MAX_LIMIT. */
const PIDS: Bounds = { least: 1, most: 1 << 22 };
const SAMPLE_PERIOD: Bounds = { least: 1, most: MAX_U32 };
/** As IPFT_MAX_SNAPLEN has it. */
const SNAPLEN: Bounds = { least: 0, most: 1024 };
/** With a mark alone, text and JSON are what they were before there were snapshots. */
const SNAPLEN_OF_MARKS = 0;
export const COMPILE_SECONDS: Bounds = { least: 1, most: 86400 };
const DEFAULT_COMPILE_SECONDS = 60;
/** The longest time of Node's timers, in milliseconds: some 24 days. */
export const DURATION_MS: Bounds = { least: 1, most: 2 ** 31 - 1 };
export const RING_BYTES: Bounds = { least: PAGE_SIZE, most: 1 << 30 };
export const DEFAULT_RING_BYTES = 16 << 20;

/** Checks all options. @throws UsageError in the client's own words */
export function parsePlan(given: GivenPlan, words: Vocabulary, defaults: Defaults = {}): TracePlan {
  return withPackets(parseOptions(given, words, defaults), words);
}

/** A plan that may name no packets: enough to list functions. */
export type PlanOptions = Omit<TracePlan, 'packets'> & { readonly packets: PacketQuery | undefined };

/** @throws UsageError where no packets are named */
export function withPackets({ packets, ...options }: PlanOptions, words: Vocabulary): TracePlan {
  if (!packets) throw words.packetsAreMissing();
  return { packets, ...options };
}

/** As `parsePlan`; packets need not be named. */
export function parseOptions(given: GivenPlan, words: Vocabulary, defaults: Defaults = {}): PlanOptions {
  const read = new OptionReader(given, words);
  const mask = read.integer('mask', U32, MAX_U32);
  const counting = readCounting(read, given, words);
  const named: PacketQuery = {
    mark: given.mark === undefined ? undefined : read.integer('mark', U32, 0),
    ...{ mask, expression: read.text('expression'), inner: read.text('inner'), where: readWhere(read, words) },
    ...{ netns: read.names('netns'), dev: readDevices(read, words) },
    connection: read.boolean('connection', false),
    processes: readProcesses(read, words),
  };
  const packets = counting && !namesPackets(named) ? { ...named, where: EVERY_PACKET } : named;
  const isFiltered = asksBeyondMark(packets);
  const showsPackets = isFiltered && !counting;
  const usual = showsPackets ? DEFAULT_SNAPLEN : SNAPLEN_OF_MARKS;
  const snaplen = read.integer('snaplen', SNAPLEN, defaults.snaplen ?? usual);
  if (packets.connection && snaplen === 0 && !counting) {
    throw new UsageError(
      `${words.name('connection')} needs ${words.name('snaplen')} 1 at least: it looks at the same headers`,
    );
  }
  return {
    warnings: [...checkMark(packets.mark, mask, words), ...warnOfMask(given, words)],
    names: {
      ...{ where: words.name('where'), show: words.name('show') },
      ...{ countBy: words.name('countBy'), histogram: words.name('histogram') },
    },
    packets: namesPackets(packets) ? packets : undefined,
    follow: read.boolean('follow', isFiltered),
    snaplen,
    who: read.boolean('who', showsPackets),
    counting,
    probes: {
      ...readMethod(read, given),
      functionPattern: given.functions,
      modulePattern: given.modules,
      samplePeriod: read.integer('samplePeriod', SAMPLE_PERIOD, 1),
      followModules: read.boolean('followModules', false),
    },
    fields: {
      extension: readExtension(given.extension, words),
      builtin: readBuiltin(given.builtin, words),
      show: readShow(read.texts('show', MAX_FIELDS), words.name('show')),
      compileTimeoutSeconds: read.integer('compileTimeoutSeconds', COMPILE_SECONDS, DEFAULT_COMPILE_SECONDS),
    },
    until: {
      count: given.count === undefined ? undefined : read.integer('count', ANY_COUNT, 0),
      durationMs: given.durationMs === undefined ? undefined : read.integer('durationMs', DURATION_MS, 0),
    },
    limits: {
      ringSizeBytes: read.ringSize(defaults.ringSizeBytes ?? DEFAULT_RING_BYTES),
      ringIsGiven: given.ringSizeBytes !== undefined,
      maxMemoryBytes: read.integer('maxMemoryBytes', ANY_COUNT, defaults.maxMemoryBytes ?? Number.POSITIVE_INFINITY),
      maxMemoryIsGiven: given.maxMemoryBytes !== undefined,
      raiseLimits: read.boolean('raiseLimits', true),
    },
  };
}

/** Reads options one by one. An option that is not given has its default, which is not checked. */
class OptionReader {
  readonly #given: GivenPlan;
  readonly #words: Vocabulary;

  constructor(given: GivenPlan, words: Vocabulary) {
    this.#given = given;
    this.#words = words;
  }

  integer(option: PlanOption, bounds: Bounds, byDefault: number): number {
    const value = this.#given[option];
    if (value === undefined) return byDefault;
    const words = this.#words;
    return checkInteger(words.name(option), toNumber(value), bounds, words.show(option, value), words.number);
  }

  boolean(option: PlanOption, byDefault: boolean): boolean {
    const value = this.#given[option] ?? byDefault;
    if (typeof value === 'boolean') return value;
    const words = this.#words;
    throw new UsageError(`${words.name(option)} needs true or false, not ${words.show(option, value)}`);
  }

  text(option: PlanOption): string | undefined {
    const value = this.#given[option];
    if (value === undefined || typeof value === 'string') return value;
    const words = this.#words;
    throw new UsageError(`${words.name(option)} needs a string, not ${words.show(option, value)}`);
  }

  texts(option: PlanOption, most: number): readonly string[] {
    return this.#list(option, most, 'texts').map((text) => {
      if (typeof text === 'string') return text;
      throw new UsageError(`${this.#words.name(option)} needs a string, not ${this.#words.show(option, text)}`);
    });
  }

  /** One value, or several. */
  #list(option: PlanOption, most: number, noun: string): readonly unknown[] {
    const value = this.#given[option] ?? [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length <= most) return list;
    throw new UsageError(`${this.#words.name(option)} takes ${most} ${noun} at most, and got ${list.length}`);
  }

  integers(option: PlanOption, bounds: Bounds, most: number): readonly number[] {
    const words = this.#words;
    return this.#list(option, most, 'numbers').map((value) =>
      checkInteger(words.name(option), toNumber(value), bounds, words.show(option, value), words.number),
    );
  }

  names(option: PlanOption, most = MAX_WANTED_PLACES): readonly string[] {
    return this.#list(option, most, 'names').map((name) => {
      if (typeof name === 'string' && name !== '') return name;
      throw new UsageError(`${this.#words.name(option)} needs a name, not ${this.#words.show(option, name)}`);
    });
  }

  word<T extends string>(option: PlanOption, choices: readonly T[]): T | undefined {
    const value = this.#given[option];
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#words.refuseWord(option, value, choices);
    return found;
  }

  /** The kernel wants a power of two and whole pages. */
  ringSize(byDefault: number): number {
    const value = this.#given.ringSizeBytes;
    if (value === undefined) return byDefault;
    const { least, most } = RING_BYTES;
    const size = toNumber(value);
    if (size >= least && size <= most && Number.isInteger(Math.log2(size))) return size;
    const { sizeUnits } = this.#words;
    const [name, shown] = [this.#words.name('ringSizeBytes'), this.#words.show('ringSizeBytes', value)];
    throw new UsageError(`${name} needs a power of two from ${least} to ${most} bytes${sizeUnits}, not ${shown}`);
  }
}

/**
 * @param option as it is named in messages
 * @param value NaN for what is no number
 * @param shown what was given, as it is shown
 * @param noun what a number is called where it could be something else
 * @throws UsageError
 */
export function checkInteger(
  option: string,
  value: number,
  { least, most }: Bounds,
  shown: string,
  noun = 'a number',
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} needs ${noun} from ${least} to ${most}, not ${shown}`);
}

function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** @returns warnings */
function checkMark(mark: number | undefined, mask: number, words: Vocabulary): string[] {
  const [markName, maskName] = [words.name('mark'), words.name('mask')];
  if (mask === 0) throw new UsageError(`${maskName} 0 compares nothing: every packet would match`);
  if (mark === 0 && mask === MAX_U32) {
    throw new UsageError(
      `${markName} 0 would match every packet without a mark`,
      `a mask allows it: ${words.markZero}`,
    );
  }
  if (mark === undefined || (mark & ~mask) === 0) return [];
  return [`${markName} has bits that ${maskName} leaves out; they are ignored`];
}

/** @returns warnings; where no packets are named at all, that is an error of its own */
function warnOfMask({ mark, mask }: GivenPlan, words: Vocabulary): string[] {
  const isIgnored = mask !== undefined && mask !== MAX_U32 && mark === undefined;
  return isIgnored ? [`${words.name('mask')} is ignored: it needs ${words.name('mark')}`] : [];
}

/** How packets and calls are counted; packets by default. */
export const COUNTED_PER = ['packet', 'call'] as const;
/** What tells of packets or their events, and so has no meaning where these are counted. */
const NOT_COUNTED: readonly PlanOption[] = ['extension', 'builtin', 'show', 'count', 'who', 'snaplen'];

function readCounting(read: OptionReader, given: GivenPlan, words: Vocabulary): CountQuery | undefined {
  const by = read.texts('countBy', MAX_FIELDS);
  const histogram = read.text('histogram');
  const per = read.word('per', COUNTED_PER);
  if (by.length === 0 && histogram === undefined) {
    if (per === undefined) return undefined;
    throw new UsageError(
      `${words.name('per')} says what is counted: it needs ${words.name('countBy')} or ${words.name('histogram')}`,
    );
  }
  const what = words.name(by.length > 0 ? 'countBy' : 'histogram');
  const other = NOT_COUNTED.find((option) => given[option] !== undefined);
  if (other !== undefined) {
    throw new UsageError(`${words.name(other)} is said of events or journeys, and ${what} makes none: it counts`);
  }
  if (given.tracer !== undefined && given.tracer !== 'function') {
    throw new UsageError(`${what} counts entries of functions: it does not go with ${words.name('tracer')}`);
  }
  return readCount(
    { by, histogram, per: per ?? 'packet' },
    { countBy: words.name('countBy'), histogram: words.name('histogram') },
  );
}

/** What is no expression is told before anything is asked of the kernel. */
function readWhere(read: OptionReader, words: Vocabulary): string | undefined {
  const text = read.text('where');
  if (text !== undefined) withPlace(text, words.name('where'), () => parseExpression(text));
  return text;
}

function readDevices(read: OptionReader, words: Vocabulary): readonly string[] {
  const devices = read.names('dev');
  const wrong = devices.find((device) => parseDeviceWords(device) === undefined);
  if (wrong === undefined) return devices;
  const needs = 'needs the name of an interface, as eth0, or eth0@blue in the namespace blue';
  throw new UsageError(`${words.name('dev')} ${needs}, not ${words.show('dev', wrong)}`);
}

function readProcesses(read: OptionReader, words: Vocabulary): ProcessQuery | undefined {
  const pids = read.integers('pid', PIDS, MAX_PIDS);
  const names = read.names('comm', MAX_NAMES);
  const groups = GROUP_KINDS.flatMap((kind) => read.names(kind, MAX_GROUPS).map((name) => ({ kind, name })));
  const withChildren = read.boolean('pidTree', false);
  const command = read.boolean('command', false);
  const wrong = names.find((name) => Buffer.byteLength(name) > MAX_NAME_BYTES);
  if (wrong !== undefined) {
    const cut = `the kernel cuts a name behind ${MAX_NAME_BYTES} bytes`;
    throw new UsageError(`${words.name('comm')} ${words.show('comm', wrong)} is the name of no process: ${cut}`);
  }
  const noPod = groups.find(({ kind, name }) => kind === 'pod' && !/^[^/]+\/[^/]+$/.test(name));
  if (noPod) {
    const needs = 'needs NAMESPACE/NAME, as default/web-0';
    throw new UsageError(`${words.name('pod')} ${needs}, not ${words.show('pod', noPod.name)}`);
  }
  if (groups.length > MAX_GROUPS)
    throw new UsageError(
      `there may be ${MAX_GROUPS} control groups, units, containers and pods, and ${groups.length} are given`,
    );
  if (withChildren && pids.length === 0) throw new UsageError(`${words.name('pidTree')} needs ${words.name('pid')}`);
  const withNeighbours = read.boolean('withNeighbours', false);
  const isEmpty = pids.length + names.length + groups.length === 0 && !command;
  if (withNeighbours && isEmpty) {
    const choices = (['pid', 'comm', 'unit', 'container', 'pod', 'cgroup'] as const).map((option) =>
      words.name(option),
    );
    const needs = `a program, or ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
    throw new UsageError(
      `${words.name('withNeighbours')} needs ${needs}: it adds what is asked for packets of processes`,
      "the expression 'arp or icmp6' takes what is asked for all",
    );
  }
  return isEmpty ? undefined : { pids, withChildren, names, groups, command, withNeighbours };
}

function readMethod(read: OptionReader, given: GivenPlan): Pick<ProbeQuery, 'tracer' | 'backend'> {
  const tracer = read.word('tracer', TRACER_NAMES) ?? TRACER_NAMES[0]!;
  const backend = given.backend === undefined ? undefined : read.word('backend', BACKEND_NAMES);
  if (backend !== undefined) checkMethod(tracer, backend);
  return { tracer, backend };
}

function readExtension(given: unknown = [], words: Vocabulary): ExtensionFiles {
  const files: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isFile = (file: unknown) => typeof file === 'string' || file instanceof KnownFile;
  if (files.every(isFile)) return chooseExtension(files);
  throw new UsageError(`${words.name('extension')} needs the path of a file, or several`);
}

/** A name that is given twice counts once. */
function readBuiltin(given: unknown = [], words: Vocabulary): readonly BuiltinName[] {
  const names: readonly unknown[] = Array.isArray(given) ? given : [given];
  const found = names.map((name) => {
    const known = BUILTIN_NAMES.find((one) => one === name);
    if (known === undefined) throw words.refuseWord('builtin', name, BUILTIN_NAMES);
    return known;
  });
  return [...new Set(found)];
}
