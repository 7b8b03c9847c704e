/** Names that a shell offers behind `-r` and `--module-regex`: what there is on this machine, as far as may be known. */
import { readdirSync } from 'node:fs';
import { VMLINUX } from '../base/target.js';
import { findFunctionsTaking } from '../btf/functions.js';
import { loadKernelBtf, loadModuleBtf } from '../kernel/btf.js';
import { loadCandidates } from '../probes/candidates.js';

const BTF_DIRECTORY = '/sys/kernel/btf';

/**
 * Names that begin with what was typed. A `^` before it stays: both are regular expressions.
 * Whatever stands in the way, there are no names: a shell has no place for messages.
 */
export function completeNames(of: 'functions' | 'modules', typed: string): string[] {
  const anchor = typed.startsWith('^') ? '^' : '';
  const prefix = typed.slice(anchor.length);
  try {
    const names = of === 'functions' ? loadFunctionNames() : loadModuleNames();
    return (
      [...new Set(names)]
        // What the shell or a regular expression would take for something else can't be offered.
        .filter((name) => name.startsWith(prefix) && /^[\w.]+$/.test(name))
        .sort()
        .map((name) => `${anchor}${name}`)
    );
  } catch {
    return [];
  }
}

function loadModuleNames(): string[] {
  return readdirSync(BTF_DIRECTORY);
}

/** Functions that take an skb; without tracefs, which others than root can't read, a few too many. */
function loadFunctionNames(): string[] {
  try {
    // Mostly known from an earlier start: whoever types waits.
    return loadCandidates().modules.flatMap(({ functions }) =>
      functions.filter(({ isTraceable }) => isTraceable).map(({ name }) => name),
    );
  } catch {
    const base = loadKernelBtf();
    return loadModuleNames().flatMap((module) => {
      const btf = module === VMLINUX ? base : loadModuleBtf(module, base);
      return 'problem' in btf ? [] : findFunctionsTaking(btf, 'sk_buff').map(({ name }) => name);
    });
  }
}
