/** BTF of the running kernel and its modules. */
import { readFileSync } from 'node:fs';
import { causedBy, EnvironmentError, ParseError } from '../base/errors.js';
import { type Btf, parseBtf } from '../btf/btf.js';

const DIRECTORY = '/sys/kernel/btf';

let vmlinux: Btf | undefined;

/**
 * The BTF of the kernel proper, read once. Requires CONFIG_DEBUG_INFO_BTF (Linux 5.4).
 * @throws EnvironmentError if there is none, or it can't be read
 */
export function loadKernelBtf(): Btf {
  vmlinux ??= readKernelBtf();
  return vmlinux;
}

function readKernelBtf(): Btf {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`${DIRECTORY}/vmlinux`);
  } catch (error) {
    throw causedBy(
      new EnvironmentError(
        'NO_BTF',
        `reading the kernel's types: ${(error as Error).message}`,
        'the kernel must be built with CONFIG_DEBUG_INFO_BTF=y; the kernels of Debian 11, Ubuntu 20.10, Fedora 31 and later are',
      ),
      error,
    );
  }
  return parseBtf(bytes);
}

/**
 * The BTF of a loaded module. Requires CONFIG_DEBUG_INFO_BTF_MODULES (Linux 5.11).
 * @returns why there is none, where it is missing or makes no sense
 */
export function loadModuleBtf(module: string, base: Btf): Btf | { problem: string } {
  try {
    return parseBtf(readFileSync(`${DIRECTORY}/${module}`), base);
  } catch (error) {
    if (error instanceof ParseError) return { problem: error.message };
    return { problem: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no BTF' : (error as Error).message };
  }
}
