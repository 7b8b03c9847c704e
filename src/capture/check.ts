/** Checks fields and a condition without tracing: whether they link with every backend, and the verifier accepts them. */
import { IpftError } from '../base/errors.js';
import type { BackendName, TracerName } from '../base/method.js';
import { type EventFields, NO_FIELDS } from '../fields/field-set.js';
import { markFilter } from '../filter/mark.js';
import type { Condition } from '../filter/packet-filter.js';
import { canTrace, loadCapabilities } from '../kernel/privileges.js';
import { type Backend, tracersOf } from '../probes/backend.js';
import { BACKENDS, probeBackend } from '../probes/backends.js';
import { type LoadOptions, link, loadPrograms } from './load.js';

/** The result for one backend and tracer. */
export interface ExtensionCheck {
  readonly backend: BackendName;
  readonly tracer: TracerName;
  /** `linked`: it links, and the verifier was not asked; `why` has the reason if it could not be asked. */
  readonly result: 'verified' | 'linked' | 'refused';
  readonly why?: string;
  /** The error of a refusal. */
  readonly problem?: IpftError;
}

/** Whether this process may ask the kernel's verifier. */
export function canLoadPrograms(): boolean {
  return canTrace(loadCapabilities());
}

/**
 * Links fields with each backend, and has the kernel verify them for each tracer: an extension is called from other
 * places at a return, where less stack is left.
 * @param verify whether to ask the kernel; needs what `canLoadPrograms` tells
 */
export async function checkFields(
  fields: EventFields,
  where: Condition | undefined,
  verify: boolean,
): Promise<ExtensionCheck[]> {
  const packets = { ...markFilter(1, 0xffffffff), where };
  const checks: ExtensionCheck[] = [];
  for (const backend of BACKENDS) {
    const linking = await problemOf(async () => void (await link(backend, 'function', { fields })));
    for (const tracer of tracersOf(backend)) {
      const method = { backend: backend.name, tracer };
      if (linking) checks.push({ ...method, result: 'refused', problem: linking });
      else if (!verify) checks.push({ ...method, result: 'linked' });
      else checks.push({ ...method, ...(await verifyWith(backend, tracer, { fields, packets })) });
    }
  }
  return checks;
}

/**
 * The problem that keeps a trace with the extension from starting: that of the backend that would be chosen, without
 * returns. Undefined if there is none.
 */
export function findProblem(checks: readonly ExtensionCheck[]): IpftError | undefined {
  const asked = checks.filter(({ tracer, result }) => tracer === 'function' && result !== 'linked');
  return asked[0]?.problem;
}

async function verifyWith(
  backend: Backend,
  tracer: TracerName,
  asked: Pick<LoadOptions, 'fields' | 'packets'>,
): Promise<Omit<ExtensionCheck, 'backend' | 'tracer'>> {
  const problem = await problemOf(() => tryLoading(backend, tracer, asked));
  if (!problem) return { result: 'verified' };
  // If the kernel also refuses the program without the extension, the extension is not to blame.
  const ours = await problemOf(() => tryLoading(backend, tracer));
  if (!ours) return { result: 'refused', problem };
  const support = await probeBackend(backend, tracer);
  return { result: 'linked', why: support.available ? ours.message : `this kernel ${support.problem}` };
}

/** Loads all programs of a backend, and closes them again. @throws what loading throws */
export async function tryLoading(
  backend: Backend,
  tracer: TracerName,
  { fields, packets }: Pick<LoadOptions, 'fields' | 'packets'> = NOTHING,
): Promise<void> {
  const options = { samplePeriod: 1, follow: false, snaplen: 0, who: false };
  const { object } = await loadPrograms(backend, undefined, {
    ...{ ...options, tracer, ringSizeBytes: SMALL_RING_BYTES, fields, packets },
  });
  object[Symbol.dispose]();
}

async function problemOf(attempt: () => Promise<void>): Promise<IpftError | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (error instanceof IpftError) return error;
    throw error;
  }
}

/** Any mark will do. */
const NOTHING = { fields: NO_FIELDS, packets: markFilter(1, 0xffffffff) };
/** A multiple of every page size. */
const SMALL_RING_BYTES = 1 << 16;
