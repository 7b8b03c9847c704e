/** The backends, and the choice of one. */

import { UnsupportedFeatureError, UsageError } from '../base/errors.js';
import { BACKEND_NAMES, type BackendName, type TracerName } from '../base/method.js';
import { loadKernelBtf } from '../kernel/btf.js';
import type { Support } from '../kernel/features.js';
import { explainLockdown } from '../kernel/preflight.js';
import type { Backend } from './backend.js';
import { fentryMulti } from './fentry-multi.js';
import { ftrace } from './ftrace.js';
import { kprobe } from './kprobe.js';
import { kprobeMulti } from './kprobe-multi.js';

const BY_NAME: Readonly<Record<BackendName, Backend>> = {
  ...{ 'fentry-multi': fentryMulti, 'kprobe-multi': kprobeMulti, kprobe, ftrace },
};

/** All backends, best first. */
export const BACKENDS: readonly Backend[] = BACKEND_NAMES.map((name) => BY_NAME[name]);

/** The chosen backend, and the reasons why better ones do not work. */
export interface BackendChoice {
  readonly backend: Backend;
  readonly passedOver: readonly { readonly name: BackendName; readonly problem: string }[];
}

/** @throws UsageError for a backend that can't do what the tracer shows */
export function checkMethod(tracer: TracerName, wanted: BackendName): void {
  const able = BACKENDS.filter(({ since }) => tracer in since).map(({ name }) => name);
  if (able.includes(wanted)) return;
  throw new UsageError(
    `the backend ${wanted} sees no returns, which --tracer ${tracer} shows: there are ${able.join(', ')}`,
  );
}

/** Whether a backend works on the running kernel with a tracer. */
export async function probeBackend(backend: Backend, tracer: TracerName): Promise<Support> {
  if (!(tracer in backend.since)) return { available: false, problem: 'sees no returns' };
  return await backend.support(tracer, loadKernelBtf());
}

/**
 * The best backend that works on the running kernel.
 * @param wanted the backend to use; by default it is chosen
 * @throws UnsupportedFeatureError if it does not work, or none does; UsageError for a backend that does not support the
 * tracer
 */
export async function chooseBackend(tracer: TracerName, wanted?: BackendName): Promise<BackendChoice> {
  const able = BACKENDS.filter(({ since }) => tracer in since);
  if (wanted !== undefined) return { backend: await forceBackend(tracer, wanted, able), passedOver: [] };
  const passedOver: { name: BackendName; problem: string }[] = [];
  for (const backend of able) {
    const support = await probeBackend(backend, tracer);
    if (support.available) return { backend, passedOver };
    passedOver.push({ name: backend.name, problem: `this kernel ${support.problem}` });
  }
  const reasons = passedOver.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
  return explainLockdown(() => {
    throw new UnsupportedFeatureError(
      tracer,
      `no backend works here: ${reasons}`,
      'ipft doctor tells what to do about each',
    );
  });
}

async function forceBackend(tracer: TracerName, wanted: BackendName, able: readonly Backend[]): Promise<Backend> {
  checkMethod(tracer, wanted);
  const backend = able.find(({ name }) => name === wanted)!;
  const support = await probeBackend(backend, tracer);
  if (support.available) return backend;
  const working: string[] = [];
  for (const other of able) {
    if (other !== backend && (await probeBackend(other, tracer)).available) working.push(other.name);
  }
  const { problem, hint, minimumVersion } = support;
  const others = working.length > 0 ? `what works: -b ${working.join(', -b ')}` : 'ipft doctor tells what there is';
  return explainLockdown(() => {
    throw new UnsupportedFeatureError(
      wanted,
      `the backend ${wanted} does not work here: this kernel ${problem}`,
      [...(hint === undefined ? [] : [hint]), others].join('; '),
      minimumVersion,
    );
  });
}
