/** Which functions to attach to. */
import { IpftError } from '../base/errors.js';
import { type Target, VMLINUX } from '../base/target.js';
import type { Btf } from '../btf/btf.js';
import { findFunctionsTaking } from '../btf/functions.js';
import { loadKernelBtf, loadModuleBtf } from '../kernel/btf.js';
import { loadTraceableFunctions, type TraceableFunctions } from '../kernel/functions.js';
import { explainLockdown } from '../kernel/preflight.js';

export interface TargetFilter {
  /** Only functions whose name matches, unanchored. */
  readonly functionPattern?: RegExp | undefined;
  /** Only functions of modules whose name matches; the kernel proper is `vmlinux`. */
  readonly modulePattern?: RegExp | undefined;
}

/** The functions that take an skb, sorted by what becomes of them. */
export interface TargetSelection {
  readonly targets: readonly Target[];
  /** How many the filter left out. */
  readonly filtered: number;
  /** Functions that share their name with another one: a name doesn't tell which is meant. */
  readonly ambiguous: readonly Target[];
  /** Modules whose functions are unknown, with the reason. */
  readonly unknownModules: readonly { readonly module: string; readonly problem: string }[];
}

/** Arguments that a function gets in registers, on every machine that is supported: a kprobe sees no others. */
const REGISTER_ARGUMENTS = 5;

/**
 * Finds every function with a `struct sk_buff *` among its first five parameters that ftrace can hook, in the kernel
 * and in all loaded modules.
 * @throws EnvironmentError without BTF or tracefs; IpftError `NO_TARGETS` if the filter leaves none
 */
export function loadTargets(filter: TargetFilter = {}): TargetSelection {
  const selection = selectTargets(loadKernelBtf(), loadModuleBtf, explainLockdown(loadTraceableFunctions), filter);
  if (selection.targets.length > 0) return selection;
  throw selection.filtered === 0
    ? new IpftError('NO_TARGETS', 'no function of this kernel that takes a struct sk_buff * can be traced')
    : new IpftError(
        'NO_TARGETS',
        `the filters leave none of the ${selection.filtered} functions that could be traced`,
        'loosen --regex or --module-regex; ipft -l lists all functions',
      );
}

/**
 * The choice itself, apart from where its facts come from.
 * @param moduleBtf the BTF of a module, or why there is none
 */
export function selectTargets(
  vmlinux: Btf,
  moduleBtf: (module: string, base: Btf) => Btf | { problem: string },
  traceable: TraceableFunctions,
  filter: TargetFilter,
): TargetSelection {
  const targets: Target[] = [];
  const ambiguous: Target[] = [];
  const unknownModules: { module: string; problem: string }[] = [];
  let filtered = 0;
  const bearers = countBearers(traceable);
  for (const [module, names] of traceable) {
    const btf = module === VMLINUX ? vmlinux : moduleBtf(module, vmlinux);
    if ('problem' in btf) {
      unknownModules.push({ module, problem: btf.problem });
      continue;
    }
    const moduleMatches = filter.modulePattern?.test(module) ?? true;
    const seen = new Set<string>();
    for (const { name, position } of findFunctionsTaking(btf, 'sk_buff', REGISTER_ARGUMENTS)) {
      if (!names.has(name) || seen.has(name)) continue;
      seen.add(name);
      const target = { name, module, skbPosition: position };
      if (!moduleMatches || !(filter.functionPattern?.test(name) ?? true)) filtered++;
      else if ((bearers.get(name) ?? 0) > 1) ambiguous.push(target);
      else targets.push(target);
    }
  }
  return { targets, filtered, ambiguous, unknownModules };
}

/** How many functions bear each name, over all modules. */
function countBearers(traceable: TraceableFunctions): Map<string, number> {
  const bearers = new Map<string, number>();
  for (const names of traceable.values()) {
    for (const [name, count] of names) bearers.set(name, (bearers.get(name) ?? 0) + count);
  }
  return bearers;
}
