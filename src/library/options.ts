/** Checks the options of `trace`, for callers without a type checker. Pure. */
import { types } from 'node:util';
import { UsageError } from '../base/errors.js';
import type { NamePattern } from '../base/name-pattern.js';
import { printable } from '../base/printable.js';
import { type CommandPlan, DEFAULT_SETTLE_MS } from '../trace/command.js';
import {
  ANY_COUNT,
  checkInteger,
  DURATION_MS,
  type GivenPlan,
  type PlanOption,
  parsePlan,
  type TracePlan,
  type Vocabulary,
} from '../trace/plan.js';
import type {
  CommandOptions,
  CountOptions,
  FieldSchema,
  RecordingOptions,
  RecordOptions,
  TraceOptions,
} from './api.js';
import { isFieldType } from './schema.js';

/** The checked options, with defaults. */
export interface CheckedOptions {
  readonly plan: TracePlan;
  readonly fields: FieldSchema | undefined;
  readonly maxEvents: number;
  readonly signal: AbortSignal;
}

const DEFAULT_MAX_EVENTS = 100_000;

/** The options of all that traces. */
const SHARED_NAMES: Record<keyof TraceOptions & keyof CountOptions, true> = {
  ...{ expression: true, inner: true, where: true, mark: true, mask: true, netns: true, dev: true, connection: true },
  ...{ pid: true, pidTree: true, comm: true, cgroup: true, unit: true, container: true, pod: true },
  ...{ withNeighbours: true, follow: true, functions: true, modules: true, backend: true },
  ...{ samplePeriod: true, raiseLimits: true, signal: true },
};

const NAMES: Record<keyof TraceOptions, true> = {
  ...SHARED_NAMES,
  ...{ tracer: true, extension: true, fields: true, ringSizeBytes: true, snaplen: true, who: true, builtin: true },
  ...{ show: true, compileTimeoutSeconds: true, maxEvents: true },
};

const COUNT_NAMES: Record<keyof CountOptions, true> = { ...SHARED_NAMES, countBy: true, histogram: true, per: true };

const RECORDING_NAMES: Record<keyof RecordingOptions, true> = { fields: true, maxEvents: true, signal: true };

const nameOf = (option: PlanOption | keyof TraceOptions) => `the option ${option}`;

const VOCABULARY: Vocabulary = {
  name: nameOf,
  show: (_option, value) => show(value),
  number: 'an integer',
  sizeUnits: '',
  markZero: 'mark: 0, mask: 0xff',
  packetsAreMissing: () =>
    new UsageError(
      'the option mark is missing, or expression, inner, where, netns, dev, pid, comm, cgroup, unit, container or pod: ' +
        'they say which packets to trace',
    ),
  refuseWord: (option, value, choices) =>
    new UsageError(`${nameOf(option)} needs one of ${choices.join(', ')}, not ${show(value)}`),
};

/** @param packets what is asked for besides @throws UsageError */
export function checkOptions(options: unknown, packets: Pick<GivenPlan, 'command'> = {}): CheckedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(
      'trace needs an object with options',
      "the least is trace({ mark: 1 }), or trace({ expression: 'icmp' })",
    );
  }
  checkNames(options, NAMES);
  const { functions, modules, fields, maxEvents, signal, ...given } = options as Given;
  const plan = parsePlan(
    {
      ...given,
      ...packets,
      functions: checkPattern('functions', functions),
      modules: checkPattern('modules', modules),
    },
    VOCABULARY,
  );
  const schema = checkFields(fields);
  if (schema && plan.fields.extension.paths.length + plan.fields.builtin.length + plan.fields.show.length === 0) {
    throw new UsageError(
      'the option fields needs an extension, built-in fields or expressions (show): without them there are none',
    );
  }
  return { plan, fields: schema, maxEvents: checkMaxEvents(maxEvents), signal: checkSignal(signal) };
}

/** @throws UsageError */
export function checkCountOptions(options: unknown): Pick<CheckedOptions, 'plan' | 'signal'> {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError('count needs an object with options', "the least is count({ countBy: 'skb->dev->name' })");
  }
  checkNames(options, COUNT_NAMES);
  const { functions, modules, signal, ...given } = options as Given & Pick<CountOptions, 'countBy' | 'histogram'>;
  if (given.countBy === undefined && given.histogram === undefined) {
    throw new UsageError('count needs the option countBy, or histogram: by what is to be counted');
  }
  const patterns = { functions: checkPattern('functions', functions), modules: checkPattern('modules', modules) };
  return { plan: parsePlan({ ...given, ...patterns }, VOCABULARY), signal: checkSignal(signal) };
}

const COMMAND_NAMES: Record<keyof CommandOptions, true> = { ...NAMES, env: true, settleMs: true, asRoot: true };

/** A program that is to be run, and how it is traced, with defaults. */
export interface CheckedCommand extends CheckedOptions {
  readonly command: CommandPlan;
  readonly environment: NodeJS.ProcessEnv;
}

