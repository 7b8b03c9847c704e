/** What of a kernel's BTF lets programs read memory without a helper. Pure. */
import type { Btf } from './btf.js';
import { findFunction } from './functions.js';
import { findStructs } from './members.js';

/** Kernel functions and types that let a program read memory without a helper. */
export interface DirectReads {
  /** The id of `bpf_rdonly_cast`. */
  readonly cast: number;
  /** A struct that begins with 8 bytes of one member. */
  readonly word: number;
  /** A struct that begins with an array of `WINDOW_BYTES` bytes: of it, members of any size at any offset may be read. */
  readonly window: number;
}

export const WINDOW_BYTES = 64;

/** Undefined where the kernel has no such reads. Linux 6.2+. */
export function findDirectReads(vmlinux: Btf): DirectReads | undefined {
  const cast = findFunction(vmlinux, 'bpf_rdonly_cast');
  const structs = findStructs(vmlinux, ['timespec64', 'new_utsname']);
  const [word, window] = [structs.get('timespec64'), structs.get('new_utsname')];
  return cast === undefined || word === undefined || window === undefined ? undefined : { cast, word, window };
}
