/** The kernel's modules: `/proc/modules`. */
import { readFileSync, statSync } from 'node:fs';

/** A line of `/proc/modules`, with the kernel's words. */
export interface KernelModule {
  readonly name: string;
  readonly size: string;
  /** `Live`, `Loading` or `Unloading`. */
  readonly state: string;
  /** `0x…`; all digits are 0 for a reader that may not see addresses. */
  readonly address: string;
}

/**
 * Reads the modules that are loaded, being loaded or being unloaded; the last loaded comes first.
 * @throws Error of Node (`ENOENT`) where the kernel has no modules
 */
export function loadModules(): KernelModule[] {
  return parseModules(readFileSync('/proc/modules', 'latin1'));
}

/**
 * Reads lines of `NAME SIZE REFERENCES USERS STATE ADDRESS`.
 * @param text content of `/proc/modules`
 */
export function parseModules(text: string): KernelModule[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [name = '', size = '', , , state = '', address = ''] = line.split(' ');
    return { name, size, state, address };
  });
}

/**
 * The modules that are live, by name. The number is the inode of the module's directory in sysfs, which differs when a
 * module is unloaded and loaded again; 0 where sysfs is hidden.
 */
export type LiveModules = ReadonlyMap<string, number>;

/** @returns no modules where the kernel has none */
export function loadLiveModules(): LiveModules {
  let modules: KernelModule[];
  try {
    modules = loadModules();
  } catch {
    return new Map();
  }
  const live = modules.filter(({ state }) => state === 'Live');
  return new Map(live.map(({ name }) => [name, loadInode(`/sys/module/${name}`)]));
}

function loadInode(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return 0;
  }
}