/** @throws UsageError */
export function checkCommandOptions(argv: unknown, options: unknown): CheckedCommand {
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every(isWord)) {
    const needs = 'trace.command needs the words of a program: strings without NUL, in an array';
    throw new UsageError(needs, "as in: trace.command(['ping', '-c', '1', '192.0.2.9'])");
  }
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`trace.command needs an object with options, or none, not ${show(options)}`);
  }
  checkNames(options, COMMAND_NAMES);
  const { env, settleMs, asRoot, ...more } = options as Partial<Record<keyof CommandOptions, unknown>>;
  return {
    ...checkOptions(more, { command: true }),
    command: { argv: [...argv], settleMs: checkSettling(settleMs), asRoot: checkAsRoot(asRoot) },
    environment: checkEnvironment(env),
  };
}

const isWord = (word: unknown) => typeof word === 'string' && !word.includes('\0');

function checkSettling(settleMs: unknown): number {
  if (settleMs === undefined) return DEFAULT_SETTLE_MS;
  const value = typeof settleMs === 'number' ? settleMs : Number.NaN;
  return checkInteger('the option settleMs', value, { ...DURATION_MS, least: 0 }, show(settleMs), 'an integer');
}

function checkAsRoot(asRoot: unknown): boolean {
  if (asRoot === undefined || typeof asRoot === 'boolean') return asRoot ?? false;
  throw new UsageError(`the option asRoot needs true or false, not ${show(asRoot)}`);
}

function checkEnvironment(env: unknown): NodeJS.ProcessEnv {
  if (env === undefined) return process.env;
  if (typeof env !== 'object' || env === null) {
    throw new UsageError(`the option env needs an object of strings, not ${show(env)}`);
  }
  const variables = Object.entries(env).filter(([, value]) => value !== undefined);
  const wrong = variables.find(([name, value]) => !isWord(name) || name.includes('=') || !isWord(value));
  if (wrong === undefined) return Object.fromEntries(variables) as NodeJS.ProcessEnv;
  throw new UsageError(`the option env needs strings without NUL, and names without =: not ${show(wrong[0])}`);
}

/** What is to be opened, and how, with defaults. */
export interface CheckedRecording extends Omit<CheckedOptions, 'plan'> {
  readonly files: readonly string[];
}

/** @throws UsageError */
export function checkRecordingOptions(path: unknown, options: unknown): CheckedRecording {
  const files: readonly unknown[] = Array.isArray(path) ? path : [path];
  const isPath = (one: unknown) => typeof one === 'string' && one !== '';
  if (files.length === 0 || !files.every(isPath)) {
    const wrong = files.length === 0 ? 'none' : show(files.find((one) => !isPath(one)));
    throw new UsageError(`openRecording needs the path of a file, or of several, not ${wrong}`);
  }
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`openRecording needs an object with options, or none, not ${show(options)}`);
  }
  checkNames(options, RECORDING_NAMES);
  const { fields, maxEvents, signal } = options as { readonly [name in keyof RecordingOptions]: unknown };
  const checked = { fields: checkFields(fields), maxEvents: checkMaxEvents(maxEvents), signal: checkSignal(signal) };
  return { files: files as readonly string[], ...checked };
}

const RECORD_NAMES: Record<keyof RecordOptions, true> = { compress: true };

/** @throws UsageError */
export function checkRecordOptions(path: unknown, options: unknown): { path: string; deflates: boolean } {
  if (typeof path !== 'string' || path === '')
    throw new UsageError(`record needs the path of a file, not ${show(path)}`);
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`record needs an object with options, or none, not ${show(options)}`);
  }
  checkNames(options, RECORD_NAMES);
  const { compress = false } = options as { readonly compress?: unknown };
  if (typeof compress === 'boolean') return { path, deflates: compress };
  throw new UsageError(`the option compress needs true or false, not ${show(compress)}`);
}

function checkNames(options: object, names: Readonly<Record<string, true>>): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    throw new UsageError(`the option '${printable(name)}' is unknown`, `there are ${Object.keys(names).join(', ')}`);
  }
}

type Given = Partial<Record<keyof TraceOptions, unknown>>;

function checkFields(fields: unknown): FieldSchema | undefined {
  if (fields === undefined) return undefined;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields) || !isFieldType(fields)) {
    throw new UsageError(
      'the option fields is no schema',
      "it names fields and their types: { len: 'number', cookie: 'bigint', ports: ['number'], tcp: { seq: 'number' } }",
    );
  }
  return fields as FieldSchema;
}

function checkMaxEvents(given: unknown = DEFAULT_MAX_EVENTS): number {
  const number = typeof given === 'number' ? given : Number.NaN;
  return checkInteger(nameOf('maxEvents'), number, ANY_COUNT, show(given), VOCABULARY.number);
}

/** With the flags g and y a pattern would keep the position of its last match. */
function checkPattern(option: string, pattern: unknown): NamePattern | undefined {
  if (pattern === undefined) return undefined;
  if (types.isRegExp(pattern)) {
    return { regExp: new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')), text: pattern.source };
  }
  throw new UsageError(`the option ${option} needs a regular expression, not ${show(pattern)}`);
}

function checkSignal(signal: unknown): AbortSignal {
  if (signal === undefined) return new AbortController().signal;
  // Test runners may have an AbortSignal class of their own.
  if (typeof signal === 'object' && signal !== null && 'throwIfAborted' in signal && 'addEventListener' in signal) {
    return signal as AbortSignal;
  }
  throw new UsageError(`the option signal needs an AbortSignal, not ${show(signal)}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${printable(value)}'`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a value of type ${typeof value}`;
}
