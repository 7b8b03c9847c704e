/** Checking an extension without tracing: does it link with every backend, and what does the verifier say? */
import { IpftError } from '../base/errors.js';
import type { Extension } from '../extension/extension.js';
import { loadCapabilities } from '../kernel/privileges.js';
import type { Backend } from './backend.js';
import { kprobeMulti } from './kprobe-multi.js';
import { link, loadPrograms } from './load.js';

const BACKENDS: readonly Backend[] = [kprobeMulti];

export interface ExtensionCheck {
  readonly backend: string;
  /** `linked`: it links, and the kernel was not asked, or could not be: `why`. */
  readonly result: 'verified' | 'linked' | 'refused';
  readonly why?: string;
  /** Of what was refused. */
  readonly problem?: IpftError;
}

/** Whether this process may ask the kernel's verifier. */
export function canLoadPrograms(): boolean {
  const capabilities = loadCapabilities();
  return capabilities.has('CAP_SYS_ADMIN') || (capabilities.has('CAP_BPF') && capabilities.has('CAP_PERFMON'));
}

/**
 * Links an extension with each backend, and has the kernel verify it.
 * @param verify whether to ask the kernel; needs what `canLoadPrograms` tells
 */
export function checkExtension(extension: Extension, verify: boolean): ExtensionCheck[] {
  return BACKENDS.map((backend) => checkWith(backend, extension, verify));
}

function checkWith(backend: Backend, extension: Extension, verify: boolean): ExtensionCheck {
  const { name } = backend;
  const problem = problemOf(() => (verify ? tryLoading(backend, extension) : void link(backend, extension)));
  if (!problem) return { backend: name, result: verify ? 'verified' : 'linked' };
  // A kernel that refuses our own program too says nothing about the extension.
  const ours = verify ? problemOf(() => tryLoading(backend, undefined)) : undefined;
  const linking = ours && problemOf(() => void link(backend, extension));
  if (ours && !linking) return { backend: name, result: 'linked', why: ours.message };
  return { backend: name, result: 'refused', problem: linking ?? problem };
}

function tryLoading(backend: Backend, extension: Extension | undefined): void {
  // Any mark will do, and the smallest ring.
  const options = { mark: 1, mask: 0xffffffff, samplePeriod: 1, ringSizeBytes: RING_BYTES, extension };
  loadPrograms(backend, undefined, options)[Symbol.dispose]();
}

function problemOf(attempt: () => void): IpftError | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof IpftError) return error;
    throw error;
  }
}

/** A multiple of every page size. */
const RING_BYTES = 1 << 16;
