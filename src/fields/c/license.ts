/**
 * Licenses of extensions. The kernel allows the helpers of tracing only to GPL-compatible programs, and libbpf's linker
 * takes several `license` sections only if they are equal. Pure.
 */
import { ExtensionError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { BTF_KIND_DATASEC, BTF_KIND_VAR, type Btf } from '../../btf/btf.js';
import { type ElfObject, sectionBytes } from '../../bytecode/elf.js';

const SECTION = 'license';

/** The licenses that are GPL-compatible to the kernel: `license_is_gpl_compatible` of `linux/license.h`. */
const GPL_COMPATIBLE = ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL'];

/**
 * Whether an object has a license.
 * @throws ExtensionError if it is not compatible with the GPL
 */
export function checkLicense(bytes: Uint8Array, elf: ElfObject): boolean {
  const section = sectionBytes(bytes, elf, SECTION);
  if (!section) return false;
  const text = Buffer.from(section).toString('latin1').replace(/\0.*$/s, '');
  if (GPL_COMPATIBLE.includes(text)) return true;
  throw new ExtensionError(
    `its license '${printable(text)}' is not compatible with the GPL: the kernel would refuse what tracing needs`,
    `the kernel knows ${GPL_COMPATIBLE.join(', ')}`,
  );
}

/**
 * Hides an object's license from the linker. The section gets another name in ELF and in BTF, under which it is data
 * that nothing uses, and its variable becomes local, so that several objects may have variables of one name. Names are
 * changed in place, and keep their length: an ELF string may be the end of another (`_license`), which then changes
 * too, without harm.
 * @param bytes edited
 * @param index makes the name unique; 0 to 9
 */
export function hideLicense(bytes: Uint8Array, elf: ElfObject, btf: Btf, btfAt: number, index: number): void {
  const section = elf.sections.findIndex(({ name }) => name === SECTION);
  const { nameAt } = elf.sections[section]!;
  const last = String(index).charCodeAt(0);
  bytes[nameAt + SECTION.length - 1] = last;
  for (const symbol of elf.symbols) if (symbol.section === section) bytes[symbol.at + 4]! &= 0x0f;
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_DATASEC || btf.name(id) !== SECTION) continue;
    for (let entry = 0; entry < btf.vlen(id); entry++) {
      const variable = btf.tail(id, entry * 3);
      if (btf.kind(variable) === BTF_KIND_VAR) bytes[btfAt + btf.byteOffset({ type: variable }) + 12] = 0; // linkage: static
    }
    bytes[btfAt + btf.byteOffset({ string: btf.nameOffset(id) }) + SECTION.length - 1] = last;
  }
}
