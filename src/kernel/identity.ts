/** The identity of the running kernel: facts that were found out about it hold as long as this stays the same. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { loadModules } from './modules.js';

export interface KernelIdentity {
  /**
   * The build: a hash of the build ids of the kernel and of each loaded module, and of the sizes of their BTF. The same
   * after a reboot.
   */
  readonly build: string;
  /**
   * The addresses: a hash of the build, the boot, and the address of each module. Undefined where this process may not
   * see addresses.
   */
  readonly addresses: string | undefined;
}

/**
 * Reads the ELF notes that the kernel shows of itself (`/sys/kernel/notes`) and of its modules: they hold the build ids
 * that the linker made.
 * @returns undefined if an id is missing or can't be read, or a module is being loaded or unloaded
 */
export function loadKernelIdentity(): KernelIdentity | undefined {
  try {
    const build = createHash('sha256').update(readFileSync('/sys/kernel/notes')).update(sizeOfBtf('vmlinux'));
    // Sorted, since modules may be loaded in another order after a reboot.
    const modules = loadModules().sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, state } of modules) {
      if (state !== 'Live') return undefined;
      build.update(`${name}\0`).update(readFileSync(`/sys/module/${name}/notes/.note.gnu.build-id`));
      build.update(sizeOfBtf(name));
    }
    const digest = build.digest('hex');
    const isHidden = modules.some(({ address }) => /^0x0+$/.test(address));
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
    const addresses = createHash('sha256').update(digest).update(boot).update(JSON.stringify(modules)).digest('hex');
    return { build: digest, addresses: isHidden ? undefined : addresses };
  } catch {
    return undefined;
  }
}

function sizeOfBtf(module: string): string {
  return `${statSync(`/sys/kernel/btf/${module}`, { throwIfNoEntry: false })?.size ?? -1}\0`;
}
