/** Checks the symbols that an extension's files define and need, before the linker does. Pure. */
import { ExtensionError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { BTF_KIND_DATASEC, type Btf } from '../../btf/btf.js';
import type { ElfObject, ElfSymbol } from '../../bytecode/elf.js';

/** Names that belong to the tracer. */
export const OWN_PREFIX = 'ipft_';
/** The tracer's functions that extensions may call: `ipft/extension.h`. */
const OFFERED = ['ipft_func_arg', 'ipft_func_ip'];
/** Sections of symbols that the kernel or libbpf defines. */
const GIVEN = new Set(['.ksyms', '.kconfig']);
/** Functions that a compiler may call by itself. */
const BUILTIN = /^mem(cpy|move|set|cmp)$/;

export interface LinkedFile {
  readonly path: string;
  readonly elf: ElfObject;
  readonly btf: Btf;
}

/**
 * The names that files define for each other.
 * @throws ExtensionError if two define the same
 */
export function findDefinitions(files: readonly LinkedFile[]): ReadonlySet<string> {
  const strong = new Map<string, string>();
  const all = new Set<string>();
  for (const { path, elf } of files) {
    for (const symbol of elf.symbols) {
      // Each file may have a license: see `hideLicense`.
      if (!symbol.defined || symbol.binding === 'local' || elf.sections[symbol.section]?.name === 'license') continue;
      all.add(symbol.name);
      if (symbol.binding === 'weak') continue;
      const other = strong.get(symbol.name);
      if (other !== undefined) {
        throw new ExtensionError(
          `${nameOf(symbol)} is defined in ${printable(other)} and in ${printable(path)}`,
          'define it in one file and declare it extern in the other, or make it static',
        );
      }
      strong.set(symbol.name, path);
    }
  }
  return all;
}

/**
 * Checks that all symbols a file needs are defined.
 * @param definitions of all files of the extension
 * @throws ExtensionError that names an undefined one
 */
export function checkNeeds({ elf, btf }: LinkedFile, definitions: ReadonlySet<string>): void {
  const given = findGiven(btf);
  for (const { defined, name } of elf.symbols) {
    if (defined || name === '' || definitions.has(name) || given.has(name) || OFFERED.includes(name)) continue;
    // The ELF symbol of an undefined name does not tell its kind.
    const isFunction = Array.from(btf.functionIds).some((id) => btf.name(id) === name);
    const shown = nameOf({ name, kind: isFunction ? 'function' : 'other' });
    throw new ExtensionError(`it uses ${shown}, which no file defines`, hintFor(name));
  }
}

const nameOf = ({ name, kind }: Pick<ElfSymbol, 'name' | 'kind'>) =>
  `${printable(name)}${kind === 'function' ? '()' : ''}`;

function hintFor(name: string): string {
  if (name.startsWith(OWN_PREFIX)) return `what the tracer offers is ${OFFERED.join(' and ')}`;
  if (BUILTIN.test(name)) return "the compiler calls it for sizes that it can't unroll: use constant and smaller ones";
  return 'give the file that defines it, too (each with -e); what the kernel defines is declared with __ksym';
}

/** Names that the kernel or libbpf defines, by the BTF. */
function findGiven(btf: Btf): Set<string> {
  const names = new Set<string>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_DATASEC || !GIVEN.has(btf.name(id))) continue;
    for (let entry = 0; entry < btf.vlen(id); entry++) names.add(btf.name(btf.tail(id, entry * 3)));
  }
  return names;
}
