/** The choice of the functions to trace. */

import { IPFT_MAX_ARGUMENTS } from '../abi/layout.js';
import { IpftError } from '../base/errors.js';
import type { NamePattern } from '../base/name-pattern.js';
import { VMLINUX } from '../base/target.js';
import { loadCapabilities } from '../kernel/privileges.js';
import { KnownAddresses } from './addresses.js';
import type { Backend } from './backend.js';
import { type Candidate, type Candidates, loadCandidates } from './candidates.js';
import { type Matches, matchNames } from './matching.js';
import type { Probe } from './probe.js';
import { decides } from './roles.js';

export interface TargetFilter {
  /** Only functions whose name matches, unanchored. */
  readonly functionPattern?: NamePattern | undefined;
  /** Only functions of modules whose name matches; the kernel proper is `vmlinux`. */
  readonly modulePattern?: NamePattern | undefined;
}

/** The filter with the names that it matches. */
interface TargetMatches {
  readonly functionPattern?: Matches | undefined;
  readonly modulePattern?: Matches | undefined;
}

/** A function that takes an skb and is not traced. */
export interface ExcludedFunction {
  readonly name: string;
  readonly module: string;
  /** The reason, for people; one of a few texts, so that they can be counted. */
  readonly reason: string;
}

/** The functions that take an skb: those that are traced, and the rest by the reason. */
export interface TargetSelection {
  readonly targets: readonly Probe[];
  /** The number of functions that could be traced and were filtered. */
  readonly filtered: number;
  /** Functions that the filter chooses and that can't be traced. */
  readonly excluded: readonly ExcludedFunction[];
  /** Modules whose functions are unknown, with the reason. */
  readonly unknownModules: readonly { readonly module: string; readonly problem: string }[];
  /** Functions that decide what becomes of an skb. They are attached to whatever the filter says. */
  readonly deciding: readonly Probe[];
}

/** The facts of a backend that decide what it can be attached to. */
export type Attaching = Pick<Backend, 'kinds' | 'access'>;

/** The needs that a choice depends on. */
export interface TargetNeeds extends Attaching {
  /** Whether functions of modules can have trampolines. */
  readonly moduleTrampolines: boolean;
  /** The addresses of a module's functions with one name; empty where they can't be known. */
  readonly addressesOf: (module: string, name: string) => readonly bigint[];
}

/** The number of arguments in registers on every machine: a kprobe sees no others. */
const KPROBE_ARGUMENTS = IPFT_MAX_ARGUMENTS;
/** MAX_BPF_FUNC_ARGS of the kernel. */
const TRAMPOLINE_ARGUMENTS = 12;

/**
 * Finds the functions that a backend can attach to: those with a `struct sk_buff *` among their parameters that ftrace
 * can hook, in the kernel and in all loaded modules.
 * @param signal ends it early, with its reason
 * @throws UsageError for a filter that takes too long; EnvironmentError without BTF or tracefs; IpftError `NO_TARGETS` if the filter leaves none
 */
export async function loadTargets(
  backend: Attaching,
  filter: TargetFilter = {},
  signal?: AbortSignal,
): Promise<TargetSelection> {
  const candidates = loadCandidates();
  const selection = select(candidates, backend, await match(candidates, filter, signal));
  if (selection.targets.length > 0) return selection;
  const { filtered, excluded } = selection;
  if (filtered === 0 && excluded.length === 0) {
    throw new IpftError('NO_TARGETS', 'no function of this kernel that takes a struct sk_buff * can be traced');
  }
  const reasons = [...new Set(excluded.map(({ reason }) => reason))].join('; ');
  throw new IpftError(
    'NO_TARGETS',
    excluded.length > 0
      ? `the filters leave no function that could be traced, and ${excluded.length} that can't: ${reasons}`
      : `the filters leave none of the ${filtered} functions that could be traced`,
    'loosen --regex or --module-regex; ipft -l lists all functions',
  );
}

/** Finds the functions of one module, which may have just been loaded. */
export async function loadModuleTargets(
  module: string,
  backend: Attaching,
  filter: TargetFilter,
  signal?: AbortSignal,
): Promise<TargetSelection> {
  const all = loadCandidates();
  const ofModule = <T extends { module: string }>(list: readonly T[]) =>
    list.filter((entry) => entry.module === module);
  const candidates = { modules: ofModule(all.modules), unknownModules: ofModule(all.unknownModules) };
  const selection = select(candidates, backend, await match(candidates, filter, signal));
  return { ...selection, filtered: 0, deciding: [] };
}

