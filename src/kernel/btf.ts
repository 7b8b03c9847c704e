/** BTF of the running kernel and its modules. */
import { readdirSync, readFileSync } from 'node:fs';
import { causedBy, EnvironmentError, ParseError } from '../base/errors.js';
import { type Btf, parseBtf } from '../btf/btf.js';

const DIRECTORY = '/sys/kernel/btf';

const NOT_BUILT =
  'the kernel must be built with CONFIG_DEBUG_INFO_BTF=y; the kernels of Debian 11, Ubuntu 20.10, Fedora 31 and later are';
/** The hint for a file whose content can't be the kernel's. */
export const COVERED = 'something else lies over that file, as in some containers: unmount it, or run ipft outside';

let vmlinux: Btf | undefined;

/**
 * The BTF of the kernel proper, read once. Requires CONFIG_DEBUG_INFO_BTF (Linux 5.4).
 * @throws EnvironmentError `NO_BTF`
 */
export function loadKernelBtf(): Btf {
  vmlinux ??= readKernelBtf();
  return vmlinux;
}

function readKernelBtf(): Btf {
  const path = `${DIRECTORY}/vmlinux`;
  try {
    return parseBtf(readFileSync(path));
  } catch (error) {
    const { message } = error as Error;
    const [problem, hint] =
      error instanceof ParseError
        ? [`${path}: ${message}`, `${COVERED}; or this kernel is too new for this ipft`]
        : [message, NOT_BUILT];
    throw causedBy(new EnvironmentError('NO_BTF', `reading the kernel's types: ${problem}`, hint), error);
  }
}

/**
 * The BTF of a loaded module. Requires CONFIG_DEBUG_INFO_BTF_MODULES (Linux 5.11).
 * @returns the reason where there is none, or it is damaged
 */
export function loadModuleBtf(module: string, base: Btf): Btf | { problem: string } {
  try {
    return parseBtf(readFileSync(`${DIRECTORY}/${module}`), base);
  } catch (error) {
    if (error instanceof ParseError) return { problem: error.message };
    return { problem: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no BTF' : (error as Error).message };
  }
}

/** The loaded modules that have BTF. Before Linux 5.11 there are none. */
export function listModulesWithBtf(): string[] {
  try {
    return readdirSync(DIRECTORY).filter((name) => name !== 'vmlinux');
  } catch {
    return [];
  }
}
