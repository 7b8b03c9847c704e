/**
 * Names that a shell offers behind `-r` and `--module-regex`: functions and modules of this machine, as far as they may
 * be known.
 */
import { readdirSync } from 'node:fs';
import { VMLINUX } from '../base/target.js';
import { findFunctionsTaking } from '../btf/functions.js';
import { loadKernelBtf, loadModuleBtf } from '../kernel/btf.js';
import { loadCandidates } from '../probes/candidates.js';

const BTF_DIRECTORY = '/sys/kernel/btf';

/**
 * The names that begin with the typed word. A `^` before the word stays, since both are regular expressions. An error
 * gives no names: a shell can't show messages here.
 */
export function completeNames(of: 'functions' | 'modules', typed: string): string[] {
  const anchor = typed.startsWith('^') ? '^' : '';
  const prefix = typed.slice(anchor.length);
  try {
    const names = of === 'functions' ? loadFunctionNames() : loadModuleNames();
    return (
      [...new Set(names)]
        // A name with characters that mean something to the shell or to a regular expression is not offered.
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

/** Functions that take an skb; without tracefs, which only root may read, a few too many. */
function loadFunctionNames(): string[] {
  try {
    // Usually cached by an earlier run: the user waits for this.
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
