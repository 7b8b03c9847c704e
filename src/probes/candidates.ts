/**
 * All functions that take an skb, with the facts that decide whether they can be traced. Finding them means reading the
 * kernel's types and the list of all functions; the result is kept for the next run (`kernel/cache.ts`).
 */
import { VMLINUX } from '../base/target.js';
import type { Btf } from '../btf/btf.js';
import { type FunctionTaking, findFunctionsTaking } from '../btf/functions.js';
import { loadKernelBtf, loadModuleBtf } from '../kernel/btf.js';
import { loadCached, storeCached } from '../kernel/cache.js';
import { checkTraceableFunctions, loadTraceableFunctions, type TraceableFunctions } from '../kernel/functions.js';
import { loadKernelIdentity } from '../kernel/identity.js';
import { explainLockdown } from '../kernel/preflight.js';

/** A function that takes an skb: `position` is the skb's. */
export interface Candidate extends FunctionTaking {
  /** Whether ftrace can hook it. */
  readonly isTraceable: boolean;
  /** Whether another function, of any module, has the same name. */
  readonly isAmbiguous: boolean;
}

export interface Candidates {
  /** By module, in the order of their ids. */
  readonly modules: readonly { readonly module: string; readonly functions: readonly Candidate[] }[];
  /** Modules whose functions are unknown, with the reason. */
  readonly unknownModules: readonly { readonly module: string; readonly problem: string }[];
}

/** The facts that they are found in. */
export interface CandidateFacts {
  readonly vmlinux: Btf;
  /** The BTF of a module, or why there is none. */
  readonly moduleBtf: (module: string, base: Btf) => Btf | { readonly problem: string };
  readonly traceable: TraceableFunctions;
}

/** The name of the kept file. */
const KIND = 'functions';

/** Finds those of the running kernel and all loaded modules. @throws EnvironmentError without BTF or tracefs */
export function loadCandidates(): Candidates {
  // Checked also if the result was kept: without tracefs, or with lockdown, nothing can be traced.
  explainLockdown(checkTraceableFunctions);
  const build = loadKernelIdentity()?.build;
  const known = build === undefined ? undefined : decodeCandidates(loadCached(KIND, build));
  if (known) return known;
  const traceable = explainLockdown(loadTraceableFunctions);
  const found = findCandidates({ vmlinux: loadKernelBtf(), moduleBtf: loadModuleBtf, traceable });
  // A module that was loaded or unloaded meanwhile may be in one list and not in the other.
  if (build !== undefined && loadKernelIdentity()?.build === build) storeCached(KIND, build, encodeCandidates(found));
  return found;
}

/** The search itself. Pure. */
export function findCandidates({ vmlinux, moduleBtf, traceable }: CandidateFacts): Candidates {
  const modules: { module: string; functions: Candidate[] }[] = [];
  const unknownModules: { module: string; problem: string }[] = [];
  for (const [module, names] of traceable) {
    const btf = module === VMLINUX ? vmlinux : moduleBtf(module, vmlinux);
    if ('problem' in btf) {
      unknownModules.push({ module, problem: btf.problem });
      continue;
    }
    const functions = new Map<string, Candidate>();
    for (const found of findFunctionsTaking(btf, 'sk_buff')) {
      const { name } = found;
      if (functions.has(name)) continue;
      const facts = { isTraceable: names.has(name), isAmbiguous: isAmbiguous(traceable, name) };
      functions.set(name, { ...found, ...facts });
    }
    modules.push({ module, functions: [...functions.values()] });
  }
  return { modules, unknownModules };
}

/** Whether more than one function of all modules has the name. */
function isAmbiguous(traceable: TraceableFunctions, name: string): boolean {
  let bearers = 0;
  for (const names of traceable.values()) bearers += names.get(name) ?? 0;
  return bearers > 1;
}

const FLAGS = ['isTraceable', 'isAmbiguous', 'isVariadic', 'returnsStruct', 'structBefore'] as const;

/**
 * Encodes candidates for the cache: `[[module, [name, …], [id, …], [position, …], [parameters, …], [flags, …]], …]`,
 * and the rest.
 */
export function encodeCandidates({ modules, unknownModules }: Candidates): unknown {
  return {
    modules: modules.map(({ module, functions }) => [
      module,
      functions.map(({ name }) => name),
      functions.map(({ id }) => id),
      functions.map(({ position }) => position),
      functions.map(({ parameters }) => parameters),
      functions.map((one) => FLAGS.reduce((bits, flag, bit) => bits | (one[flag] ? 1 << bit : 0), 0)),
    ]),
    unknownModules,
  };
}

/** The names of the kernel's functions. */
const NAME = /^[\w.$-]{1,511}$/;
/** BTF_MAX_TYPE of the kernel. */
const LAST_ID = 0xfffff;
/** The most parameters of a function's type in BTF (BTF_MAX_VLEN). */
const MOST_PARAMETERS = 0xffff;

/**
 * @returns undefined for a value that `encodeCandidates` does not make, or no kernel could have: files can be damaged
 */
export function decodeCandidates(value: unknown): Candidates | undefined {
  if (!isObject(value) || !Array.isArray(value['modules']) || !Array.isArray(value['unknownModules'])) return undefined;
  const modules: { module: string; functions: Candidate[] }[] = [];
  const knownModules = new Set<string>();
  for (const entry of value['modules'] as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 6) return undefined;
    const [module, names, ...columns] = entry as unknown[];
    if (typeof module !== 'string' || !NAME.test(module) || knownModules.has(module)) return undefined;
    knownModules.add(module);
    if (!areNames(names) || !columns.every((column) => areCounts(column, names.length))) return undefined;
    const [ids, positions, parameters, flags] = columns as [number[], number[], number[], number[]];
    if (ids.some((id) => id === 0 || id > LAST_ID) || flags.some((bits) => bits >= 1 << FLAGS.length)) return undefined;
    if (positions.some((position, index) => position >= parameters[index]!)) return undefined;
    if (parameters.some((count) => count > MOST_PARAMETERS)) return undefined;
    const functions = names.map((name, index) => ({
      ...{ name, id: ids[index]!, position: positions[index]!, parameters: parameters[index]! },
      isTraceable: (flags[index]! & 1) !== 0,
      isAmbiguous: (flags[index]! & 2) !== 0,
      isVariadic: (flags[index]! & 4) !== 0,
      returnsStruct: (flags[index]! & 8) !== 0,
      structBefore: (flags[index]! & 16) !== 0,
    }));
    modules.push({ module, functions });
  }
  const unknownModules: { module: string; problem: string }[] = [];
  for (const entry of value['unknownModules'] as unknown[]) {
    if (!isObject(entry)) return undefined;
    const { module, problem } = entry;
    if (typeof module !== 'string' || !NAME.test(module) || typeof problem !== 'string') return undefined;
    unknownModules.push({ module, problem });
  }
  return { modules, unknownModules };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether a value is a list of function names without duplicates. */
function areNames(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string' && NAME.test(name)) &&
    new Set(value).size === value.length
  );
}

function areCounts(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((one) => Number.isInteger(one) && one >= 0);
}
