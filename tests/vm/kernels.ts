/** The features that each kernel of the tests must have: a missing one is a failure, not a skip. */
import { release } from 'node:os';
import { test } from 'vitest';
import type { BackendName, TracerName } from '../../src/base/method.js';
import { tracersOf } from '../../src/probes/backend.js';
import { BACKENDS } from '../../src/probes/backends.js';
import { ipft } from './harness.js';

export type Method = `${BackendName} ${TracerName}`;

/** All backends with all that each shows. */
export const METHODS: readonly Method[] = BACKENDS.flatMap((backend) =>
  tracersOf(backend).map((tracer): Method => `${backend.name} ${tracer}`),
);

interface Kernel {
  /** Backends that its version has and its configuration has not. */
  readonly without: readonly BackendName[];
  /** The backends that `ipft` chooses. */
  readonly chosen: { readonly function: string; readonly function_graph: string };
  /** Whether modules have BTF, without which their functions can't be traced. */
  readonly hasModuleBtf: boolean;
  /** Whether functions that drop packets are told why. */
  readonly hasDropReasons: boolean;
  /** Whether it tells where a packet's fragments are given back. */
  readonly tellsOfFragments: boolean;
  /** Whether BTF describes variables that each CPU has: older versions of pahole leave them out. */
  readonly hasPerCpuVariables: boolean;
  /** Whether BTF describes functions that share a name: newer versions of pahole leave them out. */
  readonly hasSharedNames: boolean;
}

/** By the beginning of the release; any other release counts as the newest. */
const KERNELS: Record<string, Kernel> = {
  '5.10.': {
    without: [],
    chosen: { function: 'kprobe', function_graph: 'ftrace' },
    hasModuleBtf: false,
    hasDropReasons: false,
    tellsOfFragments: false,
    hasPerCpuVariables: false,
    hasSharedNames: true,
  },
  '6.1.': {
    without: ['kprobe-multi'],
    chosen: { function: 'kprobe', function_graph: 'ftrace' },
    hasModuleBtf: true,
    hasDropReasons: true,
    tellsOfFragments: false,
    hasPerCpuVariables: true,
    hasSharedNames: true,
  },
  '6.12.': {
    without: [],
    chosen: { function: 'kprobe-multi', function_graph: 'kprobe-multi' },
    hasModuleBtf: true,
    hasDropReasons: true,
    tellsOfFragments: true,
    hasPerCpuVariables: true,
    hasSharedNames: true,
  },
};
const NEWEST: Kernel = {
  without: [],
  chosen: { function: 'fentry-multi', function_graph: 'fentry-multi' },
  hasModuleBtf: true,
  hasDropReasons: true,
  tellsOfFragments: true,
  hasPerCpuVariables: true,
  hasSharedNames: false,
};

const OWN = Object.entries(KERNELS).find(([begin]) => release().startsWith(begin))?.[1] ?? NEWEST;

/** The kernel that has the tests of what is the same on all of them: see vitest.config.ts. */
export const HAS_ALL_TESTS = release().startsWith('6.12.');

/** `methods`: the backends that it must have by its version, which the backends name and never look at. */
export const KERNEL: Kernel & { readonly methods: readonly Method[] } = {
  ...OWN,
  methods: BACKENDS.filter(({ name }) => !OWN.without.includes(name)).flatMap(({ name, since }) =>
    tracersOf({ since }).flatMap((tracer): Method[] => (isSince(since[tracer]!) ? [`${name} ${tracer}`] : [])),
  ),
};

function isSince(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function isIn(method: Method, chosen: Kernel['chosen']): boolean {
  const [backend, tracer] = method.split(' ') as [string, TracerName];
  return chosen[tracer] === backend;
}

/**
 * The methods that `ipft` chooses here, for tests of what others have had with all backends together with more, and may
 * differ from kernel to kernel.
 */
export const CHOSEN_METHODS = METHODS.filter((method) => isIn(method, OWN.chosen));

/** The first kernel, from the oldest on, on which `ipft` chooses a method; undefined if there is none. */
const firstToChoose = (method: Method) =>
  [...Object.values(KERNELS), NEWEST].find(({ chosen }) => isIn(method, chosen));

/**
 * The methods for tests of what a backend does alike on all kernels: each is tested on the first kernel where `ipft`
 * chooses it, and those that it chooses nowhere on the kernel that has all tests. What a kernel's verifier may refuse is
 * tested with LARGEST_METHODS or METHODS.
 */
export const SOME_METHODS = METHODS.filter((method) => {
  const first = firstToChoose(method);
  return first === undefined ? HAS_ALL_TESTS : first === OWN;
});

/** Whether what `ipft` chooses for functions without returns was not chosen on an older kernel. */
export const CHOOSES_FIRST = firstToChoose(`${OWN.chosen.function} function` as Method) === OWN;

/** The same, and what `ipft` chooses without returns, for tests of what a kernel's version may change. */
export const MAIN_METHODS = METHODS.filter(
  (method) => SOME_METHODS.includes(method) || method === `${OWN.chosen.function} function`,
);

/**
 * The methods whose programs are the largest, for tests of what a verifier may refuse: with returns a backend's programs
 * have all that they have without. Without returns they are tried on one kernel, and where `ipft` chooses them.
 */
export const LARGEST_METHODS = METHODS.filter((method) => {
  const [backend] = method.split(' ');
  const hasMore = method.endsWith(' function') && KERNEL.methods.includes(`${backend} function_graph` as Method);
  return !hasMore || HAS_ALL_TESTS || isIn(method, OWN.chosen);
});

interface Doctor {
  readonly checks: readonly { readonly name: string; readonly status: string; readonly result: string }[];
  readonly tracers: readonly { backend: string; tracer: string; works: boolean | null; reason?: string }[];
  readonly chosen: { readonly function: string | null; readonly function_graph: string | null };
}

let doctor: Doctor | undefined;

/** The output of `ipft doctor --json`. */
export function askDoctor(): Doctor {
  doctor ??= JSON.parse(ipft('doctor', '--json').stdout) as Doctor;
  return doctor;
}

/** The backend and tracer of a method, as options. */
export function optionsOf(method: Method): string[] {
  const [backend = '', tracer = ''] = method.split(' ');
  return ['-b', backend, '-t', tracer];
}

/**
 * A test of a backend with a tracer. It is skipped only where ipft itself says that the kernel lacks it, and the table
 * allows that.
 */
export function testMethod(method: Method, name: string, body: () => Promise<void>): void {
  test(`${method}: ${name}`, async (context) => {
    const [backend, tracer] = method.split(' ');
    const said = askDoctor().tracers.find((one) => one.backend === backend && one.tracer === tracer);
    if (said?.works) return await body();
    if (KERNEL.methods.includes(method)) throw new Error(`this kernel must have it; ipft says: ${said?.reason}`);
    // ipft says that the kernel lacks it, and the table above allows that.
    context.skip();
  });
}

/**
 * Options for a trace with the backend that ipft chooses: where functions are attached to one by one, only those that
 * the tests look at, since all would take minutes.
 */
export const FEW: readonly string[] =
  KERNEL.chosen.function === 'kprobe'
    ? ['-r', '^(__)?(ip_(local_out|output|finish)|dev_(queue|hard)|veth_xmit|skb_scrub|kfree_skbmem)']
    : [];
