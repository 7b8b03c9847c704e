/** Checking an extension without tracing: does it link with every backend, and what does the verifier say? */
import { IpftError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import type { Extension } from '../extension/extension.js';
import { canTrace, loadCapabilities } from '../kernel/privileges.js';
import type { Backend } from './backend.js';
import { BACKENDS, probeBackend } from './backends.js';
import { link, loadPrograms } from './load.js';

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
  return canTrace(loadCapabilities());
}

/**
 * Links an extension with each backend, and has the kernel verify it.
 * @param verify whether to ask the kernel; needs what `canLoadPrograms` tells
 */
export async function checkExtension(extension: Extension, verify: boolean): Promise<ExtensionCheck[]> {
  const checks: ExtensionCheck[] = [];
  for (const backend of BACKENDS) checks.push(await checkWith(backend, extension, verify));
  return checks;
}

async function checkWith(backend: Backend, extension: Extension, verify: boolean): Promise<ExtensionCheck> {
  const { name } = backend;
  const linking = problemOf(() => void link(backend, 'function', extension));
  if (linking) return { backend: name, result: 'refused', problem: linking };
  if (!verify) return { backend: name, result: 'linked' };
  // Both tracers where the kernel has them: the extension is called from other places at a return.
  let verified = false;
  let why: string | undefined;
  for (const tracer of backend.tracers) {
    const problem = problemOf(() => tryLoading(backend, tracer, extension));
    if (!problem) {
      verified = true;
      continue;
    }
    // A kernel that refuses our own program too says nothing about the extension.
    const ours = problemOf(() => tryLoading(backend, tracer, undefined));
    if (!ours) return { backend: name, result: 'refused', problem };
    if (why !== undefined) continue;
    const support = await probeBackend(backend, tracer);
    why = support.available ? ours.message : `this kernel ${support.problem}`;
  }
  if (verified) return { backend: name, result: 'verified' };
  return { backend: name, result: 'linked', ...(why === undefined ? {} : { why }) };
}

/** Loads all programs of a backend, and closes them again. @throws what loading throws */
export function tryLoading(backend: Backend, tracer: TracerName, extension: Extension | undefined): void {
  // Any mark will do, and the smallest ring.
  const packets = { mark: 1, mask: 0xffffffff, samplePeriod: 1, follow: false };
  loadPrograms(backend, undefined, { ...packets, tracer, ringSizeBytes: RING_BYTES, extension }).object[
    Symbol.dispose
  ]();
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
