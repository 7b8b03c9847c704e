/** The options of `trace`, checked: who writes JavaScript has no compiler that does it. Pure. */
import { types } from 'node:util';
import { UsageError } from '../base/errors.js';
import { BACKEND_NAMES, type BackendName, TRACER_NAMES, type TracerName } from '../base/method.js';
import type { NamePattern } from '../base/name-pattern.js';
import { printable } from '../base/printable.js';
import { checkSuffix } from '../fields/c/extension.js';
import { checkMethod } from '../probes/backends.js';
import {
  type Bounds,
  COMPILE_SECONDS,
  checkInteger,
  checkMark,
  checkRingSize,
  DEFAULT_COMPILE_SECONDS,
  DEFAULT_RING_BYTES,
  MAX_U32,
  SAMPLE_PERIOD,
} from '../trace/rules.js';
import type { FieldSchema, TraceOptions } from './api.js';
import { isFieldType } from './schema.js';

/** All that was said, or left to its default. */
export interface CheckedOptions {
  readonly mark: number;
  readonly mask: number;
  readonly follow: boolean;
  readonly functionPattern: NamePattern | undefined;
  readonly modulePattern: NamePattern | undefined;
  readonly tracer: TracerName;
  readonly backend: BackendName | undefined;
  /** Empty for none. */
  readonly extension: readonly string[];
  readonly fields: FieldSchema | undefined;
  readonly compileTimeoutSeconds: number;
  readonly ringSizeBytes: number;
  /** Whether that is wanted, whatever memory there is. */
  readonly ringIsGiven: boolean;
  readonly samplePeriod: number;
  readonly maxEvents: number;
  readonly raiseLimits: boolean;
  readonly signal: AbortSignal;
  /** What is odd, and allowed. */
  readonly warnings: readonly string[];
}

const DEFAULT_MAX_EVENTS = 100_000;
const U32: Bounds = { least: 0, most: MAX_U32 };
const EVENTS: Bounds = { least: 1, most: Number.MAX_SAFE_INTEGER };

const NAMES: Record<keyof TraceOptions, true> = {
  ...{ mark: true, mask: true, follow: true, functions: true, modules: true, tracer: true, backend: true },
  ...{ extension: true, fields: true, compileTimeoutSeconds: true, ringSizeBytes: true, samplePeriod: true },
  ...{ maxEvents: true, raiseLimits: true, signal: true },
};

/** @throws UsageError */
export function checkOptions(options: unknown): CheckedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError('trace needs an object with options', 'the least is trace({ mark: 1 })');
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(NAMES, name)) continue;
    throw new UsageError(`the option '${printable(name)}' is unknown`, `there are ${Object.keys(NAMES).join(', ')}`);
  }
  const given = options as Partial<Record<keyof TraceOptions, unknown>>;
  return {
    ...checkPackets(given),
    ...checkMethods(given),
    ...checkExtension(given),
    functionPattern: checkPattern('functions', given.functions),
    modulePattern: checkPattern('modules', given.modules),
    ringSizeBytes: readRingSize(given.ringSizeBytes),
    ringIsGiven: given.ringSizeBytes !== undefined,
    samplePeriod: readInteger('samplePeriod', given.samplePeriod ?? 1, SAMPLE_PERIOD),
    maxEvents: readInteger('maxEvents', given.maxEvents ?? DEFAULT_MAX_EVENTS, EVENTS),
    raiseLimits: checkBoolean('raiseLimits', given.raiseLimits ?? true),
    signal: checkSignal(given.signal),
  };
}

type Given = Partial<Record<keyof TraceOptions, unknown>>;

function checkPackets(given: Given): Pick<CheckedOptions, 'mark' | 'mask' | 'follow' | 'warnings'> {
  if (given.mark === undefined) throw new UsageError('the option mark is missing: it says which packets to trace');
  const mark = readInteger('mark', given.mark, U32);
  const mask = readInteger('mask', given.mask ?? MAX_U32, U32);
  const names = { mark: 'the option mark', mask: 'the option mask' };
  const warnings = checkMark({ mark, mask }, names, 'mark: 0, mask: 0xff');
  return { mark, mask, warnings, follow: checkBoolean('follow', given.follow ?? false) };
}

function checkMethods(given: Given): Pick<CheckedOptions, 'tracer' | 'backend'> {
  const tracer = oneOf<TracerName>('tracer', given.tracer ?? 'function', TRACER_NAMES);
  if (given.backend === undefined) return { tracer, backend: undefined };
  const backend = oneOf('backend', given.backend, BACKEND_NAMES);
  checkMethod(tracer, backend);
  return { tracer, backend };
}

function checkExtension(given: Given): Pick<CheckedOptions, 'extension' | 'fields' | 'compileTimeoutSeconds'> {
  const { extension = [], fields } = given;
  const paths: unknown[] = Array.isArray(extension) ? extension : [extension];
  for (const path of paths) {
    if (typeof path !== 'string') throw new UsageError('the option extension needs the path of a file, or several');
    checkSuffix(path);
  }
  if (fields !== undefined) {
    if (typeof fields !== 'object' || Array.isArray(fields) || !isFieldType(fields)) {
      throw new UsageError(
        'the option fields is no schema',
        "it names fields and their types: { len: 'number', cookie: 'bigint', ports: ['number'], tcp: { seq: 'number' } }",
      );
    }
    if (paths.length === 0) throw new UsageError('the option fields needs an extension: without one there are none');
  }
  return {
    extension: paths as string[],
    fields: fields as FieldSchema | undefined,
    compileTimeoutSeconds: readInteger(
      'compileTimeoutSeconds',
      given.compileTimeoutSeconds ?? DEFAULT_COMPILE_SECONDS,
      COMPILE_SECONDS,
    ),
  };
}

function readRingSize(given: unknown): number {
  const size = given ?? DEFAULT_RING_BYTES;
  return checkRingSize('the option ringSizeBytes', typeof size === 'number' ? size : Number.NaN, show(size));
}

/** With the flags g and y a pattern would remember where it matched last. */
function checkPattern(option: string, pattern: unknown): NamePattern | undefined {
  if (pattern === undefined) return undefined;
  if (types.isRegExp(pattern)) {
    return { regExp: new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')), text: pattern.source };
  }
  throw new UsageError(`the option ${option} needs a regular expression, not ${show(pattern)}`);
}

function checkSignal(signal: unknown): AbortSignal {
  if (signal === undefined) return new AbortController().signal;
  // Test runners may bring an AbortSignal of their own.
  if (typeof signal === 'object' && signal !== null && 'throwIfAborted' in signal && 'addEventListener' in signal) {
    return signal as AbortSignal;
  }
  throw new UsageError(`the option signal needs an AbortSignal, not ${show(signal)}`);
}

function readInteger(option: string, value: unknown, bounds: Bounds): number {
  const number = typeof value === 'number' ? value : Number.NaN;
  return checkInteger(`the option ${option}`, number, bounds, show(value), 'an integer');
}

function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new UsageError(`the option ${option} needs true or false, not ${show(value)}`);
}

function oneOf<T extends string>(option: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new UsageError(`the option ${option} needs one of ${choices.join(', ')}, not ${show(value)}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${printable(value)}'`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a value of type ${typeof value}`;
}