async function match(
  { modules }: Candidates,
  { functionPattern, modulePattern }: TargetFilter,
  signal: AbortSignal | undefined,
): Promise<TargetMatches> {
  const functionNames = () => modules.flatMap(({ functions }) => functions.map(({ name }) => name));
  const moduleNames = () => modules.map(({ module }) => module);
  return {
    functionPattern: functionPattern && (await matchNames(functionPattern, functionNames(), signal)),
    modulePattern: modulePattern && (await matchNames(modulePattern, moduleNames(), signal)),
  };
}

function select(candidates: Candidates, { kinds, access }: Attaching, matches: TargetMatches): TargetSelection {
  let addresses: KnownAddresses | undefined;
  const addressesOf = (module: string, name: string) => {
    addresses ??= KnownAddresses.load();
    return addresses.findAll({ module, name });
  };
  const moduleTrampolines = loadCapabilities().has('CAP_SYS_ADMIN');
  const selection = selectTargets(candidates, { kinds, access, moduleTrampolines, addressesOf }, matches);
  addresses?.save();
  return selection;
}

/** The choice itself. Pure. */
export function selectTargets(candidates: Candidates, needs: TargetNeeds, filter: TargetMatches): TargetSelection {
  const targets: Probe[] = [];
  const excluded: ExcludedFunction[] = [];
  const deciding: Probe[] = [];
  let filtered = 0;
  for (const { module, functions } of candidates.modules) {
    const moduleMatches = filter.modulePattern?.test(module) ?? true;
    for (const candidate of functions) {
      const { name, id, position, parameters } = candidate;
      const packet = { by: 'argument', position } as const;
      const target: Probe = { kind: 'function', name, module, id, packet, parameters };
      const reason = refusal(candidate, module, needs);
      if (reason === undefined && !candidate.isAmbiguous && decides(target)) deciding.push(target);
      if (!moduleMatches || !(filter.functionPattern?.test(name) ?? true)) {
        if (reason === undefined && !candidate.isAmbiguous) filtered++;
      } else if (reason === undefined && candidate.isAmbiguous) {
        const addresses = needs.addressesOf(module, name);
        for (const address of addresses) targets.push({ ...target, address });
        if (addresses.length === 0) excluded.push({ name, module, reason: AMBIGUOUS });
      } else if (reason !== undefined) {
        excluded.push({ name, module, reason });
      } else {
        targets.push(target);
      }
    }
  }
  return { targets, filtered, excluded, unknownModules: candidates.unknownModules, deciding };
}

const AMBIGUOUS = 'another function bears the same name';

/** The reason why a function can't be traced; undefined if it can. */
function refusal(candidate: Candidate, module: string, needs: TargetNeeds): string | undefined {
  const { position, parameters, isTraceable, isAmbiguous, isVariadic, returnsStruct, structBefore } = candidate;
  const { kinds, access, moduleTrampolines } = needs;
  if (!kinds.includes('function')) return 'the backend is not attached to functions';
  if (!isTraceable) return 'ftrace does not know it: it is inlined everywhere, or excluded from tracing';
  // A trampoline is made for a BTF function, which has a name and no address; kprobes can also be attached to an
  // address.
  if (isAmbiguous && access === 'trampoline') return AMBIGUOUS;
  if (structBefore) return 'a struct passed by value stands before its skb';
  if (access === 'registers') {
    return position < KPROBE_ARGUMENTS ? undefined : `its skb is not among the first ${KPROBE_ARGUMENTS} arguments`;
  }
  if (isVariadic) return 'a trampoline takes no variable number of arguments';
  if (parameters > TRAMPOLINE_ARGUMENTS) return `a trampoline takes no more than ${TRAMPOLINE_ARGUMENTS} arguments`;
  if (returnsStruct) return 'a trampoline returns no struct';
  if (module !== VMLINUX && !moduleTrampolines) return 'BTF of modules needs CAP_SYS_ADMIN';
  return undefined;
}
