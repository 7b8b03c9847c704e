/** Which kernel this is, to the byte: what was found out about it holds as long as this does not change. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { loadModules } from './modules.js';

export interface KernelIdentity {
  /**
   * Tells apart builds: a hash of the build ids of the kernel and of each loaded module, and of the sizes of their BTF.
   * The same after a reboot.
   */
  readonly build: string;
  /**
   * Tells apart places in memory: the same and the boot, and where each module lies. Undefined where this process may not
   * see addresses.
   */
  readonly place: string | undefined;
}

/**
 * Reads the ELF notes that the kernel shows of itself (`/sys/kernel/notes`) and of its modules, which hold the id that
 * the linker gave to each build.
 * @returns nothing if one has none, is being loaded or unloaded, or can't be read: then nothing can be said for sure
 */
export function loadKernelIdentity(): KernelIdentity | undefined {
  try {
    const build = createHash('sha256').update(readFileSync('/sys/kernel/notes')).update(sizeOfBtf('vmlinux'));
    // The order of loading says nothing of what is loaded.
    const modules = loadModules().sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, state } of modules) {
      if (state !== 'Live') return undefined;
      build.update(`${name}\0`).update(readFileSync(`/sys/module/${name}/notes/.note.gnu.build-id`));
      build.update(sizeOfBtf(name));
    }
    const digest = build.digest('hex');
    const isHidden = modules.some(({ address }) => /^0x0+$/.test(address));
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
    const place = createHash('sha256').update(digest).update(boot).update(JSON.stringify(modules)).digest('hex');
    return { build: digest, place: isHidden ? undefined : place };
  } catch {
    return undefined;
  }
}

function sizeOfBtf(module: string): string {
  return `${statSync(`/sys/kernel/btf/${module}`, { throwIfNoEntry: false })?.size ?? -1}\0`;
}
